/* WATCH: an inotify descriptor that speaks up when what matches some patterns may have changed. */
#ifndef CLEANENV_AGENT_WATCH_H
#define CLEANENV_AGENT_WATCH_H

#include <stddef.h>

/* Watch the directories of `size` bytes of patterns, each ended by NUL. Returns the descriptor, or -1 with errno. */
int watch_patterns(const char *patterns, size_t size, const char *home);

#endif
