/* The caller's paths as the container's: working directory, arguments, variables. */
#ifndef CLEANENV_LAUNCHER_PATHS_H
#define CLEANENV_LAUNCHER_PATHS_H

#include "launcher/program.h"
#include "pathmap/pathmap.h"
#include "table/table.h"

#include <stddef.h>

struct strings {
	char **items;
	size_t count;
};

struct paths {
	struct pathmap map;       /* that they were mapped by; it cannot ask about files any more */
	char *directory;          /* the working directory in the container */
	struct strings arguments; /* argv */
	struct strings variables; /* environ */
};

/*
 * Map everything that a call hands on, as the program's profile and the caller's overrides say; the arguments of inenv stay
 * as they are. A path of the host is looked at once at most; what has to be known of the container is asked in one message.
 * Does not return when the working directory cannot be reached from the container, or when only a trace was asked for.
 */
struct paths paths_map(const struct table *table, const struct program *program, char **arguments, char **variables);

#endif
