/*
 * Questions about one path of the host, from its first component on: whoever names /api/v1 must not wait for a
 * dead network mount somewhere else, and what follows an absent component need not be asked about.
 */
#include "pathmap/survey.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's own bound (ELOOP); without one, two links that name each other would keep us for ever. */
#define LINKS_MAX 40

/* A NUL-terminated path for the probe. No file has a name that does not fit. */
struct question {
	char path[PATH_MAX];
	size_t length;
};

/*
 * Put one more component behind the question. Components are joined by single slashes, so that a caller that keeps the
 * answers has one for /a//b and /a/./b. False if the kernel would refuse the name: ENAMETOOLONG is no evidence that
 * something exists.
 */
static bool extend(struct question *question, struct slice component)
{
	if (component.length > NAME_MAX || component.length + 1 >= sizeof question->path - question->length)
		return false;
	question->path[question->length++] = '/';
	memcpy(question->path + question->length, component.at, component.length);
	question->length += component.length;
	question->path[question->length] = '\0';
	return true;
}

/* The last component is not followed: a link is something that exists, wherever it leads. */
static enum pathmap_presence ask(const struct pathmap *map, const char *path)
{
	return map->probe.host(map->probe.context, path);
}

bool pathmap_is_kernel(struct slice path)
{
	struct slice first;

	return pathmap_next(&path, &first) &&
	       (pathmap_is(first, "dev") || pathmap_is(first, "proc") || pathmap_is(first, "sys"));
}

/*
 * M8: an absolute target would be looked up in the container's root, so it takes the link's place before mapping.
 * Not if it leads to a kernel tree: /etc/mtab -> /proc/self/mounts is meant for whoever opens it. A relative target
 * is left to the kernel, which finds it on both sides.
 */
static bool read_absolute_link(const struct pathmap *map, const char *link, struct slice behind, struct buffer *path)
{
	char target[PATH_MAX];
	long length = map->probe.host_link(map->probe.context, link, target, sizeof target);

	if (length < 1 || (size_t)length >= sizeof target || target[0] != '/')
		return false;
	struct slice found = { target, (size_t)length };
	if (pathmap_is_kernel(found))
		return false;
	pathmap_append(path, found);
	pathmap_append(path, behind);
	return true;
}

/* Begin where the last walk came to, if the path leads there. */
static void begin_in_walked(const struct pathmap_walked *walked, size_t given, struct pathmap_survey *survey,
			    struct question *question)
{
	struct slice path = survey->route.path;

	if (!walked || walked->length == 0 || walked->given > given || path.length <= walked->length ||
	    path.at[walked->length] != '/' || memcmp(path.at, walked->path, walked->length) != 0)
		return;
	memcpy(question->path, walked->path, walked->length);
	question->length = survey->known = walked->length;
	survey->depth = walked->depth;
}

static void remember(struct pathmap_walked *walked, size_t given, const struct question *question, size_t length,
		     size_t depth)
{
	if (!walked || length == 0 || length >= sizeof walked->path)
		return;
	memcpy(walked->path, question->path, length);
	walked->length = length;
	walked->depth = depth;
	walked->given = given;
}

/*
 * Walk along the path. Returns true if a link was met that sends us to `elsewhere`. With a slash behind it a link is
 * never meant itself (POSIX, pathname resolution).
 */
static bool walk(const struct pathmap *map, struct pathmap_survey *survey, bool follow, struct buffer *elsewhere)
{
	struct pathmap_route *route = &survey->route;
	struct slice rest, component;
	struct question question;
	size_t directory = 0;

	question.length = 0;
	survey->exists = false;
	survey->depth = 0;
	survey->known = 0;
	/* An explicit mount's own path exists and stands for itself: if it has links, the mount has followed them. */
	size_t given = pathmap_is_explicit(route) ? route->depth : 0;
	begin_in_walked(map->walked, given, survey, &question);
	rest = (struct slice){ route->path.at + survey->known, route->path.length - survey->known };
	while (pathmap_next(&rest, &component)) {
		directory = question.length;
		if (!extend(&question, component))
			return false;
		if (survey->depth >= given) {
			enum pathmap_presence presence = ask(map, question.path);
			if (presence == PATHMAP_ABSENT) {
				remember(map->walked, given, &question, directory, survey->depth);
				return false;
			}
			if (presence == PATHMAP_SYMLINK && (follow || rest.length > 0) &&
			    read_absolute_link(map, question.path, rest, elsewhere))
				return true;
		}
		survey->known = (size_t)(rest.at - route->path.at);
		survey->depth++;
	}
	remember(map->walked, given, &question, directory, survey->depth > 0 ? survey->depth - 1 : 0);
	survey->exists = true;
	return false;
}

/* Each link starts a new walk, from the first component: its target may be on the other side of a link too. */
struct pathmap_survey pathmap_survey(const struct pathmap *map, struct pathmap_route route, bool follow)
{
	struct pathmap_survey survey = { .route = route };
	struct buffer elsewhere = { 0 };

	for (int links = 0; walk(map, &survey, follow, &elsewhere) && links < LINKS_MAX; links++) {
		bool failed = elsewhere.failed || survey.route.owned.failed;
		pathmap_route_free(&survey.route);
		survey.route = pathmap_route(map, PATHMAP_TO_CONTAINER, pathmap_slice_of(&elsewhere));
		failed = failed || survey.route.owned.failed;
		/* The route needs one of the two texts: its normal form, or the one that we made. */
		if (survey.route.path.at == elsewhere.data) {
			free(survey.route.owned.data);
			survey.route.owned = elsewhere;
		} else {
			pathmap_buffer_free(&elsewhere);
		}
		survey.route.owned.failed = failed;
		survey.linked = true;
		elsewhere = (struct buffer){ 0 };
	}
	/* After too many links the last one stays as it is, and this is its target. */
	pathmap_buffer_free(&elsewhere);
	return survey;
}

/* All that a survey owns is the text of its route. */
void pathmap_survey_free(struct pathmap_survey *survey)
{
	pathmap_route_free(&survey->route);
}

/*
 * For lists (A2), where only the whole matters. The first component goes before it, as everywhere: `/api:/v1` must not
 * be looked up in a directory whose name was not said.
 */
bool pathmap_exists(const struct pathmap *map, struct slice path)
{
	struct question question = { .length = 0 };
	struct slice component;

	if (!pathmap_next(&path, &component))
		return true;
	if (!extend(&question, component) || ask(map, question.path) == PATHMAP_ABSENT)
		return false;
	if (pathmap_is_root(path))
		return true;
	while (pathmap_next(&path, &component))
		if (!extend(&question, component))
			return false;
	return ask(map, question.path) != PATHMAP_ABSENT;
}
