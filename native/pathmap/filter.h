/*
 * Text of a program on its way to the host: names of the container's mounts become the host's (T1-T3).
 *
 * What comes out does not depend on the pieces in which the text comes in, unless it pauses. Only what may be the beginning of a
 * name is held back: at most the longest name and one byte. Every other byte comes out as it went in. From the first NUL on it is
 * no text but data, and nothing is looked for.
 */
#ifndef CLEANENV_PATHMAP_FILTER_H
#define CLEANENV_PATHMAP_FILTER_H

#include "pathmap/text.h"

struct pathmap_filter;

/* A filter for a block of names (pathmap/names.h), which is copied. NULL when it is no such block, or without memory. */
struct pathmap_filter *pathmap_filter_open(const char *names, size_t size);
void pathmap_filter_close(struct pathmap_filter *filter);

/* Room for `size` more bytes of the text, to be filled by the caller; NULL without memory. Valid until the next call. */
char *pathmap_filter_room(struct pathmap_filter *filter, size_t size);

/* `size` bytes were put there. */
void pathmap_filter_take(struct pathmap_filter *filter, size_t size);

/* The text pauses: what is held back, if anything, comes out as it is. Whoever waits for it sees it, be it a half of a name. */
void pathmap_filter_pause(struct pathmap_filter *filter);
bool pathmap_filter_holds(const struct pathmap_filter *filter);

/* The text is over: a name may end here. */
void pathmap_filter_finish(struct pathmap_filter *filter);

/* What has come out and was not dropped yet. `failed`: memory ran out, and bytes are missing. */
struct slice pathmap_filter_text(const struct pathmap_filter *filter);
void pathmap_filter_drop(struct pathmap_filter *filter, size_t size);
bool pathmap_filter_failed(const struct pathmap_filter *filter);

#endif
