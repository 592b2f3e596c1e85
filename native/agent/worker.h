/*
 * A worker: the process that takes connections and starts the programs that they ask for, or answers questions.
 *
 * Workers are forked before they are needed, and it is they who read what a stranger sends, as the user already; the agent reads
 * nothing of it but signals. One that has started a program takes the next connection: another process for each
 * call, with its page tables, would cost 100 microseconds more than the vfork that starts the program from here.
 */
#ifndef CLEANENV_AGENT_WORKER_H
#define CLEANENV_AGENT_WORKER_H

#include "agent/options.h"

#include <stdatomic.h>
#include <stdint.h>

/* How many connections a worker has begun and done with, in memory that it shares with the agent: equal while it waits. */
struct worker_turns {
	_Atomic uint32_t begun;
	_Atomic uint32_t done;
};

/*
 * Serve `connection`, if it is one, and then those of `listening`, one at a time. Tells the agent over `agent` (SOCK_SEQPACKET) with
 * WIRE_STARTED that a caller keeps it waiting, and with WIRE_STRANGER, and the connection, that a caller is not who it has
 * become for its first one; the program that it starts sends WIRE_CALL. Ends at whatever is not right. Never returns;
 * to be called with every signal blocked.
 */
_Noreturn void worker_serve(const struct options *options, int listening, int agent, struct worker_turns *turns, int connection);

#endif
