/* The running programs, each with the connection of its launcher. */
#ifndef CLEANENV_AGENT_CALLS_H
#define CLEANENV_AGENT_CALLS_H

#include <stdbool.h>
#include <sys/types.h>

/* A program and the connection of its launcher. */
struct call;

/* A worker becomes a program: from now on its connection, which is the call's, brings signals. */
void calls_add(int epoll, pid_t process, int connection);

/* A launcher has something to say, or has ended. */
void calls_hear(struct call *call);

/* Children changed their state (SIGCHLD): tell the launchers, reap orphans. Returns false when there are no children. */
bool calls_reap(void);

/* Milliseconds until a program must be killed whose launcher is gone, or -1; for epoll_wait(2). */
int calls_timeout(void);

/* Kill the programs whose time is over. */
void calls_expire(void);

#endif
