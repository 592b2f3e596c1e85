/* Names are made once for a call, so that what goes through the filter is only compared with them. */
#include "pathmap/names.h"

#include <stdlib.h>
#include <string.h>

#include "pathmap/relative.h"

static void append_string(struct buffer *buffer, const char *text)
{
	pathmap_append(buffer, (struct slice){ text, strlen(text) + 1 });
}

/* Whether the text between two slashes goes on: `length` bytes of `path` are one of its ancestors. */
static bool is_ancestor(const char *ancestor, size_t length, const char *path)
{
	return length < strlen(path) && !memcmp(ancestor, path, length) && path[length] == '/';
}

/*
 * The name that leads from `directory` up to its ancestor of `length` bytes and down to the mount, unless that is the way on
 * the host too.
 */
static void append_relative(struct buffer *names, const struct pathmap *map, const struct pathmap_mount *mount,
			    const char *directory, size_t length)
{
	struct buffer name = { 0 }, full = { 0 };

	for (const char *slash = directory + length; (slash = strchr(slash, '/')); slash++)
		pathmap_append(&name, pathmap_slice("../"));
	pathmap_append(&name, pathmap_slice(mount->container.path + length + 1));
	pathmap_append(&full, pathmap_slice(directory));
	pathmap_append(&full, pathmap_slice("/"));
	pathmap_append(&full, pathmap_slice_of(&name));
	if (!name.failed && !full.failed && !pathmap_stays_relative(map, PATHMAP_TO_HOST, pathmap_slice_of(&full))) {
		append_string(names, name.data);
		append_string(names, mount->host.path);
	}
	names->failed = names->failed || name.failed || full.failed;
	pathmap_buffer_free(&name);
	pathmap_buffer_free(&full);
}

void pathmap_append_names(struct buffer *names, const struct pathmap *map)
{
	struct pathmap_result start = pathmap_working_directory(map);
	const char *directory = start.status == PATHMAP_MAPPED ? start.text : "/";

	for (size_t i = 0; i < map->mount_count; i++) {
		const struct pathmap_mount *mount = &map->mounts[i];
		/* Everything is below it: there is nothing to find. */
		if (!mount->container.path[1])
			continue;
		append_string(names, mount->container.path);
		append_string(names, mount->host.path);
		for (size_t length = 0; directory[1] && length < strlen(directory); length++)
			if (directory[length] == '/' && is_ancestor(directory, length, mount->container.path))
				append_relative(names, map, mount, directory, length);
	}
	free(start.text);
}
