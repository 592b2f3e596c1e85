/*
 * Text on its way to the host, in any pieces and with any pauses: what comes out is what a simple filter makes of the whole text, which
 * looks at each byte in turn; and a pause finds no more held back than the longest name and a byte.
 */
#include "pathmap/filter.h"

#include "fuzz/fuzz.h"
#include "fuzz/input.h"
#include "fuzz/mounts.h"
#include "pathmap/boundary.h"
#include "pathmap/names.h"
#include "pathmap/url.h"

enum shape { KEEP_OUTPUT = 0x40, RAW_NAMES = 0x80 }; /* besides the number of mounts */
enum cut { CUT_SIZE = 0x3f, CUT_LONG = 0x40, CUT_PAUSES = 0x80 };

/* ---- the simple filter */

/* `limit`: what is known of it by now, for good if it is `final`. */
struct text {
	const char *at;
	size_t limit;
	bool final;
};

static bool is_root(struct slice path)
{
	return path.length == 1;
}

/* Whether the name stands at `at`. */
static enum pathmap_answer stands(const struct text *text, size_t at, struct slice container, struct slice host)
{
	size_t there = text->limit - at, to = at + container.length;

	if (memcmp(text->at + at, container.at, there < container.length ? there : container.length) != 0)
		return PATHMAP_NO;
	if (there < container.length)
		return text->final ? PATHMAP_NO : PATHMAP_OPEN;
	if (is_root(host) && (to == text->limit || text->at[to] != '/'))
		return pathmap_stands_alone(text->at, at, to, text->limit, text->final);
	return pathmap_ends(text->at, to, text->limit, text->final);
}

/* The longest name that stands at `at`, or may turn out to. */
static enum pathmap_answer find(const struct text *text, size_t at, struct slice names, struct slice *container, struct slice *host)
{
	enum pathmap_answer found = PATHMAP_NO;

	container->length = 0;
	for (const char *next = names.at; next < names.at + names.length;) {
		struct slice one = pathmap_slice(next), other = pathmap_slice(next + one.length + 1);
		enum pathmap_answer answer = stands(text, at, one, other);
		next = other.at + other.length + 1;
		if (answer == PATHMAP_NO || one.length <= container->length)
			continue;
		found = answer;
		*container = one;
		*host = other;
	}
	return found == PATHMAP_NO || pathmap_begins(text->at, at) == PATHMAP_NO_BEGINNING ? PATHMAP_NO : found;
}

static void replace(struct buffer *out, const struct text *text, size_t at, struct slice container, struct slice host)
{
	size_t to = at + container.length;

	if (pathmap_same(container, host))
		pathmap_append(out, container);
	else if (is_root(host) && to < text->limit && text->at[to] == '/')
		return;
	else if (pathmap_begins(text->at, at) == PATHMAP_BEGINNING_IN_URL)
		pathmap_append_encoded(out, host);
	else
		pathmap_append(out, host);
}

/* Append what becomes of the text from `at` to its limit. Returns false when it is data from there on. */
static bool filter_simply(struct buffer *out, struct slice names, const struct text *text, size_t at)
{
	struct slice container, host;

	while (at < text->limit && text->at[at] != '\0') {
		enum pathmap_answer answer = find(text, at, names, &container, &host);
		if (answer == PATHMAP_OPEN)
			break; /* it pauses: what is not decided stays */
		if (answer == PATHMAP_YES)
			replace(out, text, at, container, host);
		else
			pathmap_append(out, (struct slice){ text->at + at, 1 });
		at += answer == PATHMAP_YES ? container.length : 1;
	}
	pathmap_append(out, (struct slice){ text->at + at, text->limit - at });
	return at == text->limit || text->at[at] != '\0';
}

/* ---- the filter */

static void take_output(struct pathmap_filter *filter, struct buffer *out)
{
	struct slice text = pathmap_filter_text(filter);

	if (text.length > 0)
		pathmap_append(out, text);
	pathmap_filter_drop(filter, text.length);
}

