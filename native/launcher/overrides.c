#include "launcher/overrides.h"

#include "launcher/failure.h"
#include "pathmap/pathmap.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The place of a variable's value in `words`, or 0 when it is unset or empty. */
static size_t read_word(const char *name, const char *const *words, const char *hint)
{
	const char *value = getenv(name);

	if (!value || !*value)
		return 0;
	for (size_t i = 1; words[i]; i++)
		if (!strcmp(value, words[i]))
			return i;
	fail(FAILURE_USAGE, join(name, "=", value, NULL), "there is no such value", hint);
}

struct overrides overrides_read(void)
{
	static const char *const switches[] = { "", "off", NULL }, *const traces[] = { "", "map", "only", NULL };
	struct overrides overrides = {
		.keep_arguments = read_word("CLEANENV_ARGS", switches, "CLEANENV_ARGS=off PROGRAM …") != 0,
		.kept_beginnings = getenv("CLEANENV_KEEP_ARG"),
		.variable_kinds = getenv("CLEANENV_ENV"),
		.trace = (enum trace_mode)read_word("CLEANENV_TRACE", traces, "CLEANENV_TRACE=map PROGRAM …"),
	};
	const char *wrong = overrides.variable_kinds ? pathmap_check_variable_kinds(overrides.variable_kinds) : NULL;

	if (wrong) {
		char *element = join(wrong, NULL);
		element[strcspn(element, ":")] = '\0';
		fail(FAILURE_USAGE, join("CLEANENV_ENV: ", element, NULL), "it is not NAME/p, /l, /x or /k",
		     "CLEANENV_ENV=ONE/p:MANY/l:DROPPED/x:KEPT/k");
	}
	return overrides;
}

/* Empty items are ignored: a semicolon too many must not switch everything off. */
bool overrides_keep(const struct overrides *overrides, const char *argument)
{
	for (const char *at = overrides->kept_beginnings; at && *at;) {
		size_t length = strcspn(at, ";");
		if (length > 0 && !strncmp(argument, at, length))
			return true;
		at += length + (at[length] == ';');
	}
	return false;
}
