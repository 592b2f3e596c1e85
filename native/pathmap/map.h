/* Rules M inside the path map: which mount shows a path on the other side, and under which name. */
#ifndef CLEANENV_PATHMAP_MAP_H
#define CLEANENV_PATHMAP_MAP_H

#include "pathmap/pathmap.h"
#include "pathmap/text.h"

enum pathmap_direction { PATHMAP_TO_CONTAINER, PATHMAP_TO_HOST };

/* A2: what may follow a path that is not the whole argument. */
#define PATHMAP_SEPARATORS ":,;="

/* How a path gets to the other side. */
struct pathmap_route {
	const struct pathmap_mount *mount; /* NULL: it does not */
	struct slice path;                 /* what is mapped: the path given, or its normal form (M6) */
	struct slice rest;                 /* the part of `path` behind the mount's prefix */
	size_t depth;                      /* components in that prefix */
	bool tidy;                         /* no component of `path` is empty or `.` */
	struct buffer owned;               /* memory of `path` if it is not the caller's */
};

/* M2-M4, M6. `path` is absolute and must outlive the route; pathmap_route_free gives back what it allocated. */
struct pathmap_route pathmap_route(const struct pathmap *map, enum pathmap_direction direction, struct slice path);
void pathmap_route_free(struct pathmap_route *route);

/* Append the path's name on the other side (M5). */
void pathmap_append_mapped(struct buffer *buffer, const struct pathmap_route *route, enum pathmap_direction direction);

/* The mount that shows the host's root: it says nothing about a single path. The others are explicit (C1). */
bool pathmap_is_root_mount(const struct pathmap_mount *mount);
bool pathmap_is_explicit(const struct pathmap_route *route);

/* Whether `path`, of the side that is mapped from, lies at or below the mount's end there; `rest` is what follows. `tidy` is
 * what a route says of that path, or false. */
bool pathmap_behind_mount(const struct pathmap_mount *mount, enum pathmap_direction direction, struct slice path, bool tidy,
			  struct slice *rest);

/* Whether `path` leads below a mount's end that lies somewhere below `directory`; both of the side that is mapped from,
 * the path relative to the directory. */
bool pathmap_enters(const struct pathmap *map, enum pathmap_direction direction, struct slice directory,
		    struct slice path);

/* The end of the mount on the side that is mapped from. */
const struct pathmap_end *pathmap_near_end(const struct pathmap_mount *mount, enum pathmap_direction direction);

/* Whether two paths are one (M1), each given in two parts. */
bool pathmap_same_path(struct slice a, struct slice rest_of_a, struct slice b, struct slice rest_of_b);

/* M4: whether the container really sees the host's file where `mount` would put it: another mount may lie over it. */
bool pathmap_is_visible(const struct pathmap *map, const struct pathmap_mount *mount, struct slice rest);

/* What every entry point ends with: take the buffer as the result, unless it says what `input` said. */
struct pathmap_result pathmap_finish(struct buffer *buffer, const char *input, const char *rule, const char *reason);

#endif
