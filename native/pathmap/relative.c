/*
 * Relative paths. The program starts in the mapped working directory, so most of them need nothing; the rules here are
 * about `..`, which may lead out of what the two sides have in common.
 */
#include "pathmap/relative.h"

#include <stdlib.h>

/* The container's working directory is the host's, mapped (M10): the launcher starts programs nowhere else. */
bool pathmap_append_full(struct buffer *full, const struct pathmap *map, enum pathmap_direction direction,
			 struct slice relative)
{
	if (direction == PATHMAP_TO_CONTAINER) {
		pathmap_append(full, pathmap_slice(map->cwd));
	} else {
		struct pathmap_route home = pathmap_route(map, PATHMAP_TO_CONTAINER, pathmap_slice(map->cwd));
		bool reachable = home.mount != NULL;
		if (reachable)
			pathmap_append_mapped(full, &home, PATHMAP_TO_CONTAINER);
		pathmap_route_free(&home);
		if (!reachable)
			return false;
	}
	/* `//x` would do, but not for a reader. */
	if (!full->failed && full->data[full->length - 1] != '/')
		pathmap_append(full, pathmap_slice("/"));
	pathmap_append(full, relative);
	return true;
}

/*
 * Both sides start from the same directory, seen through the mount of cwd. A relative path means the same on both
 * unless its `..` leaves that mount, or the container sees something else at the place where it ends (M4).
 */
bool pathmap_stays_relative(const struct pathmap *map, enum pathmap_direction direction, struct slice full)
{
	struct pathmap_route home = pathmap_route(map, PATHMAP_TO_CONTAINER, pathmap_slice(map->cwd));
	const struct pathmap_mount *mount = home.mount;
	struct buffer normal = { 0 };
	struct slice rest;

	/* The mount is the map's and stays; the route's text is not needed. */
	pathmap_route_free(&home);
	if (!mount || !pathmap_behind_mount(mount, direction, full, false, &rest) || pathmap_climbs(rest))
		return false;
	pathmap_append_normal(&normal, full);
	bool stays = pathmap_behind_mount(mount, direction, pathmap_slice_of(&normal), false, &rest) &&
		     pathmap_is_visible(map, mount, rest);
	pathmap_buffer_free(&normal);
	return stays;
}

/*
 * `sub/../../x` is a path only if there is a `sub` to go back from; without this a sed script like s/../../ would be
 * one. `path` is relative: what stands before its first `..` is looked up from the working directory.
 */
static bool can_be_walked(const struct pathmap *map, struct slice path)
{
	struct slice rest = path, component;
	size_t before = 0;

	while (pathmap_next(&rest, &component) && !pathmap_is(component, ".."))
		before = (size_t)(rest.at - path.at);
	if (before == 0 || !pathmap_has_parent(path))
		return true;

	struct buffer start = { 0 };
	pathmap_append_full(&start, map, PATHMAP_TO_CONTAINER, (struct slice){ path.at, before });
	bool exists = !start.failed && pathmap_exists(map, pathmap_slice_of(&start));
	pathmap_buffer_free(&start);
	return exists;
}

/* The evidence of A3: the target exists, or the directory in which it can be created. */
static bool has_parent_directory(const struct pathmap_survey *survey)
{
	struct slice path = survey->route.path, name;
	struct slice tail = { path.at + survey->known, path.length - survey->known };

	return survey->exists || (pathmap_next(&tail, &name) && pathmap_is_root(tail));
}

/* No class is asked for: who writes `..` means the directory that he is in, and so the host. */
static struct pathmap_judgement leave_to_container(const struct pathmap *map, struct slice path, struct slice normal,
						   unsigned circumstances, struct buffer *out)
{
	struct pathmap_judgement judgement = { .verdict = PATHMAP_LEAVES_ABSENT };

	if (!can_be_walked(map, path))
		return judgement;
	/* Both sides have these trees at the same place, but not at the same distance. */
	if (pathmap_is_kernel(normal)) {
		pathmap_append(out, normal);
		return (struct pathmap_judgement){ .verdict = PATHMAP_KERNEL, .mapped = true };
	}
	struct pathmap_survey survey =
		pathmap_survey(map, pathmap_route(map, PATHMAP_TO_CONTAINER, normal), !(circumstances & PATHMAP_LINK));
	if (!survey.route.mount) {
		judgement.verdict = PATHMAP_HIDDEN;
	} else if (has_parent_directory(&survey) && pathmap_is_plain(&survey, circumstances & PATHMAP_WHOLE)) {
		pathmap_append_mapped(out, &survey.route, PATHMAP_TO_CONTAINER);
		judgement = (struct pathmap_judgement){ .verdict = PATHMAP_LEAVES, .mapped = true };
	}
	out->failed = out->failed || survey.route.owned.failed;
	pathmap_survey_free(&survey);
	return judgement;
}

