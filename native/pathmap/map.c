/* Rules M: the map itself. Nothing here asks about files; symbolic links (M8) are survey.c's. */
#include "pathmap/map.h"

#include <stdlib.h>

/* A mount that a path lies at or below, on the side that is mapped from. */
struct match {
	const struct pathmap_mount *mount;
	struct slice rest;
	size_t depth;
};

/* The ends of a mount as the direction has them: a path is taken off the near one and put behind the far one. */
static const char *near_end(const struct pathmap_mount *mount, enum pathmap_direction direction)
{
	return direction == PATHMAP_TO_CONTAINER ? mount->host : mount->container;
}

static const char *far_end(const struct pathmap_mount *mount, enum pathmap_direction direction)
{
	return direction == PATHMAP_TO_CONTAINER ? mount->container : mount->host;
}

/*
 * M2: compare whole components, so that /home/u never matches /home/u2. The prefix is a mount's, and normal; the path
 * may have `//` and `.` in it (M1). Most mounts are not the right one and are done with after a byte or two.
 */
static bool is_prefix(const char *prefix, struct slice path, struct match *match)
{
	const char *at = path.at, *end = at + path.length;

	for (match->depth = 0;; match->depth++) {
		while (*prefix == '/')
			prefix++;
		if (*prefix == '\0')
			break;
		while (at < end && (*at == '/' || (*at == '.' && (at + 1 == end || at[1] == '/'))))
			at++;
		for (; *prefix && *prefix != '/'; prefix++, at++)
			if (at == end || *at != *prefix)
				return false;
		if (at < end && *at != '/')
			return false;
	}
	match->rest = (struct slice){ at, (size_t)(end - at) };
	return true;
}

/* Where `path` goes on behind `prefix`, or NULL: M2 for two ends of mounts, which are normal. */
static const char *behind_end(const char *prefix, const char *path)
{
	const char *at = path;

	while (*prefix && *prefix == *at) {
		prefix++;
		at++;
	}
	/* The root is the prefix that ends in a slash itself. */
	return *prefix == '\0' && (*at == '\0' || *at == '/' || (at > path && at[-1] == '/')) ? at : NULL;
}

/* A path that exists in two parts: a mount's prefix and what follows it. */
static bool next_of_two(struct slice parts[2], struct slice *component)
{
	if (pathmap_next(&parts[0], component))
		return true;
	parts[0].length = 0;
	return pathmap_next(&parts[1], component);
}

/* M4 asks whether two names are the same path; their text may differ in `//` and `.` (M1). */
static bool same_components(const char *a, struct slice rest_of_a, const char *b, struct slice rest_of_b)
{
	struct slice parts_a[2] = { pathmap_slice(a), rest_of_a }, parts_b[2] = { pathmap_slice(b), rest_of_b };
	struct slice in_a, in_b;

	while (next_of_two(parts_a, &in_a))
		if (!next_of_two(parts_b, &in_b) || !pathmap_same(in_a, in_b))
			return false;
	return !next_of_two(parts_b, &in_b);
}

/* M3 for paths of the container. What the container sees there is decided by the deepest mount point alone. */
static struct match longest_container_prefix(const struct pathmap *map, struct slice path)
{
	struct match best = { 0 }, match;

	for (size_t i = 0; i < map->mount_count; i++) {
		match.mount = &map->mounts[i];
		if (is_prefix(match.mount->container, path, &match) && (!best.mount || match.depth > best.depth))
			best = match;
	}
	return best;
}

/* The same path of the container goes to the host by the deepest mount at or below `mount` that `rest` leads into. */
bool pathmap_is_visible(const struct pathmap *map, const struct pathmap_mount *mount, struct slice rest)
{
	struct match seen = { .mount = mount, .rest = rest }, match;
	bool found = false;

	for (size_t i = 0; i < map->mount_count; i++) {
		match.mount = &map->mounts[i];
		const char *further = behind_end(mount->container, match.mount->container);
		if (further && is_prefix(further, rest, &match) && (!found || match.depth > seen.depth)) {
			seen = match;
			found = true;
		}
	}
	return seen.mount == mount || same_components(seen.mount->host, seen.rest, mount->host, rest);
}

/* M3 and M4 for paths of the host. A mount that is hidden there gives way to the next one, which may be as long. */
static struct match longest_host_prefix(const struct pathmap *map, struct slice path)
{
	const struct pathmap_mount *hidden = NULL;
	size_t hidden_depth = 0;

