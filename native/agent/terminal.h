/*
 * The pty that stands inside for a terminal of the host, and what of the terminal's state is kept the same on both sides.
 *
 * It is the host's terminal that edits lines, echoes and makes signals of keys: the pty has EXTPROC (termios(3), since
 * Linux 2.6.36), which leaves input alone, and shows the program the very settings that the terminal has. When a
 * program changes them, they are changed on the terminal. So nothing is ever put into a raw mode that the program did not ask for.
 */
#ifndef CLEANENV_AGENT_TERMINAL_H
#define CLEANENV_AGENT_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

struct terminal {
	int host;   /* the host's terminal, an open file description of its own */
	int master;
	int inner;  /* the program's side of the pty, this session's controlling terminal */
	int leader; /* a pidfd of the leader of the host's session, or -1 */
};

/* The one of this keeper; NULL in the agent itself. */
const struct terminal *terminal_own(void);

/*
 * Become the leader of a new session with a pty that stands for `host` and belongs to `owner`. Takes both descriptors. Returns 0, or
 * -1 with errno.
 */
int terminal_open(int host, int leader, uid_t owner);

/*
 * In a worker: join the process group that stands inside for `group` of the host, making it when it is the first; with
 * `foreground`, put it into the pty's foreground. Returns 0, or -1 with errno.
 */
int terminal_join(pid_t group, bool foreground);

/* Put a process group of this session into the foreground, with the settings and the size that the terminal has now. */
void terminal_claim(pid_t group);

/* Nobody inside is in the foreground: who reads or changes settings is stopped (SIGTTIN, SIGTTOU). */
void terminal_release(void);

/* Who is in the foreground inside stays there, but has no more say in the terminal's settings. */
void terminal_abandon(void);

/* Take the size over from the terminal; the kernel tells the foreground group (SIGWINCH). */
void terminal_resize(void);

/* The program has changed the pty's settings: so does the terminal. */
void terminal_follow_settings(void);

/* The present settings of the pty, as the program sees them. */
struct termios terminal_settings(void);

/* A key's signal for the group that is in the foreground inside. */
void terminal_signal(int number);

#endif