/* Where the working directory is, as a slice of the map or of `owned`. Of length 0 if it has no name there. */
static struct slice directory_of(const struct pathmap *map, enum pathmap_direction direction, struct buffer *owned)
{
	if (direction == PATHMAP_TO_CONTAINER)
		return pathmap_slice(map->cwd);
	pathmap_append_full(owned, map, direction, (struct slice){ "", 0 });
	struct slice directory = pathmap_slice_of(owned);
	if (directory.length > 1)
		directory.length--;
	return directory;
}

bool pathmap_may_cross(const struct pathmap *map, enum pathmap_direction direction, struct slice path)
{
	struct buffer owned = { 0 };
	bool may = pathmap_has_parent(path) || pathmap_enters(map, direction, directory_of(map, direction, &owned), path);

	pathmap_buffer_free(&owned);
	return may;
}

/*
 * As it stands, the path leads through the mount of the working directory. That is the same place if the mounts lie in
 * each other in the same way on both sides, and another one if not: below the read-only /r, or not there at all.
 */
static bool is_same_place(const struct pathmap *map, enum pathmap_direction direction, struct slice path,
			  struct slice mapped)
{
	enum pathmap_direction back = direction == PATHMAP_TO_CONTAINER ? PATHMAP_TO_HOST : PATHMAP_TO_CONTAINER;
	struct buffer owned = { 0 };
	bool same = pathmap_same_path(directory_of(map, back, &owned), path, mapped, (struct slice){ "", 0 });

	pathmap_buffer_free(&owned);
	return same;
}

/* Whether the mount that shows the path is the one that shows the working directory. */
static bool is_at_home(const struct pathmap *map, enum pathmap_direction direction, struct slice full)
{
	struct pathmap_route home = pathmap_route(map, PATHMAP_TO_CONTAINER, pathmap_slice(map->cwd));
	struct pathmap_route route = pathmap_route(map, direction, full);
	bool same = home.mount == route.mount;

	pathmap_route_free(&home);
	pathmap_route_free(&route);
	return same;
}

static struct pathmap_judgement judge_entering(const struct pathmap *map, enum pathmap_direction direction,
					       struct slice path, struct slice full, unsigned circumstances,
					       struct buffer *out)
{
	struct buffer mapped = { 0 };
	struct pathmap_judgement judgement = direction == PATHMAP_TO_CONTAINER ?
						     leave_to_container(map, path, full, circumstances, &mapped) :
						     pathmap_judge(map, direction, full, circumstances, &mapped);

	if (judgement.mapped && is_same_place(map, direction, path, pathmap_slice_of(&mapped)))
		judgement = (struct pathmap_judgement){ .verdict = PATHMAP_STAYS };
	if (judgement.mapped) {
		judgement.verdict = PATHMAP_ENTERS;
		pathmap_append(out, pathmap_slice_of(&mapped));
	}
	out->failed = out->failed || mapped.failed;
	pathmap_buffer_free(&mapped);
	return judgement;
}

/* A relative path that stays is the common case, and decided by text alone. */
struct pathmap_judgement pathmap_judge_relative(const struct pathmap *map, enum pathmap_direction direction,
						struct slice path, unsigned circumstances, struct buffer *out)
{
	struct pathmap_judgement judgement = { .verdict = PATHMAP_STAYS };
	struct buffer full = { 0 }, normal = { 0 };

	if (!pathmap_append_full(&full, map, direction, path)) {
		judgement.verdict = PATHMAP_HIDDEN;
	} else if (!pathmap_stays_relative(map, direction, pathmap_slice_of(&full))) {
		/* The working directory is physical, so going up from it by text is exact. */
		pathmap_append_normal(&normal, pathmap_slice_of(&full));
		judgement = direction == PATHMAP_TO_CONTAINER ?
				    leave_to_container(map, path, pathmap_slice_of(&normal), circumstances, out) :
				    pathmap_judge(map, direction, pathmap_slice_of(&normal), circumstances, out);
	} else {
		pathmap_append_normal(&normal, pathmap_slice_of(&full));
		if (!is_at_home(map, direction, pathmap_slice_of(&normal)))
			judgement = judge_entering(map, direction, path, pathmap_slice_of(&normal), circumstances, out);
	}
	out->failed = out->failed || full.failed || normal.failed;
	pathmap_buffer_free(&full);
	pathmap_buffer_free(&normal);
	return judgement;
}
