#include "pathmap/rule.h"

/*
 * All combinations are written out by the preprocessor: a result's rule needs no memory, is never freed and never goes
 * away. That is 5 KB in the launcher, which nobody reads from the disk unless a trace is asked for.
 */
const char *pathmap_rule(enum pathmap_finding finding, enum pathmap_verdict verdict)
{
#define PATHMAP_TEXT(name, text) [name] = text,
	static const char *const rules[PATHMAP_FINDING_COUNT][PATHMAP_VERDICT_COUNT] = {
		[PATHMAP_FOUND_URL] = { PATHMAP_VERDICTS(PATHMAP_TEXT, "A1") },
		[PATHMAP_FOUND_ABSOLUTE] = { PATHMAP_VERDICTS(PATHMAP_TEXT, "A2") },
		[PATHMAP_FOUND_PARENT] = { PATHMAP_VERDICTS(PATHMAP_TEXT, "A3") },
		[PATHMAP_FOUND_OPTION] = { PATHMAP_VERDICTS(PATHMAP_TEXT, "A4") },
		[PATHMAP_FOUND_NAME] = { PATHMAP_VERDICTS(PATHMAP_TEXT, "A5") },
		[PATHMAP_FOUND_LIST] = { PATHMAP_VERDICTS(PATHMAP_TEXT, "A6") },
		[PATHMAP_FOUND_TEXT] = { PATHMAP_VERDICTS(PATHMAP_TEXT, "A7") },
		[PATHMAP_FOUND_VARIABLE] = { PATHMAP_VERDICTS(PATHMAP_TEXT, "E") },
	};
#undef PATHMAP_TEXT

	return rules[finding][verdict];
}
