/*
 * Paths and patterns as they come from the host: glob(7) with a backslash in front of each literal special character;
 * "~/" at the start is the user's home.
 */
#ifndef CLEANENV_AGENT_PATTERN_H
#define CLEANENV_AGENT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* The pattern with "~/" replaced by the home, whose own special characters are escaped. False when it is too long. */
bool pattern_expand(const char *pattern, const char *home, char *text, size_t size);

/* Take the backslashes of a literal pattern away, in place. False when it is not literal: it is left alone then. */
bool pattern_unescape(char *text);

/* Called with each executable file; false ends the search. */
typedef bool pattern_visit(void *context, const char *path, const struct stat *status);

/*
 * Visit the regular files (after symbolic links) that match and that this process may execute, in the order of their names;
 * with `anything`, every path that could be meant, without its status: then execve(2) says what is wrong with it. Returns false when a
 * visit did.
 */
bool pattern_search(const char *pattern, const char *home, bool anything, pattern_visit *visit, void *context);

#endif
