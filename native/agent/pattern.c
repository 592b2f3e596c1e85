#include "agent/pattern.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a part of a pattern names one file only. */
static bool is_literal(const char *pattern)
{
	for (; *pattern; pattern++) {
		if (*pattern == '\\' && pattern[1])
			pattern++;
		else if (strchr("*?[", *pattern))
			return false;
	}
	return true;
}

bool pattern_unescape(char *text)
{
	char *to = text;

	if (!is_literal(text))
		return false;
	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		*to++ = *text;
	}
	*to = '\0';
	return true;
}

static bool visit_file(const char *directory, const char *name, bool anything, pattern_visit *visit, void *context)
{
	char path[PATH_MAX];
	struct stat status = { 0 };

	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
		return true;
	if (anything)
		return visit(context, path, NULL);
	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) || access(path, X_OK) < 0)
		return true;
	return visit(context, path, &status);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Visit the files of one directory whose names match, sorted. */
static bool visit_matches(const char *directory, const char *pattern, bool anything, pattern_visit *visit, void *context)
{
	DIR *stream = opendir(directory);
	char **names = NULL;
	size_t count = 0, capacity = 0;
	bool go_on = true;

	if (!stream)
		return true;
	for (struct dirent *entry; (entry = readdir(stream));) {
		if (fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0 || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		if (count == capacity) {
			char **more = realloc(names, (capacity = capacity ? 2 * capacity : 64) * sizeof *names);
			if (!more)
				break;
			names = more;
		}
		if (!(names[count] = strdup(entry->d_name)))
			break;
		count++;
	}
	closedir(stream);
	if (count > 0)
		qsort(names, count, sizeof *names, by_name);
	for (size_t i = 0; i < count; i++) {
		if (go_on)
			go_on = visit_file(directory, names[i], anything, visit, context);
		free(names[i]);
	}
	free(names);
	return go_on;
}

static bool visit_directory(char *directory, char *name, bool anything, pattern_visit *visit, void *context)
{
	return pattern_unescape(name) ? visit_file(directory, name, anything, visit, context)
				      : visit_matches(directory, name, anything, visit, context);
}

bool pattern_expand(const char *pattern, const char *home, char *text, size_t size)
{
	size_t length = 0;

	if (pattern[0] == '~' && pattern[1] == '/') {
		pattern++;
		for (; *home && length + 2 < size; home++) {
			if (strchr("\\*?[", *home))
				text[length++] = '\\';
			text[length++] = *home;
		}
		if (*home)
			return false;
	}
	return snprintf(text + length, size - length, "%s", pattern) < (int)(size - length);
}

bool pattern_search(const char *pattern, const char *home, bool anything, pattern_visit *visit, void *context)
{
	char text[PATH_MAX];

	if (!pattern_expand(pattern, home, text, sizeof text) || *text != '/')
		return true;
	char *slash = strrchr(text, '/'), *name = slash + 1;
	*slash = '\0';
	if (pattern_unescape(text))
		return visit_directory(text, name, anything, visit, context);

	glob_t directories = { 0 };
	bool go_on = true;
	if (glob(text, 0, NULL, &directories) == 0) {
		for (size_t i = 0; go_on && i < directories.gl_pathc; i++) {
			char copy[PATH_MAX]; /* unescaping is in place */
			strcpy(copy, name);
			go_on = visit_directory(directories.gl_pathv[i], copy, anything, visit, context);
		}
	}
	globfree(&directories);
	return go_on;
}
