#include "launcher/signals.h"

#include "kernel/signals.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct signals signals_take_over(void)
{
	struct signals signals;

	signals.blocked = kernel_mask(UINT64_MAX);
	signals.ignored = kernel_ignored();
	return signals;
}

/* Let a signal act by default, once, on `target` (kill(2)), which this process is or is one of. */
static void deliver(pid_t target, int number)
{
	kernel_ignore(number, false);
	kill(target, number);
	kernel_mask(~kernel_signal_bit(number));
	kernel_mask(UINT64_MAX);
}

void signals_stop_by(int number, bool everybody)
{
	deliver(everybody ? 0 : getpid(), number);
}

_Noreturn void signals_end_as(int status)
{
	if (WIFSIGNALED(status)) {
		/* The program has left its core already; a second one, of the launcher, would replace it. */
		struct rlimit none = { 0, 0 };
		prlimit(0, RLIMIT_CORE, &none, NULL); /* not setrlimit(2): musl's knows of threads, which is 3 KB */
		deliver(getpid(), WTERMSIG(status));
		_exit(128 + WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}
