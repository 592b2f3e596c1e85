/* Reaching the agent in the container, which the environment server starts when it is down. */
#ifndef CLEANENV_LAUNCHER_AGENT_H
#define CLEANENV_LAUNCHER_AGENT_H

#include "launcher/terminal.h"
#include "table/table.h"

#include <stdbool.h>

/* A connection to the agent. Does not return without one. */
int agent_connect(const struct table *table);

/*
 * A connection to whom a call is sent: the agent, or the keeper of the terminal, which is made if there is none. A hook, and what it asks,
 * is let in while the environment closes, and waits for no start: whoever runs it does that.
 */
int agent_call(const struct table *table, const struct terminal *terminal, bool hook);

/* Ask which of `count` paths exist in the container; `answers` gets '0', '1' or '2' (symbolic link) for each. */
void agent_exists(const struct table *table, char *const *paths, size_t count, char *answers);

#endif
