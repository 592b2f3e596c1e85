/*
 * A window over the text: [0, start) is out already and kept to look back at, [start, end) is not.
 *
 * Most text has no name in it. It is searched, 16 bytes at a time, for a slash with one of the bytes that follow a slash in a
 * name; only there, and at dots and slashes at the very end, the names are compared.
 */
#include "pathmap/filter.h"

#include "pathmap/boundary.h"
#include "pathmap/url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WANTED_MAX 4 /* different bytes behind the slash; with more of them, every slash is looked at */

typedef unsigned char block __attribute__((vector_size(16)));

#define MARGIN (3 * sizeof(block)) /* that may be read behind the window's end */

struct name {
	struct slice container, host;
	block head, mask; /* the first bytes of `container`, and ones in their places */
};

struct pathmap_filter {
	struct name *names;
	size_t count, longest;
	char *block; /* of the names */
	block wanted[WANTED_MAX]; /* each filled with one byte that follows a slash in a name */
	block every;              /* filled with ones: there are more such bytes */
	size_t wanted_count;
	char *window;
	size_t start, end, capacity;
	struct buffer out;
	size_t dropped; /* of `out`, from its beginning */
	bool is_data, failed;
};

/* ---- names */

static const char *next_string(const char **at, const char *end)
{
	const char *string = *at, *nul = string < end ? memchr(string, '\0', (size_t)(end - string)) : NULL;

	*at = nul ? nul + 1 : end;
	return nul ? string : NULL;
}

static bool is_same(const struct name *name)
{
	return pathmap_same(name->container, name->host);
}

/* The slash by which a name is found is the one behind its last `..`, or its first one. */
static char byte_to_find(const struct name *name)
{
	const char *at = name->container.at;

	while (!strncmp(at, "../", 3))
		at += 3;
	return *at == '/' ? at[1] : at[0];
}

/* Whether another name may begin in the middle of this path. */
static bool has_beginning_inside(const char *path)
{
	for (size_t at = 1; path[at]; at++)
		if ((path[at] == '/' || path[at] == '.') && pathmap_begins(path, at) != PATHMAP_NO_BEGINNING)
			return true;
	return false;
}

/* Note a byte to find. */
static void want(struct pathmap_filter *filter, char byte)
{
	size_t i = 0;

	while (i < filter->wanted_count && filter->wanted[i][0] != (unsigned char)byte)
		i++;
	if (i == WANTED_MAX)
		filter->every = ~(block){ 0 };
	else if (i == filter->wanted_count)
		filter->wanted_count++;
	/* In the places that are free too, so that none of them stands for a byte of its own. */
	for (; i < WANTED_MAX && i + 1 >= filter->wanted_count; i++)
		filter->wanted[i] = (block){ 0 } + (unsigned char)byte;
}

/* Whoever sends names is the user, but the filter of a terminal runs as another one: nothing is taken for granted. */
static bool read_names(struct pathmap_filter *filter, size_t size)
{
	const char *at = filter->block, *end = at + size, *container, *host;

	while ((container = next_string(&at, end))) {
		host = next_string(&at, end);
		if (!host || *host != '/' || !container[0] || !container[1])
			return false;
		struct name *name = &filter->names[filter->count++];
		*name = (struct name){ .container = pathmap_slice(container), .host = pathmap_slice(host) };
		for (size_t i = 0; i < sizeof(block) && i < name->container.length; i++) {
			name->head[i] = (unsigned char)container[i];
			name->mask[i] = 0xff;
		}
		if (name->container.length > filter->longest)
			filter->longest = name->container.length;
		/* One that stays as it is matters only where another name would be found in it: a shorter one, or one that begins later. */
		if (!is_same(name) || has_beginning_inside(container))
			want(filter, byte_to_find(name));
	}
	return true;
}

static size_t count_strings(const char *at, const char *end)
{
	size_t count = 0;

	while (next_string(&at, end))
		count++;
	return count;
}

struct pathmap_filter *pathmap_filter_open(const char *names, size_t size)
{
	struct pathmap_filter *filter = calloc(1, sizeof *filter);

	if (!filter)
		return NULL;
	filter->block = malloc(size + sizeof(block));
	filter->names = malloc((count_strings(names, names + size) / 2 + 1) * sizeof *filter->names);
	if (filter->block && filter->names && (size == 0 || names[size - 1] == '\0')) {
		memcpy(filter->block, names, size);
		if (read_names(filter, size))
			return filter;
	}
	pathmap_filter_close(filter);
	return NULL;
}

void pathmap_filter_close(struct pathmap_filter *filter)
{
	free(filter->names);
	free(filter->block);
	free(filter->window);
	pathmap_buffer_free(&filter->out);
	free(filter);
}

/* ---- search */