	for (;;) {
		struct match best = { 0 }, match;
		for (size_t i = 0; i < map->mount_count; i++) {
			match.mount = &map->mounts[i];
			if (!is_prefix(match.mount->host, path, &match) || (best.mount && match.depth <= best.depth))
				continue;
			if (!hidden || match.depth < hidden_depth || (match.depth == hidden_depth && match.mount > hidden))
				best = match;
		}
		if (!best.mount || pathmap_is_visible(map, best.mount, best.rest))
			return best;
		hidden = best.mount;
		hidden_depth = best.depth;
	}
}

/* M4 is a question of one direction only: a path of the container is what the container sees. */
static struct match find_mount(const struct pathmap *map, enum pathmap_direction direction, struct slice path)
{
	return direction == PATHMAP_TO_CONTAINER ? longest_host_prefix(map, path) : longest_container_prefix(map, path);
}

/*
 * The one place where a mount is chosen for a path. Total: every absolute path has a route, be it one without a mount.
 * The normal form is made for every path with `..`, used or not, because the classes look at it too.
 */
struct pathmap_route pathmap_route(const struct pathmap *map, enum pathmap_direction direction, struct slice path)
{
	struct pathmap_route route = { .path = path };
	struct match match = find_mount(map, direction, path);

	/* M6: with `..` the mount must be the right one for the normal form too; then the text is copied, because only
	 * the kernel knows what `link/..` is. Otherwise the normal form is the best that can be said. */
	if (pathmap_has_parent(path)) {
		pathmap_append_normal(&route.owned, path);
		struct match normal = find_mount(map, direction, pathmap_slice_of(&route.owned));
		if (!match.mount || match.mount != normal.mount || pathmap_climbs(match.rest)) {
			match = normal;
			route.path = pathmap_slice_of(&route.owned);
		}
	}
	route.mount = match.mount;
	route.rest = match.rest;
	route.depth = match.depth;
	return route;
}

void pathmap_route_free(struct pathmap_route *route)
{
	free(route->owned.data);
	route->owned = (struct buffer){ 0 };
}

/* M5. The root is the one path that ends in the slash that all others begin with: `/` is /r, not /r/. */
void pathmap_append_mapped(struct buffer *buffer, const struct pathmap_route *route, enum pathmap_direction direction)
{
	struct slice prefix = pathmap_slice(far_end(route->mount, direction)), rest = route->rest;

	/* A mount at its own path changes nothing, not even a `//` inside of that path (L6). */
	if (pathmap_is(prefix, near_end(route->mount, direction))) {
		pathmap_append(buffer, route->path);
		return;
	}
	if (pathmap_is_root(prefix))
		prefix.length = 0;
	if (route->depth == 0 && pathmap_is(rest, "/"))
		rest.length = 0;
	if (prefix.length == 0 && rest.length == 0)
		rest = pathmap_slice("/");
	pathmap_append(buffer, prefix);
	pathmap_append(buffer, rest);
}

/* By its host end; where it lies in the container is the user's choice (M7). */
bool pathmap_is_root_mount(const struct pathmap_mount *mount)
{
	return mount->host[0] == '/' && mount->host[1] == '\0';
}

bool pathmap_is_explicit(const struct pathmap_route *route)
{
	return route->mount && !pathmap_is_root_mount(route->mount);
}

/* For those who have a certain mount in mind: C3 looks at the container's ends, M9 at the mount of the directory. */
bool pathmap_behind_mount(const struct pathmap_mount *mount, enum pathmap_direction direction, struct slice path,
			  struct slice *rest)
{
	struct match match;

	if (!is_prefix(near_end(mount, direction), path, &match))
		return false;
	*rest = match.rest;
	return true;
}

/*
 * The buffer's memory becomes the result's, or is freed. An input that maps to itself is told as unchanged, so that a
 * caller need not compare, and with an identity mount (L6) nothing is replaced.
 */
struct pathmap_result pathmap_finish(struct buffer *buffer, const char *input, const char *rule)
{
	struct pathmap_result result = { .status = PATHMAP_MAPPED, .text = buffer->data, .rule = rule };

	if (buffer->failed)
		result.status = PATHMAP_NO_MEMORY;
	else if (!buffer->data || (input && pathmap_is(pathmap_slice_of(buffer), input)))
		result.status = PATHMAP_UNCHANGED;
	if (result.status != PATHMAP_MAPPED) {
		free(buffer->data);
		result.text = NULL;
	}
	*buffer = (struct buffer){ 0 };
	return result;
}
