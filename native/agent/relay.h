/* A terminal's keeper moves what is typed into the pty, and what is written out of it. */
#ifndef CLEANENV_AGENT_RELAY_H
#define CLEANENV_AGENT_RELAY_H

#include <stdbool.h>

/* Add the keeper's terminal to an epoll set. Returns 0, or -1 with errno. */
int relay_start(int epoll);

/*
 * Filter what is written from now on by a file of names (WIRE_TEXT), which is taken. While another filter is at work its
 * names stay. False where there is no terminal, or when it is no such file.
 */
bool relay_filter(int names);

/*
 * The source of an event. Moves what can be moved without waiting. `foreground`: a call is in the terminal's foreground; what is
 * typed is left to the host's programs otherwise. `text`: there is still a call whose text is filtered.
 */
void relay_run(bool foreground, bool text);

/* Whether all that programs have written so far is on the terminal. True where there is no terminal. */
bool relay_is_idle(void);

/* Milliseconds until typed lines are offered again or the filter gives out what it holds, or -1; for epoll_wait(2). */
int relay_timeout(void);

/* Whether the session on the host has ended: no call will come from it any more but those on their way. */
bool relay_is_orphaned(void);

/* Whether the terminal itself is gone. */
bool relay_is_hung_up(void);

#endif
