#include "agent/permission.h"

#include "table/table.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The path for a name, malloc'd; NULL with errno. The table is read at each call: links come and go. */
static char *find(const char *programs, const char *name)
{
	struct table table;
	char *path = NULL;

	if (table_open(&table, programs) < 0)
		return NULL;
	errno = EACCES;
	for (uint32_t i = 0; !path && i < table.header->link_count; i++) {
		const struct table_link *link = &table_links(&table)[i];
		if (link->kind != TABLE_LINK_NAME || strcmp(table_string(&table, link->name), name) != 0)
			continue;
		const char *linked = table_string(&table, link->path);
		path = malloc(strlen(linked) + 1);
		if (!path)
			break;
		strcpy(path, linked);
	}
	munmap((void *)table.header, table.size);
	return path;
}

/* With a directory of the container a program could be led to files that it takes for the host's. */
static bool is_file(int descriptor)
{
	struct stat status;
	int flags = fcntl(descriptor, F_GETFL);

	return flags >= 0 && !(flags & O_PATH) && fstat(descriptor, &status) == 0 && !S_ISDIR(status.st_mode);
}

static bool is_one_of(const char *variable, const char *const *names)
{
	for (; *names; names++)
		if (!strncmp(variable, *names, strlen(*names)) && variable[strlen(*names)] == '=')
			return true;
	return false;
}

/*
 * What describes the caller's screen, language and name. Others say which files are read and which programs are run (GIT_SSH,
 * LD_PRELOAD, EDITOR): those are the host's. A locale and a terminal type are names of files too, so they have no slash.
 */
static bool is_data(const char *variable)
{
	static const char *const names[] = { "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "LANG", "LANGUAGE", NULL };
	static const char *const people[] = {
		"GIT_AUTHOR_NAME",    "GIT_AUTHOR_EMAIL",    "GIT_AUTHOR_DATE",
		"GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE", NULL,
	};

	if (is_one_of(variable, people))
		return true;
	return (is_one_of(variable, names) || !strncmp(variable, "LC_", 3)) && !strchr(variable, '/');
}

/* Returns false without memory. */
static bool choose_variables(struct request *request)
{
	char **chosen = malloc((request->head.variables + 2) * sizeof *chosen);
	char *directory = malloc(sizeof "PWD=" + strlen(request->directory));
	size_t count = 0;

	if (!chosen || !directory)
		return false;
	for (char **variable = request->variables; *variable; variable++)
		if (is_data(*variable))
			chosen[count++] = *variable;
	strcpy(stpcpy(directory, "PWD="), request->directory);
	chosen[count++] = request->own[1] = directory;
	chosen[count] = NULL;
	free(request->variables);
	request->variables = chosen;
	request->head.variables = (uint32_t)count;
	return true;
}

/*
 * argv[0] is the linked file's, in full where the caller's was a path: a program that is many, as busybox is, looks there for which of
 * them it is to be.
 */
static bool name_program(struct request *request, char *path)
{
	bool by_path = request->head.arguments > 0 && strchr(request->arguments[0], '/');
	char **arguments = realloc(request->arguments, (request->head.arguments + 2) * sizeof *arguments);

	if (!arguments)
		return false;
	if (request->head.arguments == 0) {
		request->head.arguments = 1;
		arguments[1] = NULL;
	}
	request->own[0] = path;
	arguments[0] = by_path ? path : strrchr(path, '/') + 1;
	request->arguments = arguments;
	request->paths[0] = path;
	request->paths[1] = NULL;
	request->head.paths = 1;
	request->head.flags = (request->head.flags & ~(uint32_t)WIRE_NAME_BY_PATH) | WIRE_SEARCH_PATH;
	return true;
}

int permission_apply(const struct options *options, struct request *request, const int *descriptors, size_t count)
{
	char *path = find(options->programs, request->paths[0]);

	if (!path)
		return -1;
	errno = EACCES;
	if (*path != '/' || *request->directory != '/')
		return -1;
	errno = EPERM;
	for (size_t i = 0; i < count; i++)
		if (!is_file(descriptors[i]))
			return -1;
	errno = ENOMEM;
	return choose_variables(request) && name_program(request, path) ? 0 : -1;
}
