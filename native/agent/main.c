/*
 * The agent: the first process of an environment's container; and, with --programs, who starts the host's programs for it.
 *
 * It makes workers, who start programs or answer questions, hands programs the signals of their launchers, tells launchers how
 * programs end, and reaps what is orphaned. One loop, no threads, no signal handlers: every signal is blocked and read from a
 * signalfd. What a caller says is read by the workers, as the user; the loop itself reads only packets of a fixed size.
 */
#include "agent/keeper.h"
#include "agent/listen.h"
#include "agent/options.h"
#include "agent/serve.h"
#include "agent/users.h"
#include "kernel/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn static void die(const char *what)
{
	dprintf(2, "cleanenv agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Every signal is blocked before the first child exists; dispositions are the default ones, whatever the engine set. */
static void block_signals(void)
{
	kernel_mask(UINT64_MAX);
	for (int number = 1; number <= KERNEL_SIGNALS; number++)
		kernel_ignore(number, false);
}

/* Nothing of the agent may reach a program: 0, 1 and 2 are closed or replaced there, and the rest is close-on-exec. */
static void guard_descriptors(void)
{
	while (open("/dev/null", O_RDWR | O_CLOEXEC) < 3)
		;
	for (int descriptor = 3; descriptor < 64; descriptor++)
		fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

/* What a program has in its environment unless its caller says otherwise; PATH comes from the container's own. */
static void set_variables(const struct options *options)
{
	setenv("HOME", options->home, 1);
	setenv("USER", options->user, 1);
	setenv("LOGNAME", options->user, 1);
	setenv("SHELL", users_shell(), 1);
}

int main(int argc, char **argv)
{
	struct options options;
	const char *wrong = options_read(&options, argc, argv);

	if (wrong) {
		dprintf(2, "cleanenv agent: %s\n", wrong);
		return 2;
	}
	guard_descriptors();
	block_signals();
	/* Only in a container: the tests run the agent on the host, whose users are not its business. */
	if (getpid() == 1 && users_create(&options, "") < 0)
		dprintf(2, "cleanenv agent: the user could not be added: %s\n", strerror(errno));
	if (!options.programs)
		set_variables(&options);
	umask(022);

	keeper_clear(&options);
	int listening = listen_at(options.socket, options.owner);
	if (listening < 0)
		die(options.socket);
	if (serve(&options, listening) < 0)
		die("start");
	return 0;
}
