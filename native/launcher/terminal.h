/* The caller's terminal, while a program of the container has a pty of its own in its place. */
#ifndef CLEANENV_LAUNCHER_TERMINAL_H
#define CLEANENV_LAUNCHER_TERMINAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <termios.h>

struct terminal {
	uint32_t standard; /* bits 0, 1, 2: these descriptors are replaced by the pty; 0: there is none */
	struct termios settings;
	struct winsize size;
	int master; /* -1 before the agent sent it and after the program's side is closed */
	bool raw;   /* the caller's terminal hands over every byte */
	char input[4096]; /* typed, and not yet taken by the pty */
	size_t input_size;
};

/*
 * Look at the standard descriptors. The program gets a pty when it is called to talk with a person: input and output are
 * terminals. In a pipeline it gets the terminal's own descriptors, so that no keystroke is taken from its neighbours.
 */
void terminal_look(struct terminal *terminal);

/* The pty is there. Takes the terminal over if this process is in its foreground. */
void terminal_attach(struct terminal *terminal, int master);

/* Take the terminal over (again), with its present size: after the start, and after being continued. */
void terminal_enter(struct terminal *terminal);

/* Give the terminal back as it was. */
void terminal_leave(struct terminal *terminal);

void terminal_resize(struct terminal *terminal);

/* What to wait for, for `input` (the caller's terminal) and `output` (the pty). */
void terminal_await(const struct terminal *terminal, struct pollfd *input, struct pollfd *output);

/* Move what can be moved. */
void terminal_relay(struct terminal *terminal, const struct pollfd *input, const struct pollfd *output);

/* The program has ended: write out what it still wrote. */
void terminal_drain(struct terminal *terminal);

#endif
