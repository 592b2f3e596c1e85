/*
 * The launcher's own path code on a host and a container that consist of a list of paths: `launcher-driver LAUNCH-TABLE`.
 *
 * This program is linked from the launcher's objects; only main is another one, and what they ask the kernel and the agent
 * is answered from the list (ld's --wrap). Input and output are words that end with NUL: `cwd=`, `host=`, `link=` and behind it
 * `target=`, `container=`, `program=`, `argument=`, `variable=`; of the output `lstat=` and `exists=` for what was asked, `question`
 * before each message to the agent, and `directory=`, `argument=`, `variable=`.
 * Variables that the launcher itself reads (CLEANENV_…) are the driver's own.
 */
#include "launcher/agent.h"
#include "launcher/failure.h"
#include "launcher/paths.h"
#include "launcher/program.h"
#include "pathmap/text.h"
#include "table/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 4096

/* The wrapped functions: ld makes these of their names. */
int __wrap_lstat(const char *path, struct stat *status);
ssize_t __wrap_readlink(const char *path, char *target, size_t size);
char *__wrap_getcwd(char *buffer, size_t size);
void __wrap_agent_exists(const struct table *table, char *const *paths, size_t count, char *answers);

static char *words[WORDS_MAX + 1];
static size_t word_count;

/* The value of the `number`th word of that key, or NULL. */
static char *value_of(const char *key, size_t number)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < word_count; i++)
		if (!strncmp(words[i], key, length) && number-- == 0)
			return words[i] + length;
	return NULL;
}

/* The word of that key and value, or NULL. A question may have `..` in it, the list has not. */
static char **find(const char *key, const char *path)
{
	struct buffer normal = { 0 };
	size_t length = strlen(key);

	pathmap_append_normal(&normal, pathmap_slice(path));
	for (size_t i = 0; i < word_count; i++)
		if (!strncmp(words[i], key, length) && !strcmp(words[i] + length, normal.data))
			return &words[i];
	return NULL;
}

int __wrap_lstat(const char *path, struct stat *status)
{
	bool link = find("link=", path) != NULL;

	printf("lstat=%s%c", path, 0);
	if (!link && !find("host=", path)) {
		errno = ENOENT;
		return -1;
	}
	*status = (struct stat){ .st_mode = link ? S_IFLNK : S_IFREG };
	return 0;
}

ssize_t __wrap_readlink(const char *path, char *target, size_t size)
{
	char **link = find("link=", path);
	size_t length = link ? strlen(link[1]) - strlen("target=") : 0;

	if (!link || length > size) {
		errno = EINVAL;
		return -1;
	}
	memcpy(target, link[1] + strlen("target="), length);
	return (ssize_t)length;
}

char *__wrap_getcwd(char *buffer, size_t size)
{
	(void)buffer;
	(void)size;
	return join(value_of("cwd=", 0), NULL);
}

void __wrap_agent_exists(const struct table *table, char *const *paths, size_t count, char *answers)
{
	(void)table;
	printf("question=%c", 0);
	for (size_t i = 0; i < count; i++) {
		printf("exists=%s%c", paths[i], 0);
		answers[i] = find("container=", paths[i]) ? '1' : '0';
	}
}

static void read_words(void)
{
	char *word = NULL;
	size_t capacity = 0;

	while (getdelim(&word, &capacity, '\0', stdin) > 0) {
		if (word_count == WORDS_MAX)
			fail(FAILURE_USAGE, "launcher-driver", "too many words", NULL);
		words[word_count++] = join(word, NULL);
	}
}

static char **all_of(const char *key, char *first)
{
	char **values = allocate(NULL, (word_count + 2) * sizeof *values);
	size_t count = 0;

	if (first)
		values[count++] = first;
	for (char *value; (value = value_of(key, count - (first != NULL)));)
		values[count++] = value;
	values[count] = NULL;
	return values;
}

static void write_words(const char *key, const struct strings *strings, size_t from)
{
	for (size_t i = from; i < strings->count; i++)
		printf("%s%s%c", key, strings->items[i], 0);
}

int main(int argc, char **argv)
{
	struct table table;
	struct program program = { .name = "program" };

	if (argc != 2 || table_open(&table, argv[1]) < 0)
		fail(FAILURE_USAGE, "launcher-driver", "no launch table", "launcher-driver LAUNCH-TABLE <WORDS");
	read_words();
	if (!value_of("cwd=", 0))
		fail(FAILURE_USAGE, "launcher-driver", "no cwd=", NULL);
	if (value_of("program=", 0))
		program.name = value_of("program=", 0);
	program.options = program_options(&table, program.name);
	struct paths paths =
		paths_map(&table, &program, all_of("argument=", (char *)program.name), all_of("variable=", NULL));
	printf("directory=%s%c", paths.directory, 0);
	write_words("argument=", &paths.arguments, 1);
	write_words("variable=", &paths.variables, 0);
	return 0;
}
