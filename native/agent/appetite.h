/* Whether somebody inside waits for what is typed. */
#ifndef CLEANENV_AGENT_APPETITE_H
#define CLEANENV_AGENT_APPETITE_H

#include "agent/terminal.h"

#include <stdbool.h>

/*
 * Whether all that was typed is taken and a process of the foreground group sleeps in a read of the terminal, or in a poll(2), which may be for it. What the kernel
 * does not tell (proc_pid_wchan(5) of another user's process) counts as a yes: a line that is lost to the shell is better than a
 * program that waits for ever.
 */
bool appetite_for_input(const struct terminal *terminal);

#endif