/* Which of 16 bytes is the first that is not zero; 16 if none is. */
static size_t first_set(block bytes)
{
	uint64_t halves[2];

	memcpy(halves, &bytes, sizeof halves);
	if (!(halves[0] | halves[1]))
		return sizeof bytes;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return halves[0] ? (size_t)__builtin_ctzll(halves[0]) / 8 : 8 + (size_t)__builtin_ctzll(halves[1]) / 8;
#else
	return halves[0] ? (size_t)__builtin_clzll(halves[0]) / 8 : 8 + (size_t)__builtin_clzll(halves[1]) / 8;
#endif
}

/* Marks the places of a block where a NUL is, or a slash with a byte to find behind it. */
static inline block marks(const struct pathmap_filter *filter, const char *text)
{
	block here, next, found;

	memcpy(&here, text, sizeof here);
	memcpy(&next, text + 1, sizeof next);
	found = (block)(next == filter->wanted[0]) | (block)(next == filter->wanted[1]) |
		(block)(next == filter->wanted[2]) | (block)(next == filter->wanted[3]) | filter->every;
	return (found & (block)(here == '/')) | (block)(here == 0);
}

/* The first marked place from `at` to before `end`, or `end`. The window has room for the blocks behind its end. */
static size_t search(const struct pathmap_filter *filter, size_t at, size_t end)
{
	for (; at < end; at += 2 * sizeof(block)) {
		const char *text = filter->window + at;
		block one = marks(filter, text), other = marks(filter, text + sizeof(block));
		if (first_set(one | other) == sizeof(block))
			continue;
		size_t first = first_set(one);
		at += first < sizeof(block) ? first : first + first_set(other);
		return at < end ? at : end;
	}
	return end;
}

/* Where the name begins that is found by the slash at `at`: in front of the `..` before it, if there are. */
static size_t climb(const struct pathmap_filter *filter, size_t at)
{
	const char *text = filter->window;
	size_t begin = at;

	while (begin >= filter->start + 2 && text[begin - 1] == '.' && text[begin - 2] == '.') {
		begin -= 2;
		if (begin == filter->start || text[begin - 1] != '/')
			return begin;
		begin--;
	}
	return begin == at ? at : begin + 1;
}

/* ---- decision */

/* The host's root is not named by its slash where more follows: /r/home is /home. */
static bool is_root(const struct name *name)
{
	return name->host.length == 1;
}

static enum pathmap_answer name_ends(const struct pathmap_filter *filter, const struct name *name, size_t at, bool final)
{
	size_t to = at + name->container.length;

	if (is_root(name) && (to == filter->end || filter->window[to] != '/'))
		return pathmap_stands_alone(filter->window, at, to, filter->end, final);
	return pathmap_ends(filter->window, to, filter->end, final);
}

/* Whether the text from `at` is the name, or as much of it as there is. One comparison for the names of usual length. */
static bool is_at(const struct pathmap_filter *filter, size_t at, const struct name *name)
{
	const char *text = filter->window + at;
	size_t there = filter->end - at, length = name->container.length;
	block here;

	if (length > there)
		return memcmp(text, name->container.at, there) == 0;
	memcpy(&here, text, sizeof here);
	if (first_set((here ^ name->head) & name->mask) < sizeof here)
		return false;
	return length <= sizeof here || !memcmp(text, name->container.at, length);
}

/* Which name stands at `at`: the longest one (T2). PATHMAP_OPEN when one that is longer yet may turn out to stand there. */
static enum pathmap_answer find_name(const struct pathmap_filter *filter, size_t at, bool final, const struct name **found)
{
	size_t there = filter->end - at, open = 0;

	*found = NULL;
	for (size_t i = 0; i < filter->count; i++) {
		const struct name *name = &filter->names[i];
		size_t length = name->container.length;
		if (!is_at(filter, at, name))
			continue;
		enum pathmap_answer answer = length > there ? (final ? PATHMAP_NO : PATHMAP_OPEN) :
							      name_ends(filter, name, at, final);
		if (answer == PATHMAP_OPEN && length > open)
			open = length;
		if (answer == PATHMAP_YES && (!*found || length > (*found)->container.length))
			*found = name;
	}
	if (open > 0 && (!*found || open > (*found)->container.length))
		return PATHMAP_OPEN;
	return *found ? PATHMAP_YES : PATHMAP_NO;
}

/*
 * Pieces between names are short: a call of memcpy(3) would cost more than they do. In blocks, what is behind a piece is copied along;
 * there is room for that behind each.
 */
static void put(struct pathmap_filter *filter, const char *from, size_t length)
{
	struct buffer *out = &filter->out;

	if (out->capacity - out->length < length + sizeof(block)) {
		size_t capacity = 2 * (out->length + length) + sizeof(block);
		char *data = out->failed ? NULL : realloc(out->data, capacity);
		out->failed = !data;
		if (!data)
			return;
		out->data = data;
		out->capacity = capacity;
	}
	if (length > 16 * sizeof(block))
		memcpy(out->data + out->length, from, length);
	else
		for (size_t i = 0; i < length; i += sizeof(block))
			memcpy(out->data + out->length + i, from + i, sizeof(block));
	out->length += length;
}

