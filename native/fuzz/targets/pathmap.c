/* The path map over any mounts, directories and answers about files: every entry point keeps the promises of pathmap.h. */
#include "pathmap/pathmap.h"

#include "fuzz/fuzz.h"
#include "fuzz/input.h"
#include "fuzz/mounts.h"

#include <stdlib.h>

static struct {
	uint8_t answers; /* what there is: mixed with a hash of the path */
	bool open, asked;   /* the container has not answered yet; and was asked */
} world;

/* FNV-1a */
static uint32_t hash(const char *text)
{
	uint32_t value = 2166136261u;

	for (; *text; text++)
		value = (value ^ (uint8_t)*text) * 16777619u;
	return value;
}

static enum pathmap_presence look_at_host(void *context, const char *path)
{
	(void)context;
	REQUIRE(*path == '/');
	return (enum pathmap_presence)((hash(path) >> 8 ^ world.answers) % 3);
}

static long read_link(void *context, const char *path, char *target, size_t size)
{
	static const char *const targets[] = { "/", "/home/u/proj", "relative", "/proc/self", "/usr/../a/./b//", "/a", "/b", "" };
	const char *chosen = targets[hash(path) % (sizeof targets / sizeof *targets)];

	(void)context;
	if (strlen(chosen) >= size)
		return -1;
	strcpy(target, chosen);
	return (long)strlen(chosen);
}

static enum pathmap_presence look_at_container(void *context, const char *path)
{
	(void)context;
	REQUIRE(*path == '/');
	if (world.open) {
		world.asked = true;
		return PATHMAP_ASKED;
	}
	return (enum pathmap_presence)((hash(path) >> 16 ^ world.answers) % 3);
}

static void check(struct pathmap_result result, bool may_drop)
{
	REQUIRE(result.rule && *result.rule && result.reason && *result.reason);
	REQUIRE((result.status == PATHMAP_MAPPED) == (result.text != NULL));
	REQUIRE(result.status != PATHMAP_NO_MEMORY && (result.status != PATHMAP_DROPPED || may_drop));
	REQUIRE(result.status != PATHMAP_PENDING || world.asked);
	free(result.text);
}

/* What was walked to before saves questions and changes nothing. */
static void compare_walked(struct pathmap map, const char *text, enum pathmap_treatment treatment)
{
	struct pathmap_walked walked = { .length = 0 };
	struct pathmap_result without = pathmap_argument(&map, text, treatment);

	map.walked = &walked;
	for (int turn = 0; turn < 2; turn++) {
		struct pathmap_result with = pathmap_argument(&map, text, treatment);
		REQUIRE(with.status == without.status && with.rule == without.rule && with.reason == without.reason);
		REQUIRE(!with.text || strcmp(with.text, without.text) == 0);
		free(with.text);
	}
	free(without.text);
}

/* What a profile says of two arguments; its lists are any text too. */
static enum pathmap_treatment plan(const char *previous, const char *text)
{
	const struct pathmap_profile profile = {
		.operands = (enum pathmap_operands)(world.answers % 3),
		.script_options = previous, .map_options = text, .keep_options = previous,
		.stop_after = world.answers & 8 ? world.answers >> 6 : UINT32_MAX,
		.stop_words = world.answers & 16 ? previous : "", .map_words = text,
		.follow = world.answers & 32, .follow_unless = previous,
	};
	char *arguments[] = { (char *)previous, (char *)text };
	unsigned char treatments[2];

	pathmap_plan(&profile, arguments, 2, treatments);
	REQUIRE(treatments[0] <= PATHMAP_KEEP_REST && treatments[1] <= PATHMAP_KEEP_REST);
	return (enum pathmap_treatment)treatments[1];
}

static void map_all(struct pathmap *map, const char *text, const char *previous, const char *name)
{
	enum pathmap_treatment treatment = previous ? plan(previous, text) : PATHMAP_BY_SHAPE;

	map->variable_kinds = previous && !pathmap_check_variable_kinds(previous) ? previous : NULL;
	check(pathmap_to_container(map, text, world.answers & 1), false);
	check(pathmap_to_host(map, text, world.answers & 1), false);
	check(pathmap_working_directory(map), false);
	check(pathmap_argument_to_host(map, text, treatment), false);
	/* First with a container that notes questions, as the launcher does it, then with all of them answered. */
	for (int pass = 0; pass < 2; pass++) {
		world.open = pass == 0;
		world.asked = false;
		check(pathmap_argument(map, text, treatment), false);
		compare_walked(*map, text, treatment);
		world.asked = false;
		check(pathmap_variable(map, name, text), true);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct pathmap_mount mounts[MOUNTS_MAX];
	uint8_t shape = input_byte(&input);
	struct pathmap map = { .mount_count = shape % (MOUNTS_MAX + 1),
			       .probe = { NULL, look_at_host, read_link, look_at_container } };

	world.answers = input_byte(&input);
	mounts_take(&input, &map, mounts);
	char *name = input_string(&input), *previous = input_string(&input), *text = strndup((const char *)input.at, input.left);
	REQUIRE(text);
	map_all(&map, text, shape & 0x40 ? previous : NULL, name);

	mounts_free(&map);
	free(name);
	free(previous);
	free(text);
	return 0;
}
