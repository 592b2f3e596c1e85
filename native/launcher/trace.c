#include "launcher/trace.h"

#include "launcher/failure.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct trace {
	enum trace_mode mode;
	char **lines;
	size_t count;
	char *questions; /* of the string that is mapped now, or NULL */
};

struct trace *trace_begin(enum trace_mode mode, size_t count)
{
	if (mode == TRACE_OFF)
		return NULL;
	struct trace *trace = allocate(NULL, sizeof *trace);
	*trace = (struct trace){ .mode = mode, .lines = allocate(NULL, count * sizeof *trace->lines), .count = count };
	memset(trace->lines, 0, count * sizeof *trace->lines);
	return trace;
}

void trace_question(struct trace *trace, const char *side, const char *path, enum pathmap_presence presence)
{
	static const char *const words[] = {
		[PATHMAP_ABSENT] = " absent", [PATHMAP_PRESENT] = " exists", [PATHMAP_SYMLINK] = " link", [PATHMAP_ASKED] = "",
	};
	const char *before = trace->questions ? trace->questions : "", *found = join(" ", side, path, words[presence], NULL);
	size_t length = strlen(found);

	/* What was found out once is not looked at again. */
	for (const char *at = before; *at; at++)
		if (!strncmp(at, found, length) && (at[length] == ',' || !at[length]))
			return;
	trace->questions = join(before, *before ? "," : ";", found, NULL);
}

/* A line end in a name would look like another line. */
static char *in_one_line(char *line)
{
	for (char *at = line; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return line;
}

void trace_line(struct trace *trace, size_t index, const char *name, const char *input, const char *output,
		const struct pathmap_result *result)
{
	const char *questions = trace->questions ? trace->questions : "";
	bool same = output && !strcmp(input, output);

	trace->lines[index] = in_one_line(join(name, input, same ? "" : " -> ", same ? "" : output ? output : "(not passed)",
					       "   [", result->rule, " ", result->reason, questions, "]", NULL));
	trace->questions = NULL;
}

static void write_all(int descriptor, const char *text)
{
	size_t length = strlen(text);

	while (length > 0) {
		ssize_t written = write(descriptor, text, length);
		if (written < 0 && errno != EINTR)
			return;
		text += written > 0 ? written : 0;
		length -= written > 0 ? (size_t)written : 0;
	}
}

void trace_end(struct trace *trace)
{
	bool only = trace->mode == TRACE_ONLY;

	for (size_t i = 0; i < trace->count; i++)
		if (trace->lines[i])
			write_all(only ? 1 : 2, join(only ? "" : "cleanenv: ", trace->lines[i], "\n", NULL));
	if (only)
		_exit(0);
}
