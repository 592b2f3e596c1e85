/*
 * A worker: the process that takes one connection and becomes what it asks for, a program or the answers to questions.
 *
 * Workers are forked before they are needed: a fork and the page faults after it would be 100 of the 200 microseconds between
 * a request and its execve. And it is they who read what a stranger sends, as the user already; the agent reads nothing of
 * it but signals.
 */
#ifndef CLEANENV_AGENT_WORKER_H
#define CLEANENV_AGENT_WORKER_H

#include "agent/options.h"

/*
 * Serve one connection of `listening`. Tells the agent over `agent` (SOCK_SEQPACKET) with WIRE_STARTED when it has taken one, so that
 * another worker is made, and with WIRE_CALL and the connection when it is about to become a program. A worker without either
 * is nobody's. Never returns; to be called with every signal blocked.
 */
_Noreturn void worker_serve(const struct options *options, int listening, int agent);

#endif
