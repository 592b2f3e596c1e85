/* Rules M: the map itself. Nothing here asks about files; symbolic links (M8) are survey.c's. */
#include "pathmap/map.h"

#include <stdlib.h>
#include <string.h>

/* A mount that a path lies at or below, on the side that is mapped from. */
struct match {
	const struct pathmap_mount *mount;
	struct slice rest;
};

static struct pathmap_end end_of(const char *path)
{
	struct slice rest = pathmap_slice(path), component;
	struct pathmap_end end = { .path = path, .length = rest.length, .has_separator = strpbrk(path, PATHMAP_SEPARATORS) };

	while (pathmap_next(&rest, &component))
		end.depth++;
	end.length = end.depth == 0 ? 0 : end.length;
	return end;
}

struct pathmap_mount pathmap_mount(const char *host, const char *container)
{
	return (struct pathmap_mount){ end_of(host), end_of(container) };
}

/* The ends of a mount as the direction has them: a path is taken off the near one and put behind the far one. */
const struct pathmap_end *pathmap_near_end(const struct pathmap_mount *mount, enum pathmap_direction direction)
{
	return direction == PATHMAP_TO_CONTAINER ? &mount->host : &mount->container;
}

static const struct pathmap_end *far_end(const struct pathmap_mount *mount, enum pathmap_direction direction)
{
	return direction == PATHMAP_TO_CONTAINER ? &mount->container : &mount->host;
}

/* Whether no component is empty or `.`: then a path begins with a mount's if its bytes do. */
static bool is_tidy(struct slice path)
{
	for (size_t i = 0; i + 1 < path.length; i++)
		if (path.at[i] == '/' && (path.at[i + 1] == '/' || (path.at[i + 1] == '.' &&
								     (i + 2 == path.length || path.at[i + 2] == '/'))))
			return false;
	return true;
}

