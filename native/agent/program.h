/* From a request to a running program. */
#ifndef CLEANENV_AGENT_PROGRAM_H
#define CLEANENV_AGENT_PROGRAM_H

#include "agent/options.h"

/* Get ready what does not depend on a call, before there is one. */
void program_prepare(void);

/*
 * Start, as the user who this process is by now, the program that a SPAWN packet asks for, with its descriptors. The program is a child
 * of this process' parent, the agent, whom it tells itself with WIRE_CALL, and hands `connection`, before it is executed. What cannot be
 * started is told to the launcher over `connection` as WIRE_FAILED. Does not return when the request is malformed.
 */
void program_start(const struct options *options, int connection, int agent, const void *packet, const int *descriptors,
		   size_t count);

#endif
