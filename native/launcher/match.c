#include "launcher/match.h"

#include <stddef.h>
#include <string.h>

/* The end of the character that begins here: `?` takes a whole one of UTF-8. */
static const char *next_character(const char *name)
{
	name++;
	while (((unsigned char)*name & 0xc0) == 0x80)
		name++;
	return name;
}

/* Match one byte against the set that begins behind '['; `end` gets the place behind ']', or NULL when it is not closed. */
static bool in_set(const char *set, unsigned char byte, const char **end)
{
	bool negated = *set == '!', found = false;
	const char *at = set + negated, *first = at;

	*end = NULL;
	for (; *at && (*at != ']' || at == first); at++) {
		unsigned char low = (unsigned char)*at, high = low;
		if (at[1] == '-' && at[2] && at[2] != ']') {
			high = (unsigned char)at[2];
			at += 2;
		}
		found = found || (low <= byte && byte <= high);
	}
	if (*at)
		*end = at + 1;
	return found != negated;
}

/*
 * The usual walk with one place to come back to: when something does not match, the last `*` takes one byte more. An earlier one
 * never has to, so the time is at most pattern times name.
 */
static bool match(const char *pattern, const char *name)
{
	const char *star = NULL, *retry = NULL;

	while (*name) {
		const char *end = NULL;
		if (*pattern == '*') {
			star = pattern++;
			retry = name;
			continue;
		}
		if (*pattern == '?') {
			pattern++;
			name = next_character(name);
			continue;
		}
		bool is_in = *pattern == '[' && in_set(pattern + 1, (unsigned char)*name, &end);
		if (end ? is_in : *pattern == *name) {
			pattern = end ? end : pattern + 1;
			name++;
			continue;
		}
		if (!star)
			return false;
		pattern = star + 1;
		name = ++retry;
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

bool match_name(const char *pattern, const char *name)
{
	return (*name != '.' || *pattern == '.') && match(pattern, name);
}
