/* The workers: processes that wait for callers and start their programs, one at a time each. */
#ifndef CLEANENV_AGENT_POOL_H
#define CLEANENV_AGENT_POOL_H

#include "agent/options.h"

#include <stdbool.h>
#include <sys/types.h>

struct worker;

/*
 * See to it that a caller finds a worker: make one when there is none, and another when all have been busy for a while. False: it
 * could not be forked now.
 */
bool pool_fill(const struct options *options, int epoll, int listening);

/* Milliseconds until pool_fill has something to do, or -1; for epoll_wait(2). */
int pool_timeout(void);

/* A worker has something to say, or has ended. */
void pool_hear(struct worker *worker);

/* Hear all that workers have said so far: what started a program may have ended already. */
void pool_hear_all(void);

/* Answer those who asked how much the container is used; to be called when no event of a worker is left to hear. */
void pool_answer(void);

/* In a child of the agent that has workers of its own: these are its parent's, not its own. */
void pool_abandon(void);

/* Kill the workers: the container stops. */
void pool_drain(void);

#endif
