/*
 * Paths as text: components (M1), normal forms, and a buffer that grows.
 *
 * A slice is a part of somebody else's string. Pieces of arguments are slices, so looking at an argument
 * allocates nothing; memory is needed only when there is something new to say.
 */
#ifndef CLEANENV_PATHMAP_TEXT_H
#define CLEANENV_PATHMAP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct slice {
	const char *at;
	size_t length;
};

/* `failed` stays set after the memory ran out, so that it is looked at once, at the end. */
struct buffer {
	char *data;
	size_t length;
	size_t capacity;
	bool failed;
};

struct slice pathmap_slice(const char *text);
struct slice pathmap_slice_of(const struct buffer *buffer);
bool pathmap_same(struct slice a, struct slice b);
bool pathmap_contains(struct slice slice, char byte);

/* Names are compared with many others, and nearly always differ in their first byte: no call for that. */
static inline bool pathmap_is(struct slice slice, const char *text)
{
	for (size_t i = 0; i < slice.length; i++)
		if (text[i] != slice.at[i] || text[i] == '\0')
			return false;
	return text[slice.length] == '\0';
}

/* Take the next component from the front of `path`. What remains begins right behind it, untouched (M5). */
bool pathmap_next(struct slice *path, struct slice *component);
bool pathmap_is_root(struct slice path);

/* `..` in a path: whether there is one, and whether one of them climbs above the path's beginning (M6). */
bool pathmap_has_parent(struct slice path);
bool pathmap_climbs(struct slice path);

void pathmap_append(struct buffer *buffer, struct slice text);
void pathmap_append_normal(struct buffer *buffer, struct slice path);
void pathmap_buffer_free(struct buffer *buffer);

#endif
