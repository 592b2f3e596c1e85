/* Rules M: the map itself. Nothing here asks about files; symbolic links (M8) are survey.c's. */
#include "pathmap/map.h"

#include <stdlib.h>

struct match {
	const struct pathmap_mount *mount;
	struct joined rest;
	size_t depth;
};

static const char *near_end(const struct pathmap_mount *mount, enum pathmap_direction direction)
{
	return direction == PATHMAP_TO_CONTAINER ? mount->host : mount->container;
}

static const char *far_end(const struct pathmap_mount *mount, enum pathmap_direction direction)
{
	return direction == PATHMAP_TO_CONTAINER ? mount->container : mount->host;
}

/* M2: compare whole components, so that /home/u never matches /home/u2. */
static bool is_prefix(const char *prefix, struct joined path, struct match *match)
{
	struct slice wanted = pathmap_slice(prefix), component, found;
	size_t depth = 0;

	while (pathmap_next(&wanted, &component)) {
		if (!pathmap_next_joined(&path, &found) || !pathmap_same(component, found))
			return false;
		depth++;
	}
	match->rest = path;
	match->depth = depth;
	return true;
}

static bool same_components(struct joined a, struct joined b)
{
	struct slice in_a, in_b;

	while (pathmap_next_joined(&a, &in_a))
		if (!pathmap_next_joined(&b, &in_b) || !pathmap_same(in_a, in_b))
			return false;
	return !pathmap_next_joined(&b, &in_b);
}

/* M3 for paths of the container. What the container sees there is decided by the deepest mount point alone. */
static struct match longest_container_prefix(const struct pathmap *map, struct joined path)
{
	struct match best = { 0 }, match;

	for (size_t i = 0; i < map->mount_count; i++) {
		match.mount = &map->mounts[i];
		if (is_prefix(match.mount->container, path, &match) && (!best.mount || match.depth > best.depth))
			best = match;
	}
	return best;
}

bool pathmap_is_visible(const struct pathmap *map, const struct pathmap_mount *mount, struct slice rest)
{
	struct slice host = pathmap_slice(mount->host);
	struct joined there = { pathmap_slice(mount->container), rest };
	struct match seen = longest_container_prefix(map, there);

	/* `seen` is at least as deep as `mount` itself, so nothing but a part of `rest` is left of `there`. */
	return seen.mount == mount ||
	       (seen.mount && same_components((struct joined){ pathmap_slice(seen.mount->host), seen.rest.rest },
					      (struct joined){ host, rest }));
}

/* M3 and M4 for paths of the host. A mount that is hidden there gives way to the next shorter one. */
static struct match longest_host_prefix(const struct pathmap *map, struct joined path)
{
	struct match best = { 0 }, match;

	for (size_t i = 0; i < map->mount_count; i++) {
		match.mount = &map->mounts[i];
		if (!is_prefix(match.mount->host, path, &match) || (best.mount && match.depth <= best.depth))
			continue;
		if (pathmap_is_visible(map, match.mount, match.rest.rest))
			best = match;
	}
	return best;
}

static struct match find_mount(const struct pathmap *map, enum pathmap_direction direction, struct slice path)
{
	struct joined whole = { .prefix = { "", 0 }, .rest = path };

	return direction == PATHMAP_TO_CONTAINER ? longest_host_prefix(map, whole) :
						   longest_container_prefix(map, whole);
}

struct pathmap_route pathmap_route(const struct pathmap *map, enum pathmap_direction direction, struct slice path)
{
	struct pathmap_route route = { .path = path };
	struct match match = find_mount(map, direction, path);

	/* M6: with `..` the mount must be the right one for the normal form too; then the text is copied, because only
	 * the kernel knows what `link/..` is. Otherwise the normal form is the best that can be said. */
	if (pathmap_has_parent(path)) {
		pathmap_append_normal(&route.owned, path);
		struct match normal = find_mount(map, direction, pathmap_slice_of(&route.owned));
		if (!match.mount || match.mount != normal.mount || pathmap_climbs(match.rest.rest)) {
			match = normal;
			route.path = pathmap_slice_of(&route.owned);
		}
	}
	route.mount = match.mount;
	route.rest = match.rest.rest;
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

	if (pathmap_is_root(prefix))
		prefix.length = 0;
	if (route->depth == 0 && pathmap_is(rest, "/"))
		rest.length = 0;
	if (prefix.length == 0 && rest.length == 0)
		rest = pathmap_slice("/");
	pathmap_append(buffer, prefix);
	pathmap_append(buffer, rest);
}

bool pathmap_is_explicit(const struct pathmap_route *route)
{
	return route->mount && !pathmap_is_root(pathmap_slice(route->mount->host));
}

bool pathmap_behind_mount(const struct pathmap_mount *mount, enum pathmap_direction direction, struct slice path,
			  struct slice *rest)
{
	struct match match;

	if (!is_prefix(near_end(mount, direction), (struct joined){ { "", 0 }, path }, &match))
		return false;
	*rest = match.rest.rest;
	return true;
}

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
