/* What is known of paths during one call: nothing is looked at twice. */
#ifndef CLEANENV_LAUNCHER_ANSWERS_H
#define CLEANENV_LAUNCHER_ANSWERS_H

#include "pathmap/pathmap.h"

#include <stdbool.h>
#include <stddef.h>

/* A hash table from paths to what is there; `asked` of them are PATHMAP_ASKED. Zero-initialised it is empty. */
struct answers {
	struct answer *slots;
	size_t capacity;
	size_t count;
	size_t asked;
};

struct answer {
	char *path;   /* NULL: a free slot */
	char *target; /* of a symbolic link, once it was read; empty if it could not be */
	enum pathmap_presence presence;
};

/* The entry of a path; a new one is PATHMAP_ASKED. Valid until the next call. */
struct answer *answers_find(struct answers *answers, const char *path, bool *fresh);

#endif
