/* The process that moves one stream of text through the filter. */
#ifndef CLEANENV_LAUNCHER_STREAM_H
#define CLEANENV_LAUNCHER_STREAM_H

#include "pathmap/text.h"

/*
 * Start it: from `reader` to `out`, with these names. It ends with the text, or when nobody reads `out` any more, so that the
 * program gets SIGPIPE. Returns a socket, or -1 with errno: when the caller shuts it down for writing (or ends), the process
 * moves what the pipe holds at that time, closes its end, and goes on until nobody has the pipe's other end.
 */
int stream_start(int reader, int out, struct slice names);

#endif
