/* The running programs, each with the connection of its launcher. */
#ifndef CLEANENV_AGENT_CALLS_H
#define CLEANENV_AGENT_CALLS_H

#include "agent/options.h"
#include "wire/wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A program and the connection of its launcher. */
struct call;

/* Before the first call: how long programs may take to end when their launchers have died. */
void calls_prepare(const struct options *options);

/*
 * A worker becomes a program: from now on its connection, which is the call's, brings signals. What was `told`: the caller's process
 * group on the terminal of this keeper, 0 in the agent; whether the worker has put the program into the foreground; whether it is a hook.
 * `names`, or -1, is for the terminal's text (relay_filter). Takes both descriptors.
 */
void calls_add(int epoll, pid_t process, int connection, const struct wire_call *told, int names);

/* A launcher has something to say, or has ended. */
void calls_hear(struct call *call);

/* Children changed their state (SIGCHLD): tell the launchers, reap orphans. Returns false when there are no children. */
bool calls_reap(void);

/* Tell the launchers whose programs have ended or stopped; to be called when all that was written is on the terminal. */
void calls_tell(void);

/* Whether a call is in the foreground of the terminal; whether there is any. */
bool calls_in_foreground(void);
bool calls_run(void);

/* How many there are, hooks left out; and for how many ms there have been none. */
uint64_t calls_in_use(void);
uint64_t calls_idle_ms(void);

/* Somebody uses the container just now. */
void calls_note_use(void);
/* Whether one runs whose text on the terminal is filtered. */
bool calls_want_text(void);

/* As if all launchers were gone: their programs get HUP, and KILL after the grace. */
void calls_end(void);

/* In a child of the agent that has calls of its own: these are its parent's, not its own. */
void calls_abandon(void);

/* Milliseconds until calls_look has something to do, or -1; for epoll_wait(2). */
int calls_timeout(void);

/* Kill the programs whose launcher is gone and whose time is over; stop those whose launcher is stopped. */
void calls_look(void);

#endif
