#include "agent/watch.h"

#include "agent/pattern.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* A name comes or goes, or a file becomes executable; nothing about its content. */
#define CHANGES (IN_CREATE | IN_DELETE | IN_MOVE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

/*
 * Watch a directory, or the nearest one above it that exists: the event of its making is the sign to ask again. That parent's
 * other changes are of no interest, but IN_MASK_ADD leaves a watch that wants them alone.
 */
static void watch_directory(int watcher, const char *directory)
{
	char path[PATH_MAX];
	uint32_t mask = CHANGES;

	if (strlen(directory) >= sizeof path)
		return;
	strcpy(path, *directory ? directory : "/");
	while (inotify_add_watch(watcher, path, mask | IN_ONLYDIR | IN_MASK_ADD) < 0 && errno == ENOENT) {
		char *slash = strrchr(path, '/');
		if (!slash)
			return;
		slash[slash == path] = '\0';
		mask = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
	}
}

/* A link of the file system is as executable as what it leads to, perhaps in another directory. */
static bool watch_target(void *context, const char *path, const struct stat *status)
{
	char target[PATH_MAX];
	char *slash;
	(void)status;

	if (realpath(path, target) && (slash = strrchr(target, '/'))) {
		*slash = '\0';
		watch_directory(*(int *)context, target);
	}
	return true;
}

static void watch_pattern(int watcher, const char *pattern, const char *home)
{
	char text[PATH_MAX];

	if (!pattern_expand(pattern, home, text, sizeof text) || *text != '/')
		return;
	*strrchr(text, '/') = '\0';
	if (pattern_unescape(text)) {
		watch_directory(watcher, text);
	} else {
		glob_t directories = { 0 };
		if (glob(text, 0, NULL, &directories) == 0)
			for (size_t i = 0; i < directories.gl_pathc; i++)
				watch_directory(watcher, directories.gl_pathv[i]);
		globfree(&directories);
	}
	pattern_search(pattern, home, false, watch_target, &watcher);
}

int watch_patterns(const char *patterns, size_t size, const char *home)
{
	int watcher = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	for (const char *at = patterns; watcher >= 0 && at < patterns + size; at += strlen(at) + 1)
		watch_pattern(watcher, at, home);
	return watcher;
}
