/* `.session`, by which a shell's activation script tells that the shell enters or leaves the environment. */
#ifndef CLEANENV_LAUNCHER_SESSION_H
#define CLEANENV_LAUNCHER_SESSION_H

#include "table/table.h"

/*
 * `enter PID` or `leave PID`. Ends the process: 0 when it is done, 125 with a message when it cannot be. To enter, `python` brings a
 * server back that is gone.
 */
_Noreturn void session_change(const struct table *table, const char *python, char *const *arguments);

#endif
