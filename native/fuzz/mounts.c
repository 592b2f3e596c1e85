#include "fuzz/mounts.h"

#include "fuzz/fuzz.h"

#include <stdlib.h>

/* An absolute path in its normal form, as a mount's ends are; malloc'd. */
static char *take_path(struct input *input)
{
	char *text = input_string(input), *normal = malloc(strlen(text) + 2), *end = normal;

	REQUIRE(normal);
	for (char *at = text; *at;) {
		size_t length = strcspn(at, "/");
		bool is_dots = (length == 1 && *at == '.') || (length == 2 && at[0] == '.' && at[1] == '.');
		if (length > 0 && !is_dots) {
			*end++ = '/';
			memcpy(end, at, length);
			end += length;
		}
		at += length + (at[length] == '/');
	}
	if (end == normal)
		*end++ = '/';
	*end = '\0';
	free(text);
	return normal;
}

void mounts_take(struct input *input, struct pathmap *map, struct pathmap_mount *mounts)
{
	for (size_t i = 0; i < map->mount_count; i++) {
		char *host = take_path(input);
		mounts[i] = pathmap_mount(host, take_path(input));
	}
	map->mounts = mounts;
	map->cwd = take_path(input);
}

void mounts_free(struct pathmap *map)
{
	for (size_t i = 0; i < map->mount_count; i++) {
		free((char *)map->mounts[i].host.path);
		free((char *)map->mounts[i].container.path);
	}
	free((char *)map->cwd);
}
