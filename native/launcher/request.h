/* The request of a SPAWN: everything that the program gets, in one sealed file. */
#ifndef CLEANENV_LAUNCHER_REQUEST_H
#define CLEANENV_LAUNCHER_REQUEST_H

#include "launcher/descriptors.h"
#include "launcher/paths.h"
#include "launcher/program.h"
#include "launcher/signals.h"
#include "launcher/terminal.h"
#include "launcher/text.h"

/*
 * Send the request with the descriptors of the program that are not the pty's, some of them pipes for text. Does not return
 * when that fails.
 */
void request_send(int connection, const struct program *program, const struct paths *paths,
		  const struct descriptors *descriptors, const struct terminal *terminal, const struct text *text,
		  struct signals signals);

#endif
