#include "launcher/relay.h"

#include "kernel/descriptors.h"
#include "launcher/memory.h"
#include "pathmap/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHUNK 65536 /* bytes that are read at once: what a pipe holds */
#define PAUSE_MS 20 /* after which text that may be the beginning of a name is one that somebody waits for */

struct relay {
	struct pathmap_filter *filter;
	int reader, out;
	int control; /* -1: the launcher has been told */
	size_t due;  /* bytes that the launcher waits for */
	bool asked;  /* it waits */
};

/* Where nobody reads any more, the program is to know: with this process goes the pipe's last reader. */
_Noreturn static void give_up(void)
{
	_exit(1);
}

static void wait_for_room(int out)
{
	struct pollfd one = { .fd = out, .events = POLLOUT };

	poll(&one, 1, -1);
}

/* Waits for a slow reader, and so does the program when the pipe is full. */
static void write_text(struct relay *relay)
{
	struct slice text;

	if (pathmap_filter_failed(relay->filter))
		give_up();
	while ((text = pathmap_filter_text(relay->filter)).length > 0) {
		ssize_t written = write(relay->out, text.at, text.length);
		if (written > 0)
			pathmap_filter_drop(relay->filter, (size_t)written);
		else if (written < 0 && errno == EAGAIN) /* the caller's description is non-blocking, and stays so */
			wait_for_room(relay->out);
		else if (written < 0 && errno != EINTR)
			give_up();
	}
}

_Noreturn static void finish(struct relay *relay)
{
	pathmap_filter_finish(relay->filter);
	write_text(relay);
	_exit(0);
}

/* All that was in the pipe when the program ended is moved: the launcher may end. Others may still have the pipe. */
static void settle(struct relay *relay)
{
	pathmap_filter_pause(relay->filter);
	write_text(relay);
	close(relay->control);
	relay->control = -1;
}

static void move_text(struct relay *relay)
{
	char *room = pathmap_filter_room(relay->filter, CHUNK);
	ssize_t got = room ? read(relay->reader, room, CHUNK) : -1;

	if (got < 0 && room && errno == EINTR)
		return;
	if (got < 0)
		give_up();
	if (got == 0)
		finish(relay);
	pathmap_filter_take(relay->filter, (size_t)got);
	write_text(relay);
	relay->due -= (size_t)got < relay->due ? (size_t)got : relay->due;
}

/* The program has ended, or the launcher. */
static void hear_launcher(struct relay *relay)
{
	int held = 0;

	ioctl(relay->reader, FIONREAD, &held);
	relay->due = (size_t)held;
	relay->asked = true;
}

_Noreturn static void run(struct relay *relay)
{
	for (;;) {
		/* An error of `out` is told without being asked for: its reader is gone. */
		struct pollfd ready[] = { { .fd = relay->reader, .events = POLLIN },
					  { .fd = relay->out },
					  { .fd = relay->asked ? -1 : relay->control, .events = POLLIN } };
		bool hurry = relay->control >= 0 && relay->asked && relay->due == 0;
		int count = poll(ready, 3, hurry ? 0 : pathmap_filter_holds(relay->filter) ? PAUSE_MS : -1);

		if (count > 0 && ready[1].revents & (POLLERR | POLLNVAL))
			give_up();
		if (count > 0 && ready[2].revents)
			hear_launcher(relay);
		/* At the text's end too: there a name may end, which is more than a pause. */
		if (count > 0 && ready[0].revents & (hurry ? POLLHUP : POLLIN | POLLHUP))
			move_text(relay);
		else if (hurry)
			settle(relay);
		else if (count == 0) {
			pathmap_filter_pause(relay->filter);
			write_text(relay);
		}
	}
}

int relay_start(int reader, int out, struct slice names)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	/* Like fork(2), but nobody is told by a signal when it ends: SIGCHLD would be taken for one of the caller's. */
	long process = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
	if (process == 0) {
		struct relay relay = { .reader = reader, .out = fcntl(out, F_DUPFD_CLOEXEC, 3), .control = pair[1] };
		int kept[] = { reader, relay.out, pair[1] };
		/* What else the caller has open is not to stay open for longer than the program has it. */
		kernel_close_all_but(kept, sizeof kept / sizeof *kept);
		for (int number = 0; number < 3; number++)
			close(number);
		memory_pin();
		relay.filter = pathmap_filter_open(names.at, names.length);
		if (relay.out < 0 || !relay.filter)
			give_up();
		run(&relay);
	}
	int error = errno;
	close(pair[1]);
	if (process > 0)
		return pair[0];
	close(pair[0]);
	errno = error;
	return -1;
}
