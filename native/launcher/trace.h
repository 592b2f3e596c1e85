/* CLEANENV_TRACE: what becomes of each argument and variable, by which rule, and what existed. */
#ifndef CLEANENV_LAUNCHER_TRACE_H
#define CLEANENV_LAUNCHER_TRACE_H

#include "launcher/overrides.h"
#include "pathmap/pathmap.h"

#include <stddef.h>

struct trace;

/* A trace with room for `count` lines, or NULL if none is wanted: then all else here is not to be called. */
struct trace *trace_begin(enum trace_mode mode, size_t count);

/* What was asked about the string that is mapped now; trace_line takes all of it. */
void trace_question(struct trace *trace, const char *side, const char *path, enum pathmap_presence presence);

/* The line of one string; NULL for `output` is a variable that is dropped. What is still pending is not to be kept. */
void trace_line(struct trace *trace, size_t index, const char *name, const char *input, const char *output,
		const struct pathmap_result *result);

/* Write all lines, in their order. Does not return when nothing is to be run. */
void trace_end(struct trace *trace);

#endif