/* M2: compare whole components, so that /home/u never matches /home/u2. The prefix is normal, the path need not be. */
static bool begins_with(const char *prefix, struct slice path, struct slice *rest)
{
	const char *at = path.at, *end = at + path.length;

	for (;;) {
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
	*rest = (struct slice){ at, (size_t)(end - at) };
	return true;
}

/* The same for a mount. Most are not the right one, and of a tidy path that is seen at a byte or two. */
static bool is_at(const struct pathmap_end *end, struct slice path, bool tidy, struct slice *rest)
{
	if (!tidy)
		return begins_with(end->path, path, rest);
	if (path.length < end->length || (path.length > end->length && path.at[end->length] != '/') ||
	    memcmp(path.at, end->path, end->length) != 0)
		return false;
	*rest = (struct slice){ path.at + end->length, path.length - end->length };
	return true;
}

/* Where `path` goes on behind `prefix`, or NULL: M2 for two normal paths; of the root the prefix is empty. */
static const char *behind(struct slice prefix, const struct pathmap_end *end)
{
	if (end->length < prefix.length || (end->path[prefix.length] != '/' && end->path[prefix.length] != '\0') ||
	    memcmp(end->path, prefix.at, prefix.length) != 0)
		return NULL;
	return end->path + prefix.length;
}

/* A path that exists in two parts: a mount's prefix and what follows it. */
static bool next_of_two(struct slice parts[2], struct slice *component)
{
	if (pathmap_next(&parts[0], component))
		return true;
	parts[0].length = 0;
	return pathmap_next(&parts[1], component);
}

/* The text may differ in `//` and `.` (M1). */
bool pathmap_same_path(struct slice a, struct slice rest_of_a, struct slice b, struct slice rest_of_b)
{
	struct slice parts_a[2] = { a, rest_of_a }, parts_b[2] = { b, rest_of_b };
	struct slice in_a, in_b;

	while (next_of_two(parts_a, &in_a))
		if (!next_of_two(parts_b, &in_b) || !pathmap_same(in_a, in_b))
			return false;
	return !next_of_two(parts_b, &in_b);
}

/* M3 for paths of the container. What the container sees there is decided by the deepest mount point alone. */
static struct match longest_container_prefix(const struct pathmap *map, struct slice path, bool tidy)
{
	struct match best = { .mount = NULL };
	struct slice rest;

	for (size_t i = 0; i < map->mount_count; i++) {
		const struct pathmap_mount *mount = &map->mounts[i];
		if ((!best.mount || mount->container.depth > best.mount->container.depth) &&
		    is_at(&mount->container, path, tidy, &rest))
			best = (struct match){ mount, rest };
	}
	return best;
}

/* The same path of the container goes to the host by the deepest mount at or below `mount` that `rest` leads into. */
bool pathmap_is_visible(const struct pathmap *map, const struct pathmap_mount *mount, struct slice rest)
{
	struct match seen = { mount, rest };
	struct slice prefix = { mount->container.path, mount->container.length }, further_rest;
	bool found = false;

	for (size_t i = 0; i < map->mount_count; i++) {
		const struct pathmap_mount *other = &map->mounts[i];
		const char *further = behind(prefix, &other->container);
		if (further && (!found || other->container.depth > seen.mount->container.depth) &&
		    begins_with(further, rest, &further_rest)) {
			seen = (struct match){ other, further_rest };
			found = true;
		}
	}
	return seen.mount == mount || pathmap_same_path(pathmap_slice(seen.mount->host.path), seen.rest,
							pathmap_slice(mount->host.path), rest);
}

/* M3 and M4 for paths of the host. A mount that is hidden there gives way to the next one, which may be as long. */
static struct match longest_host_prefix(const struct pathmap *map, struct slice path, bool tidy)
{
	const struct pathmap_mount *hidden = NULL;
	struct slice rest;

	for (;;) {
		struct match best = { .mount = NULL };
		for (size_t i = 0; i < map->mount_count; i++) {
			const struct pathmap_mount *mount = &map->mounts[i];
			size_t depth = mount->host.depth;
			bool is_next = !hidden || depth < hidden->host.depth || (depth == hidden->host.depth && mount > hidden);
			if (is_next && (!best.mount || depth > best.mount->host.depth) && is_at(&mount->host, path, tidy, &rest))
				best = (struct match){ mount, rest };
		}
		if (!best.mount || pathmap_is_visible(map, best.mount, best.rest))
			return best;
		hidden = best.mount;
	}
}

/* M4 is a question of one direction only: a path of the container is what the container sees. */
static struct match find_mount(const struct pathmap *map, enum pathmap_direction direction, struct slice path, bool tidy)
{
	return direction == PATHMAP_TO_CONTAINER ? longest_host_prefix(map, path, tidy) : longest_container_prefix(map, path, tidy);
}

/*
 * The one place where a mount is chosen for a path. Total: every absolute path has a route, be it one without a mount.
 * The normal form is made for every path with `..`, used or not, because the classes look at it too.
 */
struct pathmap_route pathmap_route(const struct pathmap *map, enum pathmap_direction direction, struct slice path)
{
	struct pathmap_route route = { .path = path, .tidy = is_tidy(path) };
	struct match match = find_mount(map, direction, path, route.tidy);

	/* M6: with `..` the mount must be the right one for the normal form too; then the text is copied, because only
	 * the kernel knows what `link/..` is. Otherwise the normal form is the best that can be said. */
	if (pathmap_has_parent(path)) {
		pathmap_append_normal(&route.owned, path);
		struct match normal = find_mount(map, direction, pathmap_slice_of(&route.owned), false);
		if (!match.mount || match.mount != normal.mount || pathmap_climbs(match.rest)) {
			match = normal;
			route.path = pathmap_slice_of(&route.owned);
			route.tidy = false; /* a `/.` at the end is kept */
		}
	}
	route.mount = match.mount;
	route.rest = match.rest;
	route.depth = match.mount ? pathmap_near_end(match.mount, direction)->depth : 0;
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
	const struct pathmap_end *near = pathmap_near_end(route->mount, direction), *far = far_end(route->mount, direction);
	struct slice rest = route->rest;

	/* A mount at its own path changes nothing, not even a `//` inside of that path (L6). */
	if (near->length == far->length && memcmp(near->path, far->path, near->length) == 0) {
		pathmap_append(buffer, route->path);
		return;
	}
	if (route->depth == 0 && pathmap_is(rest, "/"))
		rest.length = 0;
	if (far->length == 0 && rest.length == 0)
		rest = pathmap_slice("/");
	pathmap_append(buffer, (struct slice){ far->path, far->length });
	pathmap_append(buffer, rest);
}

/* Text only, and for every relative argument: nearly always the first byte of a name decides. */
bool pathmap_enters(const struct pathmap *map, enum pathmap_direction direction, struct slice directory,
		    struct slice path)
{
	struct slice rest;

	/* As in the ends of mounts, the root is empty. */
	directory.length = pathmap_is(directory, "/") ? 0 : directory.length;
	for (size_t i = 0; i < map->mount_count; i++) {
		const struct pathmap_end *end = pathmap_near_end(&map->mounts[i], direction);
		const char *further = end->length > directory.length ? behind(directory, end) : NULL;
		if (further && begins_with(further, path, &rest))
			return true;
	}
	return false;
}

/* By its host end; where it lies in the container is the user's choice (M7). */
bool pathmap_is_root_mount(const struct pathmap_mount *mount)
{
	return mount->host.depth == 0;
}

bool pathmap_is_explicit(const struct pathmap_route *route)
{
	return route->mount && !pathmap_is_root_mount(route->mount);
}

/* For those who have a certain mount in mind: C3 looks at the container's ends, M9 at the mount of the directory. */
bool pathmap_behind_mount(const struct pathmap_mount *mount, enum pathmap_direction direction, struct slice path,
			  bool tidy, struct slice *rest)
{
	return is_at(pathmap_near_end(mount, direction), path, tidy, rest);
}

/*
 * The buffer's memory becomes the result's, or is freed. An input that maps to itself is told as unchanged, so that a
 * caller need not compare, and with an identity mount (L6) nothing is replaced.
 */
struct pathmap_result pathmap_finish(struct buffer *buffer, const char *input, const char *rule, const char *reason)
{
	struct pathmap_result result = { PATHMAP_MAPPED, buffer->data, rule, reason };

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
