#include "launcher/paths.h"

#include "launcher/agent.h"
#include "launcher/answers.h"
#include "launcher/failure.h"
#include "launcher/variables.h"
#include "pathmap/pathmap.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSES_MAX 16 /* an answer may lead to another question, but not for ever */

struct mapping {
	const struct table *table;
	struct pathmap map;
	struct answers host;
	struct answers container;
	bool *pending; /* for each string that is mapped: not decided yet */
};

static enum pathmap_presence look_at_host(void *context, const char *path)
{
	struct mapping *mapping = context;
	struct stat status;
	bool fresh;
	struct answer *answer = answers_find(&mapping->host, path, &fresh);

	if (fresh) {
		if (lstat(path, &status) < 0)
			answer->presence = errno == ENOENT || errno == ENOTDIR ? PATHMAP_ABSENT : PATHMAP_PRESENT;
		else
			answer->presence = S_ISLNK(status.st_mode) ? PATHMAP_SYMLINK : PATHMAP_PRESENT;
	}
	return answer->presence;
}

static long read_host_link(void *context, const char *path, char *target, size_t size)
{
	ssize_t length = readlink(path, target, size);
	(void)context;

	if (length < 0 || (size_t)length >= size)
		return -1;
	target[length] = '\0';
	return length;
}

static enum pathmap_presence note_question(void *context, const char *path)
{
	struct mapping *mapping = context;
	bool fresh;

	return answers_find(&mapping->container, path, &fresh)->presence;
}

/* Ask the agent all that was noted, at once. False when there was nothing. */
static bool ask(struct mapping *mapping)
{
	static const enum pathmap_presence meaning[] = { PATHMAP_ABSENT, PATHMAP_PRESENT, PATHMAP_SYMLINK };
	struct answers *answers = &mapping->container;
	size_t count = 0;

	if (answers->asked == 0)
		return false;
	char **paths = allocate(NULL, answers->asked * sizeof *paths);
	char *reply = allocate(NULL, answers->asked);
	for (size_t i = 0; i < answers->capacity; i++)
		if (answers->slots[i].path && answers->slots[i].presence == PATHMAP_ASKED)
			paths[count++] = answers->slots[i].path;
	agent_exists(mapping->table, paths, count, reply);
	for (size_t i = 0; i < count; i++) {
		bool fresh;
		unsigned char digit = (unsigned char)(reply[i] - '0');
		answers_find(answers, paths[i], &fresh)->presence = digit < 3 ? meaning[digit] : PATHMAP_ABSENT;
	}
	answers->asked = 0;
	free(paths);
	free(reply);
	return true;
}

/* Use a result for the string at `item`; NULL drops it. Returns whether it is still open. */
static bool settle(char **item, struct pathmap_result result)
{
	switch (result.status) {
	case PATHMAP_MAPPED:
		*item = result.text;
		return false;
	case PATHMAP_DROPPED:
		*item = NULL;
		return false;
	case PATHMAP_PENDING:
		return true;
	case PATHMAP_NO_MEMORY:
		fail(FAILURE_OWN, "call", "out of memory", NULL);
	case PATHMAP_UNCHANGED:
	case PATHMAP_UNMAPPABLE:
	default:
		return false;
	}
}

static bool map_argument(struct mapping *mapping, struct strings *mapped, char **originals, size_t index)
{
	const char *previous = index > 1 ? originals[index - 1] : NULL;
	return settle(&mapped->items[index], pathmap_argument(&mapping->map, originals[index], previous));
}

