#include "pathmap/scan.h"

#include <stdlib.h>
#include <string.h>

#include "pathmap/relative.h"
#include "pathmap/url.h"

struct pathmap_scan pathmap_scan(const struct pathmap *map, enum pathmap_direction direction, const char *text)
{
	return (struct pathmap_scan){
		.map = map,
		.direction = direction,
		.text = text,
		.length = strlen(text),
		.finding = PATHMAP_FOUND_TEXT,
	};
}

struct slice pathmap_scan_rest(const struct pathmap_scan *scan, size_t from)
{
	return (struct slice){ scan->text + from, scan->length - from };
}

static struct pathmap_judgement judge(struct pathmap_scan *scan, struct slice piece, unsigned circumstances,
				      struct buffer *out)
{
	circumstances |= scan->circumstances;
	return piece.length > 0 && piece.at[0] == '/' ?
		       pathmap_judge(scan->map, scan->direction, piece, circumstances, out) :
		       pathmap_judge_relative(scan->map, scan->direction, piece, circumstances, out);
}

/* A question does not end the scan: all questions of one argument go into one message to the agent. */
static void note(struct pathmap_scan *scan, struct pathmap_judgement judgement)
{
	if (scan->verdict == PATHMAP_NO_PATH || (judgement.mapped && !scan->mapped))
		scan->verdict = judgement.verdict;
	scan->mapped = scan->mapped || judgement.mapped;
	scan->asked = scan->asked || judgement.asked;
}

void pathmap_look(struct pathmap_scan *scan, size_t from, size_t to, unsigned circumstances)
{
	struct slice before = { scan->text + scan->copied, from - scan->copied };
	struct slice piece = { scan->text + from, to - from };
	size_t length = scan->out.length;

	if (before.length > 0)
		pathmap_append(&scan->out, before);
	struct pathmap_judgement judgement = judge(scan, piece, circumstances, &scan->out);
	note(scan, judgement);
	if (judgement.mapped)
		scan->copied = to;
	else
		scan->out.length = length;
}

void pathmap_look_encoded(struct pathmap_scan *scan, size_t from, size_t to, unsigned circumstances)
{
	struct buffer decoded = { 0 }, name = { 0 };

	if (pathmap_append_decoded(&decoded, (struct slice){ scan->text + from, to - from })) {
		struct pathmap_judgement judgement = judge(scan, pathmap_slice_of(&decoded), circumstances, &name);
		note(scan, judgement);
		if (judgement.mapped) {
			pathmap_append(&scan->out, (struct slice){ scan->text + scan->copied, from - scan->copied });
			pathmap_append_encoded(&scan->out, pathmap_slice_of(&name));
			scan->copied = to;
		}
	}
	scan->out.failed = scan->out.failed || decoded.failed || name.failed;
	pathmap_buffer_free(&decoded);
	pathmap_buffer_free(&name);
}

struct pathmap_result pathmap_scan_finish(struct pathmap_scan *scan)
{
	struct pathmap_result result = { .status = PATHMAP_UNCHANGED };
	const char *rule = pathmap_rule(scan->finding, scan->asked ? PATHMAP_SYSTEM_ASKED : scan->verdict);

	if (scan->mapped && !scan->asked)
		pathmap_append(&scan->out, pathmap_scan_rest(scan, scan->copied));
	if (scan->out.failed)
		result.status = PATHMAP_NO_MEMORY;
	else if (scan->asked)
		result.status = PATHMAP_PENDING;
	else if (scan->mapped)
		return pathmap_finish(&scan->out, scan->text, rule);
	free(scan->out.data);
	result.rule = rule;
	return result;
}
