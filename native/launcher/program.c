#include "launcher/program.h"

#include "launcher/failure.h"
#include "launcher/match.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* Replaced in the file by the live directory (cleanenv/server/launcher.py). Volatile: the compiler must not know it. */
static volatile const char placeholder[128] = "@CLEANENV-RUNTIME@";

const char *runtime_directory(void)
{
	static char directory[sizeof placeholder];

	for (size_t i = 0; i < sizeof directory - 1; i++)
		directory[i] = placeholder[i];
	if (*directory != '/')
		fail(FAILURE_OWN, "launcher", "it was started outside a live directory",
		     "run programs from the bin directory of an environment");
	return directory;
}

/* The name of a file in the live directory, when the path that was executed is in there as the environment writes it; else NULL. */
static const char *name_in_directory(const struct table *table, const char *executed)
{
	const char *environment = table_string(table, table->header->environment);
	size_t length = strlen(environment);

	if (!executed || strncmp(executed, environment, length) != 0 || strncmp(executed + length, "/bin/", 5) != 0)
		return NULL;
	const char *name = executed + length + 5;
	return *name && !strchr(name, '/') ? name : NULL;
}

/*
 * The name that was called: that of the executed file. argv[0] is the caller's to choose and is handed on (exec -a); a
 * symbolic link elsewhere to a program of the environment is still that program. The kernel's record of the execve
 * (getauxval(3)) tells it mostly, and without the 10 microseconds that the first look into /proc costs.
 */
static const char *called_name(const struct table *table)
{
	static char path[PATH_MAX];
	const char *executed = (const char *)getauxval(AT_EXECFN), *name = name_in_directory(table, executed);

	if (name)
		return name;
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	const char *file = length > 0 ? path : executed;
	if (!file)
		fail(FAILURE_OWN, "launcher", "its own name is not known", "mount /proc");
	const char *slash = strrchr(file, '/');
	return slash ? slash + 1 : file;
}

/* `text` as a glob(7) pattern that matches only itself. */
static char *escape(const char *text)
{
	char *escaped = allocate(NULL, 2 * strlen(text) + 1), *to = escaped;

	for (; *text; text++) {
		if (strchr("\\*?[", *text))
			*to++ = '\\';
		*to++ = *text;
	}
	*to = '\0';
	return escaped;
}

/*
 * Whether argv[0] is a path to this file. Compilers and interpreters look for their parts beside it, so it must be one
 * that exists in the container; whatever else a caller chose (exec -a) is handed on as it is.
 */
static bool is_own_path(const char *argument)
{
	struct stat own, named;

	if (!argument || !strchr(argument, '/'))
		return false;
	const char *executed = (const char *)getauxval(AT_EXECFN);
	if (executed && !strcmp(argument, executed))
		return true;
	return stat(argument, &named) == 0 && stat("/proc/self/exe", &own) == 0 && own.st_dev == named.st_dev &&
	       own.st_ino == named.st_ino;
}

const struct table_program *program_options(const struct table *table, const char *name)
{
	const struct table_program *programs = table_programs(table);

	for (uint32_t i = 0; i < table->header->program_count; i++)
		if (match_name(table_string(table, programs[i].pattern), name))
			return &programs[i];
	return NULL;
}

struct program program_find(const struct table *table, const char *argument)
{
	const struct table_link *links = table_links(table);
	struct program program = { .name = called_name(table), .called_by_path = is_own_path(argument) };

	program.on_host = table->header->direction == TABLE_TO_HOST;
	program.there = program.on_host ? "the host" : "the container";
	program.candidates = allocate(NULL, (table->header->link_count + 1) * sizeof *program.candidates);
	for (uint32_t i = 0; i < table->header->link_count; i++) {
		const char *name = table_string(table, links[i].name), *path = table_string(table, links[i].path);
		if (links[i].kind == TABLE_LINK_GLOB) {
			if (match_name(name, program.name))
				program.candidates[program.candidate_count++] =
					join(path, "/", escape(program.name), NULL);
		} else if (!strcmp(name, program.name)) {
			program.hook = links[i].kind == TABLE_LINK_HOOK;
			program.session = links[i].kind == TABLE_LINK_SESSION ? path : NULL;
			program.container_view = program.hook || links[i].kind == TABLE_LINK_EXEC;
			program.candidates[program.candidate_count++] = escape(path);
			break; /* patterns come last in the table: what has a name of its own is not looked for elsewhere */
		}
	}
	program.options = program_options(table, program.name);
	if (program.candidate_count == 0 && program.on_host)
		fail(FAILURE_NOT_FOUND, program.name, "it is not linked any more",
		     join("on the host: cleanenv link --host ", program.name, NULL));
	if (program.candidate_count == 0)
		fail(FAILURE_NOT_FOUND, program.name, "it is not linked in this environment",
		     join("cleanenv link -e '", table_string(table, table->header->environment), "' ", program.name,
			  ":/PATH/IN/THE/CONTAINER", NULL));
	return program;
}
