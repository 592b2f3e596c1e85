/* Whether a name matches a pattern of a link. */
#ifndef CLEANENV_LAUNCHER_MATCH_H
#define CLEANENV_LAUNCHER_MATCH_H

#include <stdbool.h>

/*
 * glob(7) for one file name: `*`, `?`, `[a-z]`, `[!a-z]`; a leading period is matched only by a period; a bracket that is not closed is
 * itself. Not fnmatch(3): musl's brings 17 KB of tables of letters along, and this file is read at every first call.
 */
bool match_name(const char *pattern, const char *name);

#endif
