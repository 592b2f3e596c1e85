/* Rules C. Evidence decides: what exists, and on which side; the name alone decides for a few trees only. */
#include "pathmap/classes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum class { CLASS_KERNEL, CLASS_SYSTEM, CLASS_STATE, CLASS_OTHER };

/* The lists are short and their names differ in the first byte or two. */
static bool is_one_of(struct slice name, const char *const *names)
{
	for (; *names; names++)
		if (pathmap_is(name, *names))
			return true;
	return false;
}

/* By the first component of the normal form: /usr/../home/u is a path below /home. */
static enum class classify(struct slice path)
{
	static const char *const system_names[] = { "usr", "bin", "sbin", "opt", "nix", "gnu", NULL };
	static const char *const state_names[] = { "etc", "var", "run", "boot", NULL };
	struct slice first = { "", 0 };

	if (pathmap_is_kernel(path))
		return CLASS_KERNEL;
	pathmap_next(&path, &first);
	/* lib, lib64, libx32 ... */
	if (is_one_of(first, system_names) || (first.length >= 3 && memcmp(first.at, "lib", 3) == 0))
		return CLASS_SYSTEM;
	return is_one_of(first, state_names) ? CLASS_STATE : CLASS_OTHER;
}

/*
 * C5: directories that every system has under the same name. As an option's value such a directory is far more often
 * where something is to be installed or written than what lies there on the host. By the standard both sides have
 * them, so neither is asked.
 */
static bool is_bare_directory(struct slice path)
{
	static const char *const names[] = {
		"etc", "var", "run", "boot", "home", "root", "tmp", "srv", "mnt", "media", NULL,
	};
	struct slice first;

	return pathmap_next(&path, &first) && is_one_of(first, names) && pathmap_is_root(path);
}

/* C3, as far as it needs no question: which mount, at its end in the container, the path lies below. */
enum below { BELOW_NONE, BELOW_MOUNT, BELOW_ROOT_MOUNT };

static enum below find_below(const struct pathmap *map, struct slice path, bool tidy)
{
	enum below below = BELOW_NONE;
	struct slice rest;

	for (size_t i = 0; i < map->mount_count; i++) {
		if (!pathmap_behind_mount(&map->mounts[i], PATHMAP_TO_HOST, path, tidy, &rest))
			continue;
		if (pathmap_is_root_mount(&map->mounts[i]))
			return BELOW_ROOT_MOUNT;
		below = BELOW_MOUNT;
	}
	return below;
}

/* What scripts, queries and regular expressions are made of. A switch, because every byte of a new name is looked at. */
static bool is_sign_of_a_language(unsigned char byte)
{
	switch (byte) {
	case '(':
	case ')':
	case '|':
	case '^':
	case '$':
	case '\\':
	case '"':
	case '\'':
	case '<':
	case '>':
	case '&':
	case '!':
	case '`':
		return true;
	default:
		return false;
	}
}

static bool is_glob_character(unsigned char byte)
{
	return byte == '*' || byte == '?' || byte == '[' || byte == ']' || byte == '{' || byte == '}';
}

/* A name somebody would give to a file, and nothing that a regular expression, a script or a query needs. */
static bool is_plain_name(struct slice name, bool blank_inside, bool *glob)
{
	for (size_t i = 0; i < name.length; i++) {
		unsigned char byte = (unsigned char)name.at[i];
		if (byte < ' ' || byte == 0x7f || is_sign_of_a_language(byte))
			return false;
		if (byte == ' ' && (i == 0 || i + 1 == name.length || !blank_inside))
			return false;
		if (is_glob_character(byte))
			*glob = true;
	}
	return true;
}

/*
 * Globs that a program expands by itself are plain too, if they begin in a directory that exists and is not the top of
 * everything: /home/u/proj/x*.py is one, the regular expression /home/.* is not.
 */
bool pathmap_is_plain(const struct pathmap_survey *survey, bool blank_inside)
{
	struct slice path = survey->route.path, name;
	struct slice tail = { path.at + survey->known, path.length - survey->known };
	bool glob = false;

	for (bool in_existing = survey->depth >= 2; pathmap_next(&tail, &name); in_existing = false) {
		bool had_glob = glob;
		if (!is_plain_name(name, blank_inside, &glob) || (glob && !had_glob && !in_existing))
			return false;
	}
	return true;
}

/* The path goes to the agent as it was typed; the kernel over there knows what `..` behind a link is. */
static enum pathmap_presence ask_container(const struct pathmap *map, struct slice path)
{
	char name[PATH_MAX];

	/* One question for /usr/lib and /usr/lib/, and one answer (L5). */
	while (path.length > 1 && path.at[path.length - 1] == '/')
		path.length--;
	if (path.length >= sizeof name)
		return PATHMAP_ABSENT;
	memcpy(name, path.at, path.length);
	name[path.length] = '\0';
	return map->probe.container(map->probe.context, name);
}

/*
 * The toolchain's files are the container's if it has them: they are named by machines (pkg-config, cmake caches)
 * that live there, and mixing in the host's headers or libraries would go unnoticed. The host is asked first, because
 * that costs nothing and without its file the answer is known.
 */
static struct pathmap_judgement judge_system(const struct pathmap *map, struct slice path, bool on_host)
{
	if (!on_host)
		return (struct pathmap_judgement){ .verdict = PATHMAP_SYSTEM_ABSENT };
	switch (ask_container(map, path)) {
	case PATHMAP_ABSENT:
		return (struct pathmap_judgement){ .verdict = PATHMAP_SYSTEM_HOST, .mapped = true };
	case PATHMAP_ASKED:
		return (struct pathmap_judgement){ .verdict = PATHMAP_SYSTEM_ASKED, .asked = true };
	case PATHMAP_PRESENT:
	case PATHMAP_SYMLINK:
		break;
	}
	return (struct pathmap_judgement){ .verdict = PATHMAP_SYSTEM_SHARED };
}

