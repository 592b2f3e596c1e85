/*
 * The caller's terminal. The program gets the pty that stands for it inside, in its place; what moves between the two is moved by the
 * terminal's keeper (agent/keeper.h), to which the launcher only hands the terminal once.
 */
#ifndef CLEANENV_LAUNCHER_TERMINAL_H
#define CLEANENV_LAUNCHER_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

struct terminal {
	int descriptor;    /* an open file description of the terminal that is nobody else's; -1: there is none */
	uint32_t device;   /* TIOCGDEV */
	int32_t session;   /* the session that it controls; 0: the caller's is not controlled by it */
	uint32_t standard; /* bits 0, 1, 2: these descriptors are the terminal */
};

/* The terminal that controls the caller, else the first of the standard descriptors that is one. */
struct terminal terminal_find(void);

/* Whether the caller's process group is in the foreground: where nothing is controlled, everybody is. */
bool terminal_in_foreground(const struct terminal *terminal);

#endif
