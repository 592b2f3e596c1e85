/*
 * The path map: which path of the container is a path of the host, and back.
 *
 * Pure functions of (mounts, working directory, input, answers about files): nothing here opens a file
 * or a socket, keeps state between calls or writes to a global. The launcher links this code; Python
 * binds to the same code by ctypes (cleanenv/pathmap.py). The rules' names (M1, C2, A4, E ...) stand at the code that
 * implements them.
 */
#ifndef CLEANENV_PATHMAP_H
#define CLEANENV_PATHMAP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "pathmap/profile.h"

/* Where a mount is on one side: absolute and normal, no `.`, `..`, `//`, and no slash at the end but that of the root. */
struct pathmap_end {
	const char *path;
	size_t length;      /* in bytes; of the root 0: what follows it begins with a slash, as everywhere */
	size_t depth;       /* in components */
	bool has_separator; /* a sign of A2 is in it */
};

/* One mount: `host` appears in the container as `container`. */
struct pathmap_mount {
	struct pathmap_end host;
	struct pathmap_end container;
};

/* A mount between two paths, which must outlive it. */
struct pathmap_mount pathmap_mount(const char *host, const char *container);

/* What is known of a path. PATHMAP_ASKED: the question was noted, the answer comes before the next pass. */
enum pathmap_presence { PATHMAP_ABSENT, PATHMAP_PRESENT, PATHMAP_SYMLINK, PATHMAP_ASKED };

/*
 * Who answers questions about files. `host` is an lstat (any error but ENOENT and ENOTDIR counts as
 * present; the last component is not followed). `host_link` is a readlink into `target` (NUL-terminated;
 * returns its length, or -1 when it failed or did not fit in `size`). `container` may answer
 * PATHMAP_ASKED, so that the caller can put all questions of one call into one message to the agent.
 */
struct pathmap_probe {
	void *context;
	enum pathmap_presence (*host)(void *context, const char *path);
	long (*host_link)(void *context, const char *path, char *target, size_t size);
	enum pathmap_presence (*container)(void *context, const char *path);
};

/* The directory of the host that was looked at last, component by component: what lies in it need not be walked to again.
 * The caller's memory, for as long as he believes in what the probe said; zero-initialised it is empty. */
struct pathmap_walked {
	char path[PATH_MAX];
	size_t length;
	size_t depth;
	size_t given; /* components that nobody asked about: a mount's */
};

struct pathmap {
	const struct pathmap_mount *mounts;
	size_t mount_count;
	const char *cwd;            /* the caller's physical working directory on the host */
	const char *variable_kinds; /* the caller's own (pathmap_check_variable_kinds), or NULL */
	struct pathmap_probe probe;
	struct pathmap_walked *walked; /* or NULL */
};

enum pathmap_status {
	PATHMAP_UNCHANGED,   /* pass the input on as it is; text is NULL */
	PATHMAP_MAPPED,      /* pass `text` instead */
	PATHMAP_DROPPED,     /* (variables) do not pass it at all */
	PATHMAP_PENDING,     /* a question was asked: answer it, then call again */
	PATHMAP_UNMAPPABLE,  /* (paths) the other side cannot reach it */
	PATHMAP_NO_MEMORY,
};

/* `text` is malloc'd and the caller's to free. `rule` and `reason` are static strings for the trace: the rule that found
 * the path and what was found out about it ("A2" and "C host class", "A1" and "no path"). Never NULL. */
struct pathmap_result {
	enum pathmap_status status;
	char *text;
	const char *rule;
	const char *reason;
};

/* Rules M only: one path, to the container or to the host. Relative input stays relative unless it leaves the
 * mount of cwd or `absolute` is set. An input that maps to itself is PATHMAP_UNCHANGED. The host is asked to find
 * absolute links (M8) on the way to the container; the container is never asked. */
struct pathmap_result pathmap_to_container(const struct pathmap *map, const char *path, bool absolute);
struct pathmap_result pathmap_to_host(const struct pathmap *map, const char *path, bool absolute);

/* M10: the container's path of map->cwd. PATHMAP_MAPPED (also when it is the same) or PATHMAP_UNMAPPABLE. */
struct pathmap_result pathmap_working_directory(const struct pathmap *map);

/* Rules A and C: one argument of a program, treated as pathmap_plan says. `container` is asked about system trees only,
 * and only for what the host has; the host is asked about a path's first component before the rest. */
struct pathmap_result pathmap_argument(const struct pathmap *map, const char *argument,
				       enum pathmap_treatment treatment);

/* The same for an argument of a host program that is called from inside: mounts alone decide, there are no classes. */
struct pathmap_result pathmap_argument_to_host(const struct pathmap *map, const char *argument,
					       enum pathmap_treatment treatment);

/* Rules E: one variable. The launcher decides on PATH, HOME, PWD and SHELL itself and does not ask for them; asked all
 * the same, PWD is the working directory (M10) and the others are unchanged. */
struct pathmap_result pathmap_variable(const struct pathmap *map, const char *name, const char *value);

/* The caller's own kinds of variables, `NAME/p:OTHER/l`: one path, a list of them, dropped (x), kept (k); they go before
 * the known ones. Returns NULL, or where the first element begins that is none; empty ones do not matter. */
const char *pathmap_check_variable_kinds(const char *kinds);

#endif
