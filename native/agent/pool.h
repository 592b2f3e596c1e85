/* The workers that the agent has made: one that waits, and those that have not yet become a program. */
#ifndef CLEANENV_AGENT_POOL_H
#define CLEANENV_AGENT_POOL_H

#include "agent/options.h"

#include <stdbool.h>
#include <sys/types.h>

struct worker;

/* Make a worker that waits for a connection, unless one does. False: it could not be forked now. */
bool pool_fill(const struct options *options, int epoll, int listening);

/* A worker has something to say, or has ended. */
void pool_hear(struct worker *worker);

/* Read what the worker of this pid has said before it ended. */
void pool_hear_last(pid_t process);

/* In a child of the agent that has workers of its own: these are its parent's, not its own. */
void pool_abandon(void);

/* Kill the worker that waits: the container stops. */
void pool_drain(void);

#endif