/*
 * The table of classes. A state file or a system file is mapped only if it is there, because a program that creates
 * one creates its own; a new name elsewhere is an output file, and those are the caller's.
 */
static struct pathmap_judgement judge_class(const struct pathmap *map, enum class class, struct slice path,
					    const struct pathmap_survey *survey, bool plain)
{
	struct pathmap_judgement judgement = { .mapped = false };

	switch (class) {
	case CLASS_KERNEL:
		judgement.verdict = PATHMAP_KERNEL;
		break;
	case CLASS_SYSTEM:
		return judge_system(map, path, survey->exists);
	case CLASS_STATE:
		judgement.mapped = survey->exists;
		judgement.verdict = survey->exists ? PATHMAP_STATE : PATHMAP_STATE_ABSENT;
		break;
	case CLASS_OTHER:
		/* A link was followed from something that exists. */
		if (survey->depth == 0 && !survey->linked) {
			judgement.verdict = PATHMAP_UNKNOWN;
			break;
		}
		judgement.mapped = survey->exists || plain;
		judgement.verdict = survey->exists ? PATHMAP_HOST : plain ? PATHMAP_HOST_NEW : PATHMAP_NOT_PLAIN;
		break;
	}
	return judgement;
}

/*
 * C1 to C5 in the order of what they cost: text first, then the host's answers, then the container's. An explicit mount
 * wins over all classes, so its paths are asked about for C2 and links only.
 */
static struct pathmap_judgement judge_for_container(const struct pathmap *map, struct slice path,
						    unsigned circumstances, struct buffer *out)
{
	struct pathmap_judgement judgement = { .mapped = false };
	struct pathmap_route route = pathmap_route(map, PATHMAP_TO_CONTAINER, path);
	struct slice normal = route.owned.data ? pathmap_slice_of(&route.owned) : path;
	enum class class = classify(normal);
	bool is_explicit = pathmap_is_explicit(&route);
	enum below below = is_explicit ? BELOW_NONE : find_below(map, normal, route.tidy && !route.owned.data);

	/* All that can be said without a question, first. */
	if (pathmap_is_root(normal))
		judgement.verdict = PATHMAP_LONE_SLASH;
	else if (below == BELOW_ROOT_MOUNT)
		judgement.verdict = PATHMAP_CONTAINERS;
	else if (!is_explicit && class == CLASS_KERNEL)
		judgement.verdict = PATHMAP_KERNEL;
	else if (!is_explicit && (circumstances & PATHMAP_VALUE) && is_bare_directory(normal))
		judgement.verdict = PATHMAP_BARE;
	if (judgement.verdict != PATHMAP_NO_PATH) {
		out->failed = out->failed || route.owned.failed;
		pathmap_route_free(&route);
		return judgement;
	}

	struct pathmap_survey survey = pathmap_survey(map, route, !(circumstances & PATHMAP_LINK));
	bool plain = (circumstances & PATHMAP_LOOSE) || pathmap_is_plain(&survey, circumstances & PATHMAP_WHOLE);
	/* C1 holds for where a link leads, too. */
	if (is_explicit || (survey.linked && pathmap_is_explicit(&survey.route))) {
		judgement.mapped = plain;
		judgement.verdict = plain ? PATHMAP_EXPLICIT : PATHMAP_NOT_PLAIN;
	} else if (below == BELOW_MOUNT && !survey.exists) {
		judgement.verdict = PATHMAP_CONTAINERS;
	} else {
		judgement = judge_class(map, class, path, &survey, plain);
	}
	if (judgement.mapped && !survey.route.mount)
		judgement = (struct pathmap_judgement){ .verdict = PATHMAP_HIDDEN };
	if (judgement.mapped)
		pathmap_append_mapped(out, &survey.route, PATHMAP_TO_CONTAINER);
	out->failed = out->failed || survey.route.owned.failed;
	pathmap_survey_free(&survey);
	return judgement;
}

/* A host program that is called from inside gets paths of the container; what no mount shows it keeps as it is. */
static struct pathmap_judgement judge_for_host(const struct pathmap *map, struct slice path, struct buffer *out)
{
	struct pathmap_route route = pathmap_route(map, PATHMAP_TO_HOST, path);
	struct pathmap_judgement judgement = { .verdict = PATHMAP_HIDDEN };

	if (route.mount) {
		pathmap_append_mapped(out, &route, PATHMAP_TO_HOST);
		judgement = (struct pathmap_judgement){ .verdict = PATHMAP_BY_MOUNT, .mapped = true };
	}
	out->failed = out->failed || route.owned.failed;
	pathmap_route_free(&route);
	return judgement;
}

struct pathmap_judgement pathmap_judge(const struct pathmap *map, enum pathmap_direction direction, struct slice path,
				       unsigned circumstances, struct buffer *out)
{
	/* A1: //usr/x is a way to say "as it stands"; the kernel reads it as /usr/x. */
	if (path.length >= 2 && path.at[1] == '/')
		return (struct pathmap_judgement){ .verdict = PATHMAP_ESCAPED };
	return direction == PATHMAP_TO_CONTAINER ? judge_for_container(map, path, circumstances, out) :
						   judge_for_host(map, path, out);
}
