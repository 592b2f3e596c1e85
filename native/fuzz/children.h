/*
 * The kernel's processes and clock, played for the agent's loop: fork makes a number, wait and kill know it. What the agent may never
 * do is checked here: signal a process that it has reaped, whose number may be another's by then, or anybody else than its own.
 */
#ifndef CLEANENV_FUZZ_CHILDREN_H
#define CLEANENV_FUZZ_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CHILDREN_MAX 64

/* A child of the agent. One that it forked as a worker shares a socket with it and memory. */
struct child {
	pid_t process;
	pid_t group;
	int socket;       /* the worker's end; -1: it is no worker, or none any more */
	int agents_end;   /* the descriptor's number with the agent */
	void *shared;     /* what was mapped last before the fork */
	int status;       /* to be waited for, if there is news */
	bool news, ended, reaped;
};

/* Forget all processes. */
void children_reset(void);

/* All that there ever were, and their number. */
struct child *children_all(size_t *count);

/* A child that the agent has not forked itself, as a worker makes it (CLONE_PARENT), or NULL when there are too many. */
struct child *children_add(void);

/* The child changes its state; the agent is told when it waits. An ended one stays ended, and its socket is closed. */
void children_change(struct child *child, int status);

/* The clock goes on. */
void children_pass_time(int milliseconds);

#endif
