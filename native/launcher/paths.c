#include "launcher/paths.h"

#include "launcher/failure.h"
#include "launcher/overrides.h"
#include "launcher/probe.h"
#include "launcher/response.h"
#include "launcher/trace.h"
#include "launcher/variables.h"
#include "pathmap/pathmap.h"
#include "pathmap/rule.h"
#include "pathmap/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSES_MAX 16 /* an answer may lead to another question, but not for ever */

struct mapping {
	struct pathmap map;
	struct overrides overrides;
	struct probe probe;
	struct pathmap_walked walked;
	unsigned char *treatments; /* of each argument; NULL: arguments are not mapped */
	bool to_host;
	bool warned; /* of an argument that the host cannot know */
};

/* Use a result for the string at `item`; NULL drops it. Returns whether it is still open. */
static bool settle(char **item, const struct pathmap_result *result)
{
	switch (result->status) {
	case PATHMAP_MAPPED:
		*item = result->text;
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

/* What the caller says goes before what is known of the program, and that before the shape. */
static struct pathmap_result judge_argument(const struct mapping *mapping, const char *argument, size_t index)
{
	if (mapping->overrides.keep_arguments)
		return (struct pathmap_result){ PATHMAP_UNCHANGED, NULL, "O", "CLEANENV_ARGS=off" };
	if (overrides_keep(&mapping->overrides, argument))
		return (struct pathmap_result){ PATHMAP_UNCHANGED, NULL, "O", "CLEANENV_KEEP_ARG" };
	enum pathmap_treatment treatment = (enum pathmap_treatment)mapping->treatments[index];
	return mapping->to_host ? pathmap_argument_to_host(&mapping->map, argument, treatment)
				: pathmap_argument(&mapping->map, argument, treatment);
}

/* What the container alone has, the host's program looks for in vain, or finds another file: said once a call. */
static void warn_of_unknown(struct mapping *mapping, const char *argument, const struct pathmap_result *result)
{
	const char *path = strchr(argument, '/');

	if (!mapping->to_host || mapping->warned || result->reason != pathmap_reason(PATHMAP_HIDDEN) || !path ||
	    pathmap_is_kernel(pathmap_slice(path)) || access(path, F_OK) < 0)
		return;
	mapping->warned = true;
	failure_warn(join(path, ": it is the container's own, no mount shows it; passed as it is", NULL));
}

static bool map_argument(struct mapping *mapping, char **item, size_t index)
{
	const char *argument = *item;
	struct pathmap_result result = judge_argument(mapping, argument, index);
	bool open = settle(item, &result);

	warn_of_unknown(mapping, argument, &result);
	if (mapping->probe.trace)
		trace_line(mapping->probe.trace, index, "", argument, *item, &result);
	return open;
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
static bool map_variable(struct mapping *mapping, char **item, size_t line)
{
	char *variable = *item, *equals = strchr(variable, '=');

	if (!equals || equals == variable)
		return false;
	*equals = '\0';
	char *value = equals + 1;
	struct pathmap_result result = pathmap_variable(&mapping->map, variable, value);
	bool open = settle(&value, &result);
	if (!value && variables_judge(mapping->probe.table, variable) == VARIABLE_NAMED)
		value = equals + 1; /* a name in full wins over what is dropped by default */
	if (!value)
		*item = NULL;
	else if (value != equals + 1)
		*item = join(variable, "=", value, NULL);
	/* A hundred variables that hold no path would hide the others. */
	if (mapping->probe.trace && strcmp(result.reason, "no path") != 0)
		trace_line(mapping->probe.trace, line, join(variable, "=", NULL), equals + 1, value, &result);
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
static void map_strings(struct mapping *mapping, struct paths *paths)
{
	size_t arguments = paths->arguments.count;
	size_t total = arguments + (mapping->to_host ? 0 : paths->variables.count);
	size_t first = mapping->treatments && arguments > 0 ? 1 : arguments;
	bool *pending = allocate(NULL, total), again = true;

	memset(pending, 1, total);
	for (int pass = 0; again && pass < PASSES_MAX; pass++) {
		for (size_t i = first; i < total; i++) {
			if (!pending[i])
				continue;
			pending[i] = i < arguments ? map_argument(mapping, &paths->arguments.items[i], i)
						   : map_variable(mapping, &paths->variables.items[i - arguments], i);
		}
		again = probe_ask(&mapping->probe);
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
		const char *host = mapping->map.mounts[i].host.path;
		size_t length = mapping->map.mounts[i].host.length;
		if (length > 0 && !strncmp(home, host, length) && (home[length] == '/' || !home[length]) && length > best)
			best = length;
	}
	if (best == 0)
		return NULL;
	struct pathmap_result mapped = pathmap_to_container(&mapping->map, home, true);
	return join("HOME=", mapped.status == PATHMAP_MAPPED ? mapped.text : home, NULL);
}

/* What the program's profile says about each argument; NULL if arguments are not to be mapped. */
static unsigned char *plan(const struct table *table, const struct program *program, const struct strings *arguments)
{
	const struct table_program *options = program->options;

	if (program->container_view)
		return NULL;
	unsigned char *treatments = allocate(NULL, arguments->count);
	memset(treatments, PATHMAP_BY_SHAPE, arguments->count);
	if (!options || arguments->count == 0)
		return treatments;
	const struct pathmap_profile profile = {
		.operands = (enum pathmap_operands)options->operands,
		.script_options = table_string(table, options->script_options),
		.map_options = table_string(table, options->map_options),
		.keep_options = table_string(table, options->keep_options),
		.stop_after = options->stop_after,
		.stop_words = table_string(table, options->stop_words),
		.map_words = table_string(table, options->map_words),
		.follow = options->follow,
		.follow_unless = table_string(table, options->follow_unless),
	};
	pathmap_plan(&profile, arguments->items + 1, arguments->count - 1, treatments + 1);
	return treatments;
}

static struct pathmap_mount *mounts_of(const struct table *table)
{
	size_t count = table->header->mount_count;
	const struct table_mount *given = table_mounts(table);
	struct pathmap_mount *mounts = allocate(NULL, count * sizeof *mounts);

	for (size_t i = 0; i < count; i++)
		mounts[i] = pathmap_mount(table_string(table, given[i].host), table_string(table, given[i].container));
	return mounts;
}

/* Both directions take it as the host's. */
static const char *working_directory_on_host(const struct mapping *mapping)
{
	char *directory = working_directory();

	if (!mapping->to_host)
		return directory;
	struct pathmap_result mapped = pathmap_to_host(&mapping->map, directory, true);
	if (mapped.status == PATHMAP_UNMAPPABLE)
		fail(FAILURE_OWN, directory, "the host has no such directory: no mount shows it",
		     "cd to a directory of the host");
	return mapped.status == PATHMAP_MAPPED ? mapped.text : directory;
}

static char *map_working_directory(struct mapping *mapping)
{
	if (mapping->to_host)
		return join(mapping->map.cwd, NULL);
	struct pathmap_result directory = pathmap_working_directory(&mapping->map);

	if (directory.status != PATHMAP_MAPPED)
		fail(FAILURE_OWN, mapping->map.cwd, "the container has no such directory: no mount shows it",
		     "cd to another directory, or create the environment with --directory for it");
	/* argv[0] is not mapped and has no line of its own. */
	if (mapping->probe.trace)
		trace_line(mapping->probe.trace, 0, "directory ", mapping->map.cwd, directory.text, &directory);
	return directory.text;
}

struct paths paths_map(const struct table *table, const struct program *program, char **arguments, char **variables)
{
	struct mapping mapping = { .overrides = overrides_read(), .probe = { .table = table }, .to_host = program->on_host };
	struct paths paths = { .arguments = copy(arguments, 0), .variables = copy(variables, 2) };

	if (program->options && program->options->response_files && !program->container_view)
		response_expand(&paths.arguments);
	/* What goes to the host is for the agent there to decide (agent/permission.c). */
	for (size_t i = 0; !mapping.to_host && i < paths.variables.count; i++)
		if (is_own(paths.variables.items[i]) || is_denied(table, paths.variables.items[i]))
			paths.variables.items[i] = NULL;
	drop_missing(&paths.variables);
	mapping.probe.trace =
		trace_begin(mapping.overrides.trace, paths.arguments.count + paths.variables.count + 1);
	/* A trace names all that is known of a path, also what another one has found out. */
	mapping.map = (struct pathmap){
		.mounts = mounts_of(table),
		.mount_count = table->header->mount_count,
		.variable_kinds = mapping.overrides.variable_kinds,
		.probe = probe_callbacks(&mapping.probe),
		.walked = mapping.probe.trace ? NULL : &mapping.walked,
	};
	mapping.probe.mounts = mapping.map.mounts;
	mapping.map.cwd = working_directory_on_host(&mapping);
	mapping.treatments = plan(table, program, &paths.arguments);
	paths.directory = map_working_directory(&mapping);
	map_strings(&mapping, &paths);
	if (mapping.probe.trace)
		trace_end(mapping.probe.trace);
	paths.map = mapping.map;
	paths.map.probe = (struct pathmap_probe){ 0 };
	paths.map.walked = NULL;
	paths.variables.items[paths.variables.count++] = join("PWD=", paths.directory, NULL);
	char *home = mapping.to_host ? NULL : mounted_home(&mapping);
	if (home)
		paths.variables.items[paths.variables.count++] = home;
	paths.variables.items[paths.variables.count] = NULL;
	return paths;
}
