/* Sockets that launchers connect to. */
#ifndef CLEANENV_AGENT_LISTEN_H
#define CLEANENV_AGENT_LISTEN_H

#include <sys/types.h>

/*
 * A listening socket of this name, which only `owner` and root can connect to. A file that has the name already is replaced: it is
 * one of an agent before. Returns the descriptor, or -1 with errno.
 */
int listen_at(const char *path, uid_t owner);

#endif
