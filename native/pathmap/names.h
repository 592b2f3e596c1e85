/* The names that text is searched for: those of the container's mounts, as a program may write them. */
#ifndef CLEANENV_PATHMAP_NAMES_H
#define CLEANENV_PATHMAP_NAMES_H

#include "pathmap/pathmap.h"
#include "pathmap/text.h"

/*
 * Append, for each name, the name and what the host calls it, each ended by NUL. For a program that starts in the mapped
 * map->cwd: the absolute names (T1, T2), and those with `..` that lead from there into another mount (T3). A
 * block of them can be sent to whoever filters.
 */
void pathmap_append_names(struct buffer *names, const struct pathmap *map);

#endif
