/* Which program was called, and of which environment. */
#ifndef CLEANENV_LAUNCHER_PROGRAM_H
#define CLEANENV_LAUNCHER_PROGRAM_H

#include "table/table.h"

#include <stdbool.h>
#include <stddef.h>

struct program {
	const char *name;
	const char **candidates; /* patterns, in the order in which they are tried */
	size_t candidate_count;
	bool called_by_path; /* argv[0] is the path of the launcher's file, which means nothing in the container */
	bool container_view; /* inenv: the first argument is the program, and no argument is mapped */
	bool hook;           /* TABLE_LINK_HOOK */
	const char *session; /* TABLE_LINK_SESSION: its Python; else NULL */
	const struct table_program *options; /* NULL: none are known */
	const char *text; /* what `inenv --map-text=` says; NULL: nothing */
	bool on_host;        /* TABLE_TO_HOST: this is the container, and the program is the host's */
	const char *there;   /* "the container" or "the host": where the program is */
};

/* The runtime directory of the environment; the live directory writes it into the bytes of the launcher that it serves. */
const char *runtime_directory(void);

/*
 * Find out the name that was called and what it stands for in the table; `argument` is argv[0]. Does not return when it stands for
 * nothing.
 */
struct program program_find(const struct table *table, const char *argument);

/* The options of a program of that name, or NULL. */
const struct table_program *program_options(const struct table *table, const char *name);

#endif
