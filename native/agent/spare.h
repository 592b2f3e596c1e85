/*
 * The next program's process, forked before it is asked for. A fork and the page faults after it are 100 of the 250
 * microseconds between a request and its execve; this takes them off the path of a call. There is one spare at most, and a call that
 * finds none forks.
 */
#ifndef CLEANENV_AGENT_SPARE_H
#define CLEANENV_AGENT_SPARE_H

#include "agent/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Fork a spare if there is none. Failing is no harm. */
void spare_prepare(const struct options *options);

/* Have the spare run what a SPAWN packet asks for (as program_run). Returns its pid, or 0 when there is none. */
pid_t spare_use(int connection, const void *packet, size_t size, const int *descriptors, size_t count);

bool spare_is_ready(void);

/* End the spare: the container stops. */
void spare_discard(void);

#endif
