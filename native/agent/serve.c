#include "agent/serve.h"

#include "agent/calls.h"
#include "agent/pool.h"
#include "agent/relay.h"
#include "agent/source.h"
#include "agent/terminal.h"
#include "kernel/clock.h"
#include "kernel/signals.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define RETRY_MS 100
#define KILLED_MS 1000 /* for programs that were killed after their grace to be reaped in */
#define LINGER_MS 5000 /* for a call that is on its way, when the session of a terminal has ended */

/*
 * Read the pending signals. The stop signals ask everything in the container to end; only the first process does this, an agent
 * of the tests must not signal the host. Returns when the container must be gone: `grace` ms later, 0: not asked to.
 */
static int64_t read_signals(int signals, int64_t stopping, int64_t grace)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (stopping || (info.ssi_signo != SIGTERM && info.ssi_signo != SIGINT))
			continue;
		stopping = kernel_now_ms() + grace;
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

/* How long the loop may wait: until calls have to be looked after, or the end of all; to fork again when it could not. */
static int wait_ms(int64_t end, bool filled)
{
	int timeout = nearer(nearer(calls_timeout(), relay_timeout()), pool_timeout());
	int64_t rest = end - kernel_now_ms();

	return nearer(nearer(timeout, filled ? -1 : RETRY_MS), !end ? -1 : rest < 0 ? 0 : (int)rest);
}

/*
 * Until when a keeper has to wait for calls, 0: as long as the session of its terminal lives. `before` is what this function returned
 * before.
 */
static int64_t find_end(int64_t before)
{
	if (!terminal_own() || !relay_is_orphaned() || calls_run())
		return 0;
	if (relay_is_hung_up())
		return kernel_now_ms();
	return before ? before : kernel_now_ms() + LINGER_MS;
}

/* From here on nothing ends the agent but a stop signal: its end is the container's. */
static void loop(const struct options *options, int epoll, int listening, int signals)
{
	int64_t grace = (int64_t)options->grace * 1000, stopping = 0, leaving = 0;

	for (;;) {
		struct epoll_event events[64];
		bool filled = stopping || pool_fill(options, epoll, listening);
		int count = epoll_wait(epoll, events, 64, wait_ms(stopping ? stopping : leaving, filled));
		bool reap = false, cut = false;

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
			case SOURCE_LIFELINE:
				cut = true;
				break;
			case SOURCE_TERMINAL:
			default:
				break;
			}
		}
		if (reap)
			stopping = read_signals(signals, stopping, grace);
		if (cut) {
			epoll_ctl(epoll, EPOLL_CTL_DEL, options->lifeline, NULL);
			stopping = kernel_now_ms() + grace + KILLED_MS;
			calls_end();
		}
		if (stopping)
			pool_drain();
		bool children = (reap || stopping) && calls_reap();
		calls_look();
		relay_run(calls_in_foreground(), calls_want_text());
		if (relay_is_idle())
			calls_tell();
		pool_answer();
		if (stopping && (!children || kernel_now_ms() >= stopping))
			return;
		leaving = find_end(leaving);
		if (leaving && kernel_now_ms() >= leaving)
			return;
	}
}

int serve(const struct options *options, int listening)
{
	int signals = kernel_signalfd(), epoll = epoll_create1(EPOLL_CLOEXEC);
	enum source source = SOURCE_SIGNALS, lifeline = SOURCE_LIFELINE;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &source };
	struct epoll_event held = { .data.ptr = &lifeline }; /* EPOLLHUP is told of in any case */

	if (signals < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &event) < 0)
		return -1;
	if (options->lifeline && epoll_ctl(epoll, EPOLL_CTL_ADD, options->lifeline, &held) < 0)
		return -1;
	if (terminal_own() && relay_start(epoll) < 0)
		return -1;
	calls_prepare(options);
	loop(options, epoll, listening, signals);
	return 0;
}
