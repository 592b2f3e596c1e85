/*
 * Which argument is an option, which the value of one, which an operand: as getopt(3) has it, for options that the
 * profile names. The others are taken for options without a separate value.
 */
#include "pathmap/profile.h"

#include <string.h>

#include "pathmap/text.h"

enum role {
	ROLE_OPERAND,
	ROLE_OPTION,      /* an option, with or without a value attached */
	ROLE_KEPT_OPTION, /* an option with a value attached that is to be kept */
	ROLE_VALUE,       /* the value of the option before */
	ROLE_KEPT_VALUE,
};

struct reading {
	const struct pathmap_profile *profile;
	enum role next;  /* ROLE_VALUE or ROLE_KEPT_VALUE if the option before takes the next argument, or ROLE_OPERAND */
	bool ended;      /* `--` was read: only operands follow */
	bool has_script; /* an option carries the script */
	bool turned;     /* an option turns `follow` around */
};

static bool is_listed(const char *list, struct slice word)
{
	while (*list) {
		size_t length = strcspn(list, " ");
		if (length == word.length && memcmp(list, word.at, length) == 0)
			return true;
		list += length + (list[length] == ' ');
	}
	return false;
}

/*
 * Note what the option's name says. Returns whether it takes a value, which is `attached` or comes next; `role` becomes
 * that of the argument.
 */
static bool read_name(struct reading *reading, struct slice name, bool attached, enum role *role)
{
	const struct pathmap_profile *profile = reading->profile;
	bool kept = is_listed(profile->keep_options, name);

	reading->has_script = reading->has_script || is_listed(profile->script_options, name);
	reading->turned = reading->turned || is_listed(profile->follow_unless, name);
	if (!kept && !is_listed(profile->map_options, name))
		return false;
	if (!attached)
		reading->next = kept ? ROLE_KEPT_VALUE : ROLE_VALUE;
	else if (kept)
		*role = ROLE_KEPT_OPTION;
	return true;
}

static bool is_option_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

/* `--name`, `--name=value`, `-name` and `-name=value` of find and compilers; else letters, the last with a value. */
static enum role read_option(struct reading *reading, const char *argument)
{
	enum role role = ROLE_OPTION;
	size_t length = strcspn(argument, "=");

	if (read_name(reading, (struct slice){ argument, length }, argument[length] == '=', &role) || argument[1] == '-')
		return role;
	for (const char *letter = argument + 1; length > 2 && is_option_letter(*letter); letter++) {
		char name[2] = { '-', *letter };
		if (read_name(reading, (struct slice){ name, 2 }, letter[1] != '\0', &role))
			break;
	}
	return role;
}

static enum role read_argument(struct reading *reading, const char *argument)
{
	enum role role = reading->next;

	reading->next = ROLE_OPERAND;
	if (role != ROLE_OPERAND || reading->ended || argument[0] != '-' || argument[1] == '\0')
		return role;
	if (strcmp(argument, "--") == 0) {
		reading->ended = true;
		return ROLE_OPTION;
	}
	return read_option(reading, argument);
}

/*
 * Twice along the arguments: an option may stand behind the operands that it is about. The roles wait where the
 * treatments will be.
 */
void pathmap_plan(const struct pathmap_profile *profile, char *const *arguments, size_t count,
		  unsigned char *treatments)
{
	struct reading reading = { .profile = profile };
	bool counting = *profile->stop_words == '\0', stopped = counting && profile->stop_after == 0;
	bool keep = profile->operands == PATHMAP_OPERANDS_KEEP;
	uint32_t counted = 0;

	for (size_t i = 0; i < count; i++)
		treatments[i] = (unsigned char)read_argument(&reading, arguments[i]);
	bool script_next = profile->operands == PATHMAP_OPERANDS_KEEP_FIRST && !reading.has_script;
	/* The usual way of a program and the other one: `ls` and `ls -l`, `readlink` and `readlink -f`. */
	bool follow = profile->follow != reading.turned;
	for (size_t i = 0; i < count; i++) {
		enum role role = (enum role)treatments[i];
		struct slice word = pathmap_slice(arguments[i]);
		if (stopped) {
			treatments[i] = PATHMAP_KEEP_REST;
			continue;
		}
		treatments[i] = role == ROLE_KEPT_OPTION || role == ROLE_KEPT_VALUE ? PATHMAP_KEEP_VALUE : PATHMAP_BY_SHAPE;
		if (role != ROLE_OPERAND)
			continue;
		if (keep || script_next)
			treatments[i] = PATHMAP_KEEP_OPERAND;
		else if (!follow)
			treatments[i] = PATHMAP_LINK_ITSELF;
		script_next = false;
		keep = keep && !is_listed(profile->map_words, word);
		if (counting)
			counted++;
		else
			counting = is_listed(profile->stop_words, word);
		stopped = counting && counted >= profile->stop_after;
	}
}
