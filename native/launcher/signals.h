/* The caller's signal mask and dispositions, which the program inherits as execve would hand them on. */
#ifndef CLEANENV_LAUNCHER_SIGNALS_H
#define CLEANENV_LAUNCHER_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

struct signals {
	uint64_t blocked; /* bit n-1 for signal n */
	uint64_t ignored;
};

/* Note both, and block every signal: from now on none is lost and none acts on the launcher itself. */
struct signals signals_take_over(void);

/* Stop like the program did, by the same signal, with the whole process group or alone; returns when continued. */
void signals_stop_by(int number, bool everybody);

/* End as a program with this wait status did: the caller's wait(2) sees the same. */
_Noreturn void signals_end_as(int status);

#endif