/* Variables that are not the caller's to hand on: the container, its user and the mapped directory have their own. */
static bool is_own(const char *variable)
{
	static const char *const names[] = { "PATH=", "HOME=", "SHELL=", "USER=", "LOGNAME=", "PWD=" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strncmp(variable, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Variables that the environment's configuration keeps from its programs. */
static bool is_denied(const struct table *table, char *variable)
{
	char *equals = strchr(variable, '=');

	if (equals)
		*equals = '\0';
	bool denied = variables_judge(table, variable) == VARIABLE_DENIED;
	if (equals)
		*equals = '=';
	return denied;
}

/* NAME=value with the value mapped; a string without '=' is no variable of ours and passes. */
static bool map_variable(struct mapping *mapping, struct strings *mapped, size_t index)
{
	char *variable = mapped->items[index], *equals = strchr(variable, '=');

	if (!equals || equals == variable)
		return false;
	*equals = '\0';
	char *value = equals + 1;
	bool open = settle(&value, pathmap_variable(&mapping->map, variable, value));
	if (!value && variables_judge(mapping->table, variable) != VARIABLE_NAMED)
		mapped->items[index] = NULL;
	else if (value && value != equals + 1)
		mapped->items[index] = join(variable, "=", value, NULL);
	*equals = '=';
	return open;
}

static void drop_missing(struct strings *strings)
{
	size_t kept = 0;

	for (size_t i = 0; i < strings->count; i++)
		if (strings->items[i])
			strings->items[kept++] = strings->items[i];
	strings->count = kept;
}

static size_t count_of(char **strings)
{
	size_t count = 0;

	while (strings[count])
		count++;
	return count;
}

static struct strings copy(char **strings, size_t spare)
{
	struct strings copied = { .count = count_of(strings) };

	copied.items = allocate(NULL, (copied.count + spare + 1) * sizeof *copied.items);
	memcpy(copied.items, strings, (copied.count + 1) * sizeof *copied.items);
	return copied;
}

/* Map every argument but argv[0] and every variable, asking between the passes what only the container knows. */
static void map_strings(struct mapping *mapping, struct paths *paths, char **arguments, bool map_arguments)
{
	size_t first = map_arguments ? paths->arguments.count : 0, total = first + paths->variables.count;
	bool again = true;

	mapping->pending = allocate(NULL, total);
	memset(mapping->pending, 1, total);
	if (first > 0)
		mapping->pending[0] = false;
	for (int pass = 0; again && pass < PASSES_MAX; pass++) {
		for (size_t i = 0; i < total; i++) {
			if (!mapping->pending[i])
				continue;
			mapping->pending[i] = i < first ? map_argument(mapping, &paths->arguments, arguments, i)
							: map_variable(mapping, &paths->variables, i - first);
		}
		again = ask(mapping);
	}
	drop_missing(&paths->variables);
}

static char *working_directory(void)
{
	char *directory = getcwd(NULL, 0);

	/* "(unreachable)/…" is the kernel's word for a directory outside the caller's root (getcwd(3)). */
	if (!directory || *directory != '/')
		fail(FAILURE_OWN, "working directory", directory ? "it cannot be reached from /" : strerror(errno),
		     "cd to a directory that exists");
	return directory;
}

/* HOME is the container user's, except where a mount that was asked for brings the host's along (DESIGN 7). */
static char *mounted_home(const struct mapping *mapping)
{
	const char *home = getenv("HOME");
	size_t best = 0;

	for (size_t i = 0; home && i < mapping->map.mount_count; i++) {
		const char *host = mapping->map.mounts[i].host;
		size_t length = strlen(host);
		if (length > 1 && !strncmp(home, host, length) && (home[length] == '/' || !home[length]) && length > best)
			best = length;
	}
	if (best == 0)
		return NULL;
	struct pathmap_result mapped = pathmap_to_container(&mapping->map, home, true);
	return join("HOME=", mapped.status == PATHMAP_MAPPED ? mapped.text : home, NULL);
}

struct paths paths_map(const struct table *table, char **arguments, char **variables, bool map_arguments)
{
	const struct table_mount *given = table_mounts(table);
	size_t mount_count = table->header->mount_count;
	struct pathmap_mount *mounts = allocate(NULL, mount_count * sizeof *mounts);
	struct mapping mapping = { .table = table };
	struct paths paths = { .arguments = copy(arguments, 0), .variables = copy(variables, 2) };

	for (size_t i = 0; i < mount_count; i++)
		mounts[i] = (struct pathmap_mount){ table_string(table, given[i].host),
						    table_string(table, given[i].container), given[i].writable };
	mapping.map = (struct pathmap){ mounts, mount_count, working_directory(),
					{ &mapping, look_at_host, read_host_link, note_question } };

	struct pathmap_result directory = pathmap_working_directory(&mapping.map);
	if (directory.status != PATHMAP_MAPPED)
		fail(FAILURE_OWN, mapping.map.cwd, "the container has no such directory: no mount shows it",
		     "cd to another directory, or create the environment with --directory for it");
	paths.directory = directory.text;

	for (size_t i = 0; i < paths.variables.count; i++)
		if (is_own(paths.variables.items[i]) || is_denied(table, paths.variables.items[i]))
			paths.variables.items[i] = NULL;
	drop_missing(&paths.variables);
	map_strings(&mapping, &paths, arguments, map_arguments);
	paths.variables.items[paths.variables.count++] = join("PWD=", paths.directory, NULL);
	char *home = mounted_home(&mapping);
	if (home)
		paths.variables.items[paths.variables.count++] = home;
	paths.variables.items[paths.variables.count] = NULL;
	return paths;
}
