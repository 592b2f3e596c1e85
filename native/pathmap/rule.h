/* The words of a trace: which rule found a path, and what was found out about it. */
#ifndef CLEANENV_PATHMAP_RULE_H
#define CLEANENV_PATHMAP_RULE_H

/* X(name, text) is used twice, for the enum and for the texts, so that neither can be without the other. */
#define PATHMAP_VERDICTS(X)                                          \
	X(PATHMAP_NO_PATH, "no path")                                \
	X(PATHMAP_ESCAPED, "A1 as it stands")                        \
	X(PATHMAP_EXPLICIT, "C1 mount")                              \
	X(PATHMAP_NOT_PLAIN, "C2 not plain")                         \
	X(PATHMAP_CONTAINERS, "C3 container path")                   \
	X(PATHMAP_LONE_SLASH, "C4 lone slash")                       \
	X(PATHMAP_BARE, "C5 bare directory")                         \
	X(PATHMAP_KERNEL, "C kernel class")                          \
	X(PATHMAP_SYSTEM_SHARED, "C system class, container has it") \
	X(PATHMAP_SYSTEM_HOST, "C system class, only on the host")   \
	X(PATHMAP_SYSTEM_ABSENT, "C system class, not on the host")  \
	X(PATHMAP_SYSTEM_ASKED, "C system class, asked")             \
	X(PATHMAP_STATE, "C state class")                            \
	X(PATHMAP_STATE_ABSENT, "C state class, not on the host")    \
	X(PATHMAP_HOST, "C host class")                              \
	X(PATHMAP_HOST_NEW, "C host class, new")                     \
	X(PATHMAP_UNKNOWN, "C unknown class")                        \
	X(PATHMAP_BY_MOUNT, "M3 mount")                              \
	X(PATHMAP_HIDDEN, "M4 out of reach")                         \
	X(PATHMAP_STAYS, "M9 stays relative")                        \
	X(PATHMAP_LEAVES, "M9 leaves the mount")                     \
	X(PATHMAP_LEAVES_ABSENT, "M9 leaves the mount, no directory") \
	X(PATHMAP_ENTERS, "M9 enters another mount")

enum pathmap_verdict {
#define PATHMAP_NAME(name, text) name,
	PATHMAP_VERDICTS(PATHMAP_NAME)
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

/* Static strings such as "A2" and "C host class". */
const char *pathmap_rule(enum pathmap_finding finding);
const char *pathmap_reason(enum pathmap_verdict verdict);

#endif
