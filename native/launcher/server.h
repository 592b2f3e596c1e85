/* Asking the environment server, which starts the container and knows the sessions (cleanenv/server/control.py). */
#ifndef CLEANENV_LAUNCHER_SERVER_H
#define CLEANENV_LAUNCHER_SERVER_H

#include "table/table.h"

/* A connected socket, or -1 with errno. */
int connect_to(const char *path, int type);

/*
 * Send a request, a line, and wait until it is done. What the server warns of is shown. Does not return when it cannot be done;
 * `absent` is why where there is no server.
 */
void server_request(const struct table *table, const char *request, const char *absent);

/* The command that brings the environment up. */
char *server_hint(const struct table *table);

#endif
