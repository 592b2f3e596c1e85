/* The loop: of the agent, and of a terminal's keeper. */
#ifndef CLEANENV_AGENT_SERVE_H
#define CLEANENV_AGENT_SERVE_H

#include "agent/options.h"

/*
 * Serve the calls that come to `listening` until a stop signal, or, in a keeper, until its terminal's session has ended and its
 * calls with it. To be called with every signal blocked. Returns 0, or -1 with errno when it could not begin.
 */
int serve(const struct options *options, int listening);

#endif