static void give(struct pathmap_filter *filter, const char *text, size_t size)
{
	char *room = pathmap_filter_room(filter, size);

	REQUIRE(room);
	memcpy(room, text, size);
	pathmap_filter_take(filter, size);
}

static size_t longest_of(struct slice names)
{
	size_t longest = 0;

	for (const char *at = names.at; at < names.at + names.length; at += strlen(at) + 1, at += strlen(at) + 1)
		longest = strlen(at) > longest ? strlen(at) : longest;
	return longest;
}

static void pause(struct pathmap_filter *filter, struct buffer *out, size_t longest, struct slice taken)
{
	size_t before;

	take_output(filter, out);
	before = out->length;
	bool holds = pathmap_filter_holds(filter);
	pathmap_filter_pause(filter);
	take_output(filter, out);
	size_t held = out->length - before;
	REQUIRE(held <= longest + 1 && holds == (held > 0) && !pathmap_filter_holds(filter));
	REQUIRE(held == 0 || !memcmp(out->data + before, taken.at + taken.length - held, held));
}

static void compare(struct slice names, struct input cuts, struct slice whole, bool keeps_output)
{
	struct pathmap_filter *filter = pathmap_filter_open(names.at, names.length);
	struct buffer out = { 0 }, expected = { 0 };
	size_t taken = 0, paused = 0;
	bool is_text = true;

	REQUIRE(filter);
	while (cuts.left > 0) {
		uint8_t cut = input_byte(&cuts);
		size_t size = (size_t)(cut & CUT_SIZE) << (cut & CUT_LONG ? 5 : 0);
		size = size < whole.length - taken ? size : whole.length - taken;
		give(filter, whole.at + taken, size);
		taken += size;
		if (!keeps_output)
			take_output(filter, &out);
		if (!(cut & CUT_PAUSES))
			continue;
		pause(filter, &out, longest_of(names), (struct slice){ whole.at, taken });
		if (is_text)
			is_text = filter_simply(&expected, names, &(struct text){ whole.at, taken, false }, paused);
		else
			pathmap_append(&expected, (struct slice){ whole.at + paused, taken - paused });
		paused = taken;
	}
	give(filter, whole.at + taken, whole.length - taken);
	pathmap_filter_finish(filter);
	take_output(filter, &out);
	REQUIRE(!pathmap_filter_holds(filter) && !pathmap_filter_failed(filter));
	if (is_text)
		filter_simply(&expected, names, &(struct text){ whole.at, whole.length, true }, paused);
	else
		pathmap_append(&expected, (struct slice){ whole.at + paused, whole.length - paused });
	REQUIRE(pathmap_same(pathmap_slice_of(&out), pathmap_slice_of(&expected)));
	pathmap_filter_close(filter);
	pathmap_buffer_free(&out);
	pathmap_buffer_free(&expected);
}

/* What somebody else says are names: they are refused, or do no harm. */
static void try_names(struct slice names, struct slice text)
{
	struct pathmap_filter *filter = pathmap_filter_open(names.at, names.length);

	if (!filter)
		return;
	give(filter, text.at, text.length);
	pathmap_filter_finish(filter);
	REQUIRE(!pathmap_filter_failed(filter));
	pathmap_filter_close(filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct pathmap_mount mounts[MOUNTS_MAX];
	uint8_t shape = input_byte(&input);
	struct pathmap map = { .mount_count = shape % (MOUNTS_MAX + 1) };
	struct buffer names = { 0 };
	struct input cuts;

	mounts_take(&input, &map, mounts);
	cuts.at = input_bytes(&input, &cuts.left);
	struct slice text = { (const char *)input.at, input.left };
	pathmap_append_names(&names, &map);
	REQUIRE(!names.failed);
	compare(pathmap_slice_of(&names), cuts, text, shape & KEEP_OUTPUT);
	if (shape & RAW_NAMES)
		try_names((struct slice){ (const char *)cuts.at, cuts.left }, text);
	pathmap_buffer_free(&names);
	mounts_free(&map);
	return 0;
}
