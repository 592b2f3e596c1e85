/*
 * The entry points of rules M: one path, without classes. `cleanenv path` asks for a name on the other side and gets
 * it, whether or not there is such a file; the only questions are those about links (M8).
 */
#include <stdlib.h>

#include "pathmap/relative.h"

/* An absolute path is taken as it is; a relative one is set behind the working directory in `full`. */
static bool make_absolute(const struct pathmap *map, enum pathmap_direction direction, struct slice path,
			  struct buffer *full)
{
	if (path.at[0] == '/') {
		pathmap_append(full, path);
		return true;
	}
	return pathmap_append_full(full, map, direction, path);
}

/* M8 needs the host's answers, so only paths of the host are surveyed. */
static struct pathmap_survey follow(const struct pathmap *map, enum pathmap_direction direction, struct slice path)
{
	struct pathmap_route route = pathmap_route(map, direction, path);

	return direction == PATHMAP_TO_CONTAINER ? pathmap_survey(map, route, true) :
						   (struct pathmap_survey){ .route = route };
}

/*
 * M9, in the order that matters: a link with an absolute target (M8) makes a relative path absolute, because as it
 * stands it would lead into the container's root; only then may it stay relative.
 */
static struct pathmap_result map_path(const struct pathmap *map, enum pathmap_direction direction, const char *input,
				      bool absolute)
{
	struct slice path = pathmap_slice(input);
	struct pathmap_result result = { PATHMAP_UNMAPPABLE, NULL, "M4", "the other side cannot reach it" };
	struct buffer full = { 0 }, out = { 0 };
	bool relative = path.length > 0 && path.at[0] != '/';

	/* The empty path names nothing on either side. */
	if (path.length == 0)
		return (struct pathmap_result){ PATHMAP_UNCHANGED, NULL, "M1", "no component" };
	if (!make_absolute(map, direction, path, &full)) {
		pathmap_buffer_free(&full);
		return result;
	}

	struct pathmap_survey survey = follow(map, direction, pathmap_slice_of(&full));
	if (full.failed || survey.route.owned.failed) {
		result.status = PATHMAP_NO_MEMORY;
	} else if (relative && !absolute && !survey.linked &&
		   pathmap_stays_relative(map, direction, pathmap_slice_of(&full))) {
		result = (struct pathmap_result){ PATHMAP_UNCHANGED, NULL, "M9", "stays relative" };
	} else if (survey.route.mount) {
		pathmap_append_mapped(&out, &survey.route, direction);
		result = survey.linked ? pathmap_finish(&out, input, "M8", "absolute link") :
					 pathmap_finish(&out, input, "M3", "mount");
	}
	pathmap_survey_free(&survey);
	pathmap_buffer_free(&full);
	return result;
}

/* Both directions are one function, so that what one does the other undoes (L1). */
struct pathmap_result pathmap_to_container(const struct pathmap *map, const char *path, bool absolute)
{
	return map_path(map, PATHMAP_TO_CONTAINER, path, absolute);
}

struct pathmap_result pathmap_to_host(const struct pathmap *map, const char *path, bool absolute)
{
	return map_path(map, PATHMAP_TO_HOST, path, absolute);
}

/* M10. The working directory is physical, so there are no links to follow. */
struct pathmap_result pathmap_working_directory(const struct pathmap *map)
{
	struct pathmap_result result = { PATHMAP_UNMAPPABLE, NULL, "M10", "the container cannot reach it" };
	struct pathmap_route route = pathmap_route(map, PATHMAP_TO_CONTAINER, pathmap_slice(map->cwd));
	struct buffer out = { 0 };

	if (route.mount) {
		pathmap_append_mapped(&out, &route, PATHMAP_TO_CONTAINER);
		result = pathmap_finish(&out, NULL, "M10", "working directory");
	}
	pathmap_route_free(&route);
	return result;
}
