#include "pathmap/rule.h"

const char *pathmap_rule(enum pathmap_finding finding)
{
	static const char *const rules[PATHMAP_FINDING_COUNT] = {
		[PATHMAP_FOUND_URL] = "A1",      [PATHMAP_FOUND_ABSOLUTE] = "A2", [PATHMAP_FOUND_PARENT] = "A3",
		[PATHMAP_FOUND_OPTION] = "A4",   [PATHMAP_FOUND_NAME] = "A5",     [PATHMAP_FOUND_LIST] = "A6",
		[PATHMAP_FOUND_TEXT] = "A7",     [PATHMAP_FOUND_VARIABLE] = "E",
	};

	return rules[finding];
}

const char *pathmap_reason(enum pathmap_verdict verdict)
{
#define PATHMAP_TEXT(name, text) [name] = text,
	static const char *const reasons[PATHMAP_VERDICT_COUNT] = { PATHMAP_VERDICTS(PATHMAP_TEXT) };
#undef PATHMAP_TEXT

	return reasons[verdict];
}
