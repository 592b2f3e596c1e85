/* Reaching the agent in the container, which the environment server starts when it is down. */
#ifndef CLEANENV_LAUNCHER_AGENT_H
#define CLEANENV_LAUNCHER_AGENT_H

#include "table/table.h"

/* A connection to the agent. Does not return without one. */
int agent_connect(const struct table *table);

/* Ask which of `count` paths exist in the container; `answers` gets '0', '1' or '2' (symbolic link) for each. */
void agent_exists(const struct table *table, char *const *paths, size_t count, char *answers);

#endif
