/* Who answers the path map's questions during one call: lstat for the host, the agent for the container. */
#ifndef CLEANENV_LAUNCHER_PROBE_H
#define CLEANENV_LAUNCHER_PROBE_H

#include "launcher/answers.h"
#include "launcher/trace.h"
#include "pathmap/pathmap.h"
#include "table/table.h"

#include <stdbool.h>

/*
 * Nothing is looked at twice. Zero-initialised but for the table, nothing is known yet. Where this is the container, a path of the
 * host is looked at where a mount shows it; one that none shows is absent.
 */
struct probe {
	const struct table *table;
	const struct pathmap_mount *mounts; /* the table's */
	struct trace *trace; /* or NULL */
	struct answers host;
	struct answers container;
};

/* The callbacks; a question about the container is noted, and pending until probe_ask. */
struct pathmap_probe probe_callbacks(struct probe *probe);

/* Ask the agent all that was noted, at once. False when there was nothing. Does not return without an answer. */
bool probe_ask(struct probe *probe);

#endif
