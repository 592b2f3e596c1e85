/*
 * Text back to the host: names of the container in what the program writes become the host's (rule T).
 *
 * Where it is asked for, the program gets a pipe in place of the stream, and a process of the launcher moves what comes out of it
 * through the filter to where the stream leads. A process of its own for each stream, because it must wait for a slow reader while the
 * launcher goes on to pass signals, and because it must outlive the launcher as long as a program in the background has the pipe. What
 * is written to the terminal is filtered by the terminal's keeper.
 */
#ifndef CLEANENV_LAUNCHER_TEXT_H
#define CLEANENV_LAUNCHER_TEXT_H

#include "launcher/descriptors.h"
#include "launcher/paths.h"
#include "launcher/program.h"
#include "launcher/terminal.h"
#include "pathmap/text.h"

#define TEXT_STREAMS 2

struct text_stream {
	int number;  /* 1 or 2: where the text goes */
	int reader, writer; /* the pipe */
	int control; /* the socket of the process that moves the text; at its end all that was to be moved is */
};

struct text {
	struct buffer names; /* pathmap/names.h */
	struct text_stream streams[TEXT_STREAMS];
	size_t count;
	int replaced[3]; /* for each descriptor what the program gets instead, or -1 */
	bool on_terminal;
};

/* What the caller says (CLEANENV_TEXT), or else the program's options. Does not return when the caller says what it cannot. */
struct text text_open(const struct program *program, const struct paths *paths, const struct descriptors *descriptors,
		      const struct terminal *terminal);

/* Begin to move text; to be called when the program has its descriptors. */
void text_start(struct text *text);

/*
 * The program has ended: wait until all that it wrote has been moved, or until a signal comes that ends a program. `signals` is a
 * signalfd; every other descriptor of the launcher is closed.
 */
void text_settle(const struct text *text, int signals);

#endif
