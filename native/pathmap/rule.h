/* The words of a trace: which rule found a path in an argument, and what was found out about it. */
#ifndef CLEANENV_PATHMAP_RULE_H
#define CLEANENV_PATHMAP_RULE_H

/* X(name, text) is used twice, for the enum and for the texts, so that neither can be without the other. */
#define PATHMAP_VERDICTS(X, rule)                                           \
	X(PATHMAP_NO_PATH, rule " no path")                                 \
	X(PATHMAP_ESCAPED, rule " A1 as it stands")                         \
	X(PATHMAP_EXPLICIT, rule " C1 mount")                               \
	X(PATHMAP_NOT_PLAIN, rule " C2 not plain")                          \
	X(PATHMAP_CONTAINERS, rule " C3 container path")                    \
	X(PATHMAP_LONE_SLASH, rule " C4 lone slash")                        \
	X(PATHMAP_BARE, rule " C5 bare directory")                          \
	X(PATHMAP_KERNEL, rule " C kernel class")                           \
	X(PATHMAP_SYSTEM_SHARED, rule " C system class, container has it")  \
	X(PATHMAP_SYSTEM_HOST, rule " C system class, only on the host")    \
	X(PATHMAP_SYSTEM_ABSENT, rule " C system class, not on the host")   \
	X(PATHMAP_SYSTEM_ASKED, rule " C system class, asked")              \
	X(PATHMAP_STATE, rule " C state class")                             \
	X(PATHMAP_STATE_ABSENT, rule " C state class, not on the host")     \
	X(PATHMAP_HOST, rule " C host class")                               \
	X(PATHMAP_HOST_NEW, rule " C host class, new")                      \
	X(PATHMAP_UNKNOWN, rule " C unknown class")                         \
	X(PATHMAP_BY_MOUNT, rule " M3 mount")                               \
	X(PATHMAP_HIDDEN, rule " M4 out of reach")                          \
	X(PATHMAP_STAYS, rule " M9 stays relative")                         \
	X(PATHMAP_LEAVES, rule " M9 leaves the mount")                      \
	X(PATHMAP_LEAVES_ABSENT, rule " M9 leaves the mount, no directory")

enum pathmap_verdict {
#define PATHMAP_NAME(name, text) name,
	PATHMAP_VERDICTS(PATHMAP_NAME, "")
#undef PATHMAP_NAME
	PATHMAP_VERDICT_COUNT,
};

/* Where a path was found. */
enum pathmap_finding {
	PATHMAP_FOUND_URL,      /* A1 */
	PATHMAP_FOUND_ABSOLUTE, /* A2 */
	PATHMAP_FOUND_PARENT,   /* A3 */
	PATHMAP_FOUND_OPTION,   /* A4 */
	PATHMAP_FOUND_NAME,     /* A5 */
	PATHMAP_FOUND_LIST,     /* A6 */
	PATHMAP_FOUND_TEXT,     /* A7 */
	PATHMAP_FOUND_VARIABLE, /* E */
	PATHMAP_FINDING_COUNT,
};

/* A static string such as "A2 C host class". */
const char *pathmap_rule(enum pathmap_finding finding, enum pathmap_verdict verdict);

#endif
