/* Becoming the user: the first thing that a child of the agent does, before it looks at a byte that it was sent. */
#ifndef CLEANENV_AGENT_PRIVILEGE_H
#define CLEANENV_AGENT_PRIVILEGE_H

#include "agent/options.h"

#include <stdbool.h>

/* Whether the peer may talk to the agent at all: it is the owner, or root of the host (SO_PEERCRED, unix(7)). */
bool privilege_admits(const struct options *options, int connection);

/*
 * Become the user of the environment for good. When the peer is that very user, its own group and supplementary
 * groups are taken from the connection (SO_PEERGROUPS), so that newgrp(1) and fresh memberships are seen; else
 * those of the command line. Returns 0, or -1 with errno; then the process must not go on.
 */
int privilege_drop(const struct options *options, int connection);

/* After privilege_drop: whether another peer gets the same user and groups, so that this process may serve it too. */
bool privilege_fits(const struct options *options, int connection);

#endif