/* Everything in front of `to` comes out as it is. */
static void pass(struct pathmap_filter *filter, size_t to)
{
	put(filter, filter->window + filter->start, to - filter->start);
	filter->start = to;
}

static void replace(struct pathmap_filter *filter, size_t at, const struct name *name, enum pathmap_beginning beginning)
{
	size_t to = at + name->container.length;
	bool nothing = is_root(name) && to < filter->end && filter->window[to] == '/';

	pass(filter, at);
	if (beginning == PATHMAP_BEGINNING_IN_URL && !nothing)
		pathmap_append_encoded(&filter->out, name->host);
	else if (!nothing)
		put(filter, name->host.at, name->host.length);
	filter->start = to;
}

/*
 * Look for a name at `at` and replace it. Returns where to go on, or `at` when it is not decided yet: everything in front of it is
 * out then. Most places have no name, or one that is not over; what stands before them need not be looked at.
 */
static size_t look(struct pathmap_filter *filter, size_t at, bool final)
{
	const struct name *name;
	enum pathmap_answer answer = find_name(filter, at, final, &name);
	enum pathmap_beginning beginning = answer == PATHMAP_NO ? PATHMAP_NO_BEGINNING : pathmap_begins(filter->window, at);

	if (beginning == PATHMAP_NO_BEGINNING)
		return at + 1;
	if (answer == PATHMAP_OPEN) {
		pass(filter, at);
		return at;
	}
	if (is_same(name))
		pass(filter, at + name->container.length);
	else
		replace(filter, at, name, beginning);
	return filter->start;
}

/* Where the dots and slashes begin that the text ends with; a name may begin at any of them. No name has more than `longest`. */
static size_t tail(const struct pathmap_filter *filter)
{
	size_t at = filter->end;

	while (at > filter->start && filter->end - at <= filter->longest &&
	       (filter->window[at - 1] == '.' || filter->window[at - 1] == '/'))
		at--;
	return at;
}

static void run(struct pathmap_filter *filter, bool final)
{
	size_t at = filter->start;

	while (!filter->is_data && at < filter->end) {
		/* Behind the last byte there is nothing yet. */
		at = search(filter, at, filter->end - 1);
		filter->is_data = filter->window[at] == '\0';
		if (filter->is_data || at + 1 == filter->end)
			break;
		size_t begin = climb(filter, at), next = look(filter, begin, final);
		if (next == begin)
			return;
		at = next > at ? next : at + 1;
	}
	for (at = tail(filter); !filter->is_data && at < filter->end;) {
		size_t next = look(filter, at, final);
		if (next == at)
			return;
		at = next;
	}
	pass(filter, filter->end);
}

/* ---- the text */

char *pathmap_filter_room(struct pathmap_filter *filter, size_t size)
{
	size_t surplus = filter->start > PATHMAP_LOOK_BACK ? filter->start - PATHMAP_LOOK_BACK : 0;

	if (surplus > 0) {
		memmove(filter->window, filter->window + surplus, filter->end - surplus);
		filter->start -= surplus;
		filter->end -= surplus;
	}
	if (filter->capacity - filter->end < size + MARGIN) {
		size_t capacity = filter->end + PATHMAP_LOOK_BACK + filter->longest + size + MARGIN;
		char *window = realloc(filter->window, capacity);
		filter->failed = filter->failed || !window;
		if (!window)
			return NULL;
		filter->window = window;
		filter->capacity = capacity;
	}
	return filter->window + filter->end;
}

void pathmap_filter_take(struct pathmap_filter *filter, size_t size)
{
	filter->end += size;
	run(filter, false);
}

void pathmap_filter_pause(struct pathmap_filter *filter)
{
	pass(filter, filter->end);
}

bool pathmap_filter_holds(const struct pathmap_filter *filter)
{
	return filter->start < filter->end;
}

void pathmap_filter_finish(struct pathmap_filter *filter)
{
	run(filter, true);
}

struct slice pathmap_filter_text(const struct pathmap_filter *filter)
{
	struct slice whole = pathmap_slice_of(&filter->out);

	return (struct slice){ whole.at + filter->dropped, whole.length - filter->dropped };
}

void pathmap_filter_drop(struct pathmap_filter *filter, size_t size)
{
	filter->dropped += size;
	if (filter->dropped == filter->out.length)
		filter->dropped = filter->out.length = 0;
}

bool pathmap_filter_failed(const struct pathmap_filter *filter)
{
	return filter->failed || filter->out.failed;
}
