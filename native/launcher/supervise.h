/* From the request to the end of the program: signals in, terminal both ways, status out. */
#ifndef CLEANENV_LAUNCHER_SUPERVISE_H
#define CLEANENV_LAUNCHER_SUPERVISE_H

#include "launcher/program.h"
#include "launcher/terminal.h"
#include "launcher/text.h"

/*
 * Returns the wait status of the program, when its text is where it should be. Does not return when it could not be started
 * or the agent is gone.
 */
int supervise(int connection, const struct program *program, const char *directory, const struct terminal *terminal,
	      const struct text *text);

#endif
