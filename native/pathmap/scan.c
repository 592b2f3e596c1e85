/*
 * The part of A and E that does not know shapes: judge a piece, put its other name where it stood, remember what to
 * tell. Every byte of the text is copied once at most, however many pieces there are.
 */
#include "pathmap/scan.h"

#include <stdlib.h>
#include <string.h>

#include "pathmap/relative.h"
#include "pathmap/url.h"

/* A scan allocates nothing before the first path, so one that finds none costs no more than reading. */
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

/* Ends at the NUL: the string functions of C may be used on it. */
struct slice pathmap_scan_rest(const struct pathmap_scan *scan, size_t from)
{
	return (struct slice){ scan->text + from, scan->length - from };
}

/* Only `..` makes a relative piece worth a question, and callers hand over no other. */
static struct pathmap_judgement judge(struct pathmap_scan *scan, struct slice piece, unsigned circumstances,
				      struct buffer *out)
{
	circumstances |= scan->circumstances;
	return piece.length > 0 && piece.at[0] == '/' ?
		       pathmap_judge(scan->map, scan->direction, piece, circumstances, out) :
		       pathmap_judge_relative(scan->map, scan->direction, piece, circumstances, out);
}

/*
 * For the trace: of several pieces the first that was mapped speaks for all, because it is why the argument changed.
 * A question does not end the scan: all questions of one argument go into one message to the agent.
 */
static void note(struct pathmap_scan *scan, struct pathmap_judgement judgement)
{
	if (scan->verdict == PATHMAP_NO_PATH || (judgement.mapped && !scan->mapped))
		scan->verdict = judgement.verdict;
	scan->mapped = scan->mapped || judgement.mapped;
	scan->asked = scan->asked || judgement.asked;
}

/* Copy what stands before `from`. Also if nothing is mapped there after all: the text is gone through once. */
static void copy_until(struct pathmap_scan *scan, size_t from)
{
	if (from > scan->copied)
		pathmap_append(&scan->out, (struct slice){ scan->text + scan->copied, from - scan->copied });
	scan->copied = from;
}

/* The path is judged into the end of `out`, where it belongs if it is mapped; if not, nothing was appended. */
void pathmap_look(struct pathmap_scan *scan, size_t from, size_t to, unsigned circumstances)
{
	struct slice piece = { scan->text + from, to - from };

	copy_until(scan, from);
	struct pathmap_judgement judgement = judge(scan, piece, circumstances, &scan->out);
	note(scan, judgement);
	if (judgement.mapped)
		scan->copied = to;
}

/* What was encoded is decoded to be matched and asked about, and its replacement is encoded as a whole. */
void pathmap_look_encoded(struct pathmap_scan *scan, size_t from, size_t to, unsigned circumstances)
{
	struct buffer decoded = { 0 }, name = { 0 };

	if (pathmap_append_decoded(&decoded, (struct slice){ scan->text + from, to - from })) {
		struct pathmap_judgement judgement = judge(scan, pathmap_slice_of(&decoded), circumstances, &name);
		note(scan, judgement);
		if (judgement.mapped) {
			copy_until(scan, from);
			pathmap_append_encoded(&scan->out, pathmap_slice_of(&name));
			scan->copied = to;
		}
	}
	scan->out.failed = scan->out.failed || decoded.failed || name.failed;
	pathmap_buffer_free(&decoded);
	pathmap_buffer_free(&name);
}

/* A pending scan is thrown away: to go again with the answers is cheap, to keep it would need a state (L10). */
struct pathmap_result pathmap_scan_finish(struct pathmap_scan *scan)
{
	struct pathmap_result result = { .status = PATHMAP_UNCHANGED };
	const char *rule = pathmap_rule(scan->finding);
	const char *reason = pathmap_reason(scan->asked ? PATHMAP_SYSTEM_ASKED : scan->verdict);

	if (scan->mapped && !scan->asked)
		pathmap_append(&scan->out, pathmap_scan_rest(scan, scan->copied));
	if (scan->out.failed)
		result.status = PATHMAP_NO_MEMORY;
	else if (scan->asked)
		result.status = PATHMAP_PENDING;
	else if (scan->mapped)
		return pathmap_finish(&scan->out, scan->text, rule, reason);
	free(scan->out.data);
	result.rule = rule;
	result.reason = reason;
	return result;
}
