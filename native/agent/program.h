/* From a request to a running program: what happens in the agent's child between fork and execve. */
#ifndef CLEANENV_AGENT_PROGRAM_H
#define CLEANENV_AGENT_PROGRAM_H

#include "agent/options.h"

/* Look up what does not depend on a call, before there is one. */
void program_prepare(void);

/*
 * Become, as the user who this process is by now, the program that a SPAWN packet asks for, with its descriptors. Tells the agent
 * with WIRE_CALL, and hands it `connection`, when the request is well-formed. Never returns: what cannot be started is told to the
 * launcher over `connection` as WIRE_FAILED.
 */
_Noreturn void program_run(const struct options *options, int connection, int agent, const void *packet, int *descriptors,
			   size_t count);

#endif
