#include "agent/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_S 8 /* docker stop waits 10 s by default */
#define GRACE_MAX_S 86400

/* A decimal number of at most `limit`. */
static bool read_number(const char *text, unsigned int *number, unsigned int limit)
{
	char *end;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value > limit)
		return false;
	*number = (unsigned int)value;
	return true;
}

/* setuid(2) would take the largest number for "no change". */
static bool read_id(const char *text, unsigned int *id)
{
	return read_number(text, id, 0xfffffffe);
}

/* A name becomes a field of passwd(5) or group(5). */
static bool is_field(const char *text)
{
	return *text && !strpbrk(text, ":\n,");
}

/* NAME:GID */
static bool read_group(char *text, struct group_entry *group)
{
	char *colon = strrchr(text, ':');

	if (!colon || !read_id(colon + 1, &group->gid))
		return false;
	*colon = '\0';
	group->name = text;
	return is_field(text);
}

const char *options_read(struct options *options, int count, char **arguments)
{
	bool owner_known = false, uid_known = false;
	unsigned int lifeline;

	*options = (struct options){ .grace = GRACE_S };
	for (int i = 1; i < count; i++) {
		const char *name = arguments[i];
		if (!strcmp(name, "--new-privileges")) {
			options->new_privileges = true;
			continue;
		}
		char *value = i + 1 < count ? arguments[++i] : NULL;
		if (!value)
			return "an option has no value";
		if (!strcmp(name, "--socket"))
			options->socket = value;
		else if (!strcmp(name, "--owner") && read_id(value, &options->owner))
			owner_known = true;
		else if (!strcmp(name, "--user") && is_field(value))
			options->user = value;
		else if (!strcmp(name, "--uid") && read_id(value, &options->uid))
			uid_known = true;
		else if (!strcmp(name, "--home") && !strpbrk(value, ":\n") && *value == '/')
			options->home = value;
		else if (!strcmp(name, "--grace") && read_number(value, &options->grace, GRACE_MAX_S))
			continue;
		else if (!strcmp(name, "--programs") && *value == '/')
			options->programs = value;
		else if (!strcmp(name, "--lifeline") && read_number(value, &lifeline, INT_MAX) && lifeline > 2)
			options->lifeline = (int)lifeline;
		else if (!strcmp(name, "--group") && options->group_count < OPTIONS_GROUPS_MAX &&
			 read_group(value, &options->groups[options->group_count]))
			options->group_count++;
		else
			return "an option is unknown or its value is malformed";
	}
	if (options->programs) {
		/* Whoever may call is whom the programs run as, with the groups that he has. */
		options->uid = options->owner;
		return options->socket && owner_known ? NULL : "--socket and --owner are needed";
	}
	if (!options->socket || !owner_known || !options->user || !uid_known || !options->home ||
	    options->group_count == 0)
		return "--socket, --owner, --user, --uid, --home and --group are needed";
	return NULL;
}
