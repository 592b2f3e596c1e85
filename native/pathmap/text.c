/*
 * Text only: nothing here knows of mounts, files or rules. All loops go by length and not to a NUL, because slices end
 * in the middle of arguments.
 */
#include "pathmap/text.h"

#include <stdlib.h>
#include <string.h>

struct slice pathmap_slice(const char *text)
{
	return (struct slice){ .at = text, .length = strlen(text) };
}

/* A buffer that nothing was appended to is the empty text. */
struct slice pathmap_slice_of(const struct buffer *buffer)
{
	return (struct slice){ .at = buffer->data ? buffer->data : "", .length = buffer->length };
}

bool pathmap_same(struct slice a, struct slice b)
{
	return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

bool pathmap_contains(struct slice slice, char byte)
{
	return slice.length > 0 && memchr(slice.at, byte, slice.length) != NULL;
}

/* M1: `//` and `.` are no components; nothing else about the bytes matters. */
bool pathmap_next(struct slice *path, struct slice *component)
{
	const char *at = path->at, *end = at + path->length;

	for (;;) {
		while (at < end && *at == '/')
			at++;
		const char *start = at;
		while (at < end && *at != '/')
			at++;
		size_t length = (size_t)(at - start);
		if (length == 1 && *start == '.')
			continue;
		/* Only slashes and dots were left: they stay in `path`, which is how a trailing slash survives. */
		if (length == 0)
			return false;
		*component = (struct slice){ .at = start, .length = length };
		*path = (struct slice){ .at = at, .length = (size_t)(end - at) };
		return true;
	}
}

/* M1: `/`, `//` and `/./` are all the root: no component. */
bool pathmap_is_root(struct slice path)
{
	struct slice component;

	return !pathmap_next(&path, &component);
}

static bool is_parent(struct slice component)
{
	return component.length == 2 && component.at[0] == '.' && component.at[1] == '.';
}

bool pathmap_has_parent(struct slice path)
{
	const char *at = path.at, *end = at + path.length, *dot;

	/* From dot to dot: most paths have one, in front of a suffix. */
	while (at < end && (dot = memchr(at, '.', (size_t)(end - at)))) {
		at = dot + 1;
		if ((dot == path.at || dot[-1] == '/') && at < end && *at == '.' && (at + 1 == end || at[1] == '/'))
			return true;
	}
	return false;
}

/* Whether the path goes above its beginning at any point, even if it comes back: `../proj/x` leaves and returns. */
bool pathmap_climbs(struct slice path)
{
	struct slice component;
	size_t depth = 0;

	while (pathmap_next(&path, &component)) {
		if (!is_parent(component))
			depth++;
		else if (depth-- == 0)
			return true;
	}
	return false;
}

/*
 * Capacity doubles, so that a list of a hundred thousand elements is copied a few times and not a hundred thousand.
 * After a failure nothing more is appended: what is there is not half of a path and half of another.
 */
void pathmap_append(struct buffer *buffer, struct slice text)
{
	/* One byte is always kept for the NUL, so that a finished buffer is a string. */
	if (buffer->capacity - buffer->length <= text.length) {
		size_t capacity = 2 * (buffer->length + text.length) + 64;
		char *data = buffer->failed ? NULL : realloc(buffer->data, capacity);
		if (!data) {
			buffer->failed = true;
			return;
		}
		buffer->data = data;
		buffer->capacity = capacity;
	}
	if (text.length > 0)
		memcpy(buffer->data + buffer->length, text.at, text.length);
	buffer->length += text.length;
	buffer->data[buffer->length] = '\0';
}

/*
 * Append the lexical normal form of an absolute path, clamped at `/` (M6). A slash or `/.` at the end is
 * kept: L5 wants the first, and `cp -r dir/. to` means something else than `cp -r dir to`.
 */
void pathmap_append_normal(struct buffer *buffer, struct slice path)
{
	size_t start = buffer->length;
	struct slice rest = path, component;

	while (pathmap_next(&rest, &component)) {
		if (!is_parent(component)) {
			pathmap_append(buffer, (struct slice){ "/", 1 });
			pathmap_append(buffer, component);
			continue;
		}
		/* `..` takes the last component away with its slash; at the root there is none (clamped). */
		while (buffer->length > start && buffer->data[--buffer->length] != '/')
			;
	}
	if (path.length > 1 && path.at[path.length - 1] == '.' && path.at[path.length - 2] == '/')
		pathmap_append(buffer, (struct slice){ "/.", 2 });
	else if (buffer->length == start || path.at[path.length - 1] == '/')
		pathmap_append(buffer, (struct slice){ "/", 1 });
	else
		pathmap_append(buffer, (struct slice){ "", 0 });
}

void pathmap_buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}
