#include "launcher/variables.h"

#include "launcher/failure.h"
#include "launcher/match.h"

#include <string.h>
#include <unistd.h>

enum variable_verdict variables_judge(const struct table *table, const char *name)
{
	const struct table_variable *rules = table_variables(table);
	bool selective = false, named = false, allowed = false;

	for (uint32_t i = 0; i < table->header->variable_count; i++) {
		const char *pattern = table_string(table, rules[i].pattern);
		bool matches = match_name(pattern, name);
		if (rules[i].kind == TABLE_VARIABLE_DENIED) {
			if (matches)
				return VARIABLE_DENIED;
			continue;
		}
		selective = true;
		allowed = allowed || matches;
		/* A pattern is about many: who writes `*` has not thought of LD_PRELOAD. */
		named = named || !strcmp(pattern, name);
	}
	if (named)
		return VARIABLE_NAMED;
	return allowed || !selective ? VARIABLE_ADMITTED : VARIABLE_DENIED;
}

/* A name has no slash, so that every path is the path of a program. */
static size_t name_length(const char *string)
{
	size_t length = strcspn(string, "=/");

	return string[length] == '=' ? length : 0;
}

size_t variables_defined(char *const *strings)
{
	size_t count = 0;

	while (strings[count] && name_length(strings[count]) > 0)
		count++;
	return count;
}

/* `--env=NAME` stands for the caller's own variable, whatever is said of it: its value need not be on the command line. */
static char *own_variable(const char *definition)
{
	static const char option[] = "--env=";
	const char *name = definition + sizeof option - 1;
	size_t length = strlen(name);

	if (strncmp(definition, option, sizeof option - 1) != 0)
		return NULL;
	for (char **variable = environ; *variable; variable++)
		if (!strncmp(*variable, name, length) && (*variable)[length] == '=')
			return *variable;
	fail(FAILURE_USAGE, definition, "it is not set here", "--env=NAME before the program takes the variable of now");
}

static void set(struct strings *variables, char *definition)
{
	size_t length = name_length(definition) + 1;

	for (size_t i = 0; i < variables->count; i++) {
		if (!strncmp(variables->items[i], definition, length)) {
			variables->items[i] = definition;
			return;
		}
	}
	variables->items[variables->count++] = definition;
}

void variables_set(struct strings *variables, char *const *definitions, size_t count)
{
	if (count == 0)
		return;
	variables->items = allocate(variables->items, (variables->count + count + 1) * sizeof *variables->items);
	for (size_t i = 0; i < count; i++) {
		char *own = own_variable(definitions[i]);
		if (own) {
			set(variables, own);
			continue;
		}
		set(variables, join(definitions[i], NULL));
		/* The command line is for everybody to read (ps(1)), as long as the program runs. */
		char *value = definitions[i] + name_length(definitions[i]) + 1;
		memset(value, 0, strlen(value));
	}
	variables->items[variables->count] = NULL;
}
