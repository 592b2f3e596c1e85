/* Relative paths: when they mean the same on both sides, and what becomes of them when they do not (M9, A3). */
#ifndef CLEANENV_PATHMAP_RELATIVE_H
#define CLEANENV_PATHMAP_RELATIVE_H

#include "pathmap/classes.h"

/* Append the absolute path that `relative` names in the view that is mapped from. Returns false if the working
 * directory has no name there. */
bool pathmap_append_full(struct buffer *full, const struct pathmap *map, enum pathmap_direction direction,
			 struct slice relative);

/* M9: whether a relative path, given as its full path, names the same file on the other side as it stands. */
bool pathmap_stays_relative(const struct pathmap *map, enum pathmap_direction direction, struct slice full);

/* A3: whether a relative path in an argument is worth a judgement: it has `..`, or leads below a mount that begins
 * somewhere below the working directory. */
bool pathmap_may_cross(const struct pathmap *map, enum pathmap_direction direction, struct slice path);

/* A3: judge such a path. It becomes absolute if it leaves the mount of the working directory, or enters one that the
 * other side has at another place. */
struct pathmap_judgement pathmap_judge_relative(const struct pathmap *map, enum pathmap_direction direction,
						struct slice path, unsigned circumstances, struct buffer *out);

#endif
