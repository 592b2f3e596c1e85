/* Which of the caller's variables a call hands on, and those that it gets besides. */
#ifndef CLEANENV_LAUNCHER_VARIABLES_H
#define CLEANENV_LAUNCHER_VARIABLES_H

#include "launcher/paths.h"
#include "table/table.h"

#include <stddef.h>

enum variable_verdict {
	VARIABLE_DENIED,   /* it stays behind */
	VARIABLE_ADMITTED, /* it is handed on, if the path map does not drop it */
	VARIABLE_NAMED,    /* the user names it: it is handed on in any case */
};

/* What the environment's configuration says of a variable of this name. */
enum variable_verdict variables_judge(const struct table *table, const char *name);

/* How many strings at the beginning of a vector are definitions: NAME=VALUE as for env(1), or --env=NAME. */
size_t variables_defined(char *const *strings);

/* Add definitions; each takes the place of one of the same name. Their values are erased where they were. */
void variables_set(struct strings *variables, char *const *definitions, size_t count);

#endif
