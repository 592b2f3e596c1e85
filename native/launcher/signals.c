#include "launcher/signals.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct signals signals_take_over(void)
{
	struct signals signals = { 0, 0 };
	struct sigaction action;
	sigset_t every, before;

	sigfillset(&every);
	sigprocmask(SIG_SETMASK, &every, &before);
	for (int number = 1; number < _NSIG; number++) {
		uint64_t bit = UINT64_C(1) << (number - 1);
		if (sigismember(&before, number) == 1)
			signals.blocked |= bit;
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			signals.ignored |= bit;
	}
	return signals;
}

/* Let a signal act on this process by default, once. */
static void deliver(int number)
{
	sigset_t only;

	signal(number, SIG_DFL);
	kill(getpid(), number);
	sigemptyset(&only);
	sigaddset(&only, number);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	sigprocmask(SIG_BLOCK, &only, NULL);
}

void signals_stop_by(int number)
{
	deliver(number);
}

_Noreturn void signals_end_as(int status)
{
	if (WIFSIGNALED(status)) {
		/* The program has left its core already; a second one, of the launcher, would replace it. */
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		deliver(WTERMSIG(status));
		_exit(128 + WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}
