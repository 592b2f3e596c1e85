/* Snapshots that are taken after a run of certain programs. */
#ifndef CLEANENV_LAUNCHER_SNAPSHOT_H
#define CLEANENV_LAUNCHER_SNAPSHOT_H

#include "launcher/program.h"
#include "table/table.h"

#include <stdbool.h>

/* Whether the environment server is to be asked for one after a run that ended with this wait status. */
bool snapshot_is_wanted(const struct table *table, const struct program *program, int status);

/*
 * Ask for it, and wait until it is taken, or found not to be due. The server looks at the command line. What it says is shown; the
 * program's run counts as it did, whatever becomes of the snapshot.
 */
void snapshot_ask(const struct program *program, char *const *arguments, int status);

#endif
