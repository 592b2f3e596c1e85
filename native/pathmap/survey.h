/* What the host's file system says of one path: how much of it exists, and where absolute links lead (M8). */
#ifndef CLEANENV_PATHMAP_SURVEY_H
#define CLEANENV_PATHMAP_SURVEY_H

#include "pathmap/map.h"

struct pathmap_survey {
	struct pathmap_route route; /* to the container, of the path as it is behind absolute links */
	size_t known;               /* bytes of route.path that exist */
	size_t depth;               /* components in them */
	bool exists;                /* all of it does */
	bool linked;                /* a link was replaced by its target */
};

/* Ask about a route's path component by component. Unless `follow` is set, a link at the very end stands for itself. The
 * survey owns the route from here on; free it with pathmap_survey_free. The memory ran out if route.owned.failed. */
struct pathmap_survey pathmap_survey(const struct pathmap *map, struct pathmap_route route, bool follow);
void pathmap_survey_free(struct pathmap_survey *survey);

/* Whether a path of the host exists, in two questions: its first component is asked about before all of it. */
bool pathmap_exists(const struct pathmap *map, struct slice path);

/* /dev, /proc and /sys mean the caller's own devices and processes on either side. */
bool pathmap_is_kernel(struct slice path);

#endif
