/* Rules C: whose path is it, and so, is it mapped? */
#ifndef CLEANENV_PATHMAP_CLASSES_H
#define CLEANENV_PATHMAP_CLASSES_H

#include "pathmap/rule.h"
#include "pathmap/survey.h"

/* Circumstances under which a path was found. */
enum {
	PATHMAP_VALUE = 1, /* the value of an option or variable: C5 */
	PATHMAP_WHOLE = 2, /* the whole operand or the whole value: C2 allows a blank inside */
	PATHMAP_LOOSE = 4, /* from a variable that holds paths: C2 does not matter (E) */
	PATHMAP_LINK = 8,  /* a link at the very end is meant itself (M8) */
};

struct pathmap_judgement {
	enum pathmap_verdict verdict;
	bool mapped; /* its other name was appended to the buffer */
	bool asked;  /* the container must answer first */
};

/* Judge an absolute path. To the host, mounts decide alone. */
struct pathmap_judgement pathmap_judge(const struct pathmap *map, enum pathmap_direction direction, struct slice path,
				       unsigned circumstances, struct buffer *out);

/* C2: whether the part of a path that does not exist looks like the name of something to be created. */
bool pathmap_is_plain(const struct pathmap_survey *survey, bool blank_inside);

#endif
