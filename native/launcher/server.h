/* Asking the environment server, which starts the container and knows the sessions (cleanenv/server/control.py). */
#ifndef CLEANENV_LAUNCHER_SERVER_H
#define CLEANENV_LAUNCHER_SERVER_H

#include "table/table.h"

/* A connected socket, or -1 with errno. */
int connect_to(const char *path, int type);

/* A connection to the server, or -1 when it is gone. */
int server_connect(void);

/*
 * Send a request, a line, over a connection, and wait until it is done. What the server warns of is shown. Does not return when it
 * cannot be done; `absent` is why where there is no connection. Without a table it returns then too, and the failure is a warning.
 */
void server_request(const struct table *table, int server, const char *request, const char *absent);

/* The command that brings the environment up. */
char *server_hint(const struct table *table);

#endif
