/* The running programs, each with the connection of its launcher. */
#ifndef CLEANENV_AGENT_CALLS_H
#define CLEANENV_AGENT_CALLS_H

#include "agent/options.h"

#include <stdbool.h>
#include <stdint.h>

/* One connection: first silent, then a call until its program ended. Questions leave to a process of their own. */
struct call;

/* Take over a fresh connection; it is closed when it is not the owner's or there is no memory. */
void calls_accept(const struct options *options, int epoll, int connection);

/* A connection has something to say, or has ended. */
void calls_hear(const struct options *options, struct call *call);

/* Children changed their state (SIGCHLD): tell the launchers, reap orphans. Returns false when there are no children. */
bool calls_reap(void);

/* Milliseconds until a program must be killed whose launcher is gone, or -1; for epoll_wait(2). */
int calls_timeout(void);

/* Kill the programs whose time is over. */
void calls_expire(void);

#endif
