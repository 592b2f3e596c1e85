/*
 * The keepers of terminals: one process for each terminal of the host that programs are called from.
 *
 * A keeper is an agent of its own for the calls of one terminal: it is the leader of the session inside that stands for the
 * host's, has the pty as its controlling terminal, and the workers that it forks are born into both, which is the only way into a session
 * (setsid(2)). Being the parent of the programs, in their session and not in their groups, it is also what makes them stop at Ctrl-Z:
 * in a group without such a parent the kernel would not let them (POSIX, orphaned process group).
 */
#ifndef CLEANENV_AGENT_KEEPER_H
#define CLEANENV_AGENT_KEEPER_H

#include "agent/options.h"
#include "wire/wire.h"

#include <sys/types.h>

/*
 * Make a keeper unless the terminal has one, and answer on `connection`. Takes the descriptors: the terminal, and the pidfd of its
 * session's leader, or -1.
 */
void keeper_start(const struct options *options, const struct wire_terminal *wanted, int connection, int terminal, int leader);

/* Remove the sockets that the keepers of an agent before have left. */
void keeper_clear(const struct options *options);

/* A child has ended that had no call: perhaps a keeper. */
void keeper_ended(pid_t process);

#endif
