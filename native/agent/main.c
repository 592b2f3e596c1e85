/*
 * The agent: the first process of an environment's container.
 *
 * It makes workers, who become programs or answer questions, hands programs the signals of their launchers, tells launchers how
 * programs end, and reaps what is orphaned. One loop, no threads, no signal handlers: every signal is blocked and read from a
 * signalfd. What a caller says is read by the workers, as the user; the loop itself reads only packets of a fixed size.
 */
#include "agent/calls.h"
#include "agent/options.h"
#include "agent/pool.h"
#include "agent/source.h"
#include "agent/users.h"
#include "kernel/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096
#define RETRY_MS 100
#define STOP_MS 8000 /* for programs to end in, when the container stops; docker stop waits 10 s by default */

_Noreturn static void die(const char *what)
{
	dprintf(2, "cleanenv agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_socket(const struct options *options)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int socket_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (socket_ < 0 || strlen(options->socket) >= sizeof address.sun_path)
		die("socket");
	strcpy(address.sun_path, options->socket);
	/* A file of this name is the one of an agent before: this container has one first process. */
	unlink(options->socket);
	mode_t mask = umask(0177);
	if (bind(socket_, (struct sockaddr *)&address, sizeof address) < 0)
		die(options->socket);
	umask(mask);
	if (geteuid() == 0 && chown(options->socket, options->owner, (gid_t)-1) < 0)
		die(options->socket);
	if (listen(socket_, BACKLOG) < 0)
		die("listen");
	return socket_;
}

/* Every signal is blocked before the first child exists; dispositions are the default ones, whatever the engine set. */
static int open_signals(void)
{
	kernel_mask(UINT64_MAX);
	for (int number = 1; number <= KERNEL_SIGNALS; number++)
		kernel_ignore(number, false);
	return kernel_signalfd();
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

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Read the pending signals. The stop signals ask everything in the container to end; only the first process does this, an agent
 * of the tests must not signal the host. Returns when the container must be gone, 0: not asked to.
 */
static int64_t read_signals(int signals, int64_t stopping)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (stopping || (info.ssi_signo != SIGTERM && info.ssi_signo != SIGINT))
			continue;
		stopping = now_ms() + STOP_MS;
		if (getpid() == 1) {
			kill(-1, SIGTERM);
			kill(-1, SIGCONT);
		}
	}
	return stopping;
}

/* The nearer of two timeouts of epoll_wait(2), where -1 is none. */
static int nearer(int one, int other)
{
	return one < 0 || (other >= 0 && other < one) ? other : one;
}

/* How long the loop may wait: until a program's grace is over, or the container's; to fork again when it could not. */
static int wait_ms(int64_t stopping, bool filled)
{
	int64_t rest = stopping - now_ms();

	if (stopping)
		return nearer(calls_timeout(), rest < 0 ? 0 : (int)rest);
	return nearer(calls_timeout(), filled ? -1 : RETRY_MS);
}

/* From here on nothing ends the agent but a stop signal: its end is the container's. */
static void serve(const struct options *options, int epoll, int listening, int signals)
{
	int64_t stopping = 0;

	for (;;) {
		struct epoll_event events[64];
		bool filled = !stopping && pool_fill(options, epoll, listening);
		int count = epoll_wait(epoll, events, 64, wait_ms(stopping, filled));
		bool reap = false;

		/* Children last: one that is reaped frees its call, which an event of this round may still name. */
		for (int i = 0; i < count; i++) {
			switch (*(enum source *)events[i].data.ptr) {
			case SOURCE_SIGNALS:
				reap = true;
				break;
			case SOURCE_WORKER:
				pool_hear(events[i].data.ptr);
				break;
			case SOURCE_CALL:
				calls_hear(events[i].data.ptr);
				break;
			default:
				break;
			}
		}
		if (reap)
			stopping = read_signals(signals, stopping);
		if (stopping)
			pool_drain();
		bool children = (reap || stopping) && calls_reap();
		calls_expire();
		if (stopping && (!children || now_ms() >= stopping))
			return;
	}
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
	int signals = open_signals();
	/* Only in a container: the tests run the agent on the host, whose users are not its business. */
	if (getpid() == 1 && users_create(&options, "") < 0)
		dprintf(2, "cleanenv agent: the user could not be added: %s\n", strerror(errno));
	set_variables(&options);
	umask(022);

	int listening = open_socket(&options), epoll = epoll_create1(EPOLL_CLOEXEC);
	enum source source = SOURCE_SIGNALS;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &source };
	if (signals < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &event) < 0)
		die("start");
	serve(&options, epoll, listening, signals);
	return 0;
}
