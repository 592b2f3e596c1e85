#include "launcher/stream.h"

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
#define PAUSE_MS 40 /* after which text that may be the beginning of a name is one that somebody waits for */
#define LONG_MS 1000 /* the same, in the middle of a long write */
#define PAGE 4096

struct stream {
	struct pathmap_filter *filter;
	int reader, out;
	int control; /* -1: the launcher has been told */
	size_t due;  /* bytes that the launcher waits for */
	bool asked;  /* it waits */
	int pause_ms;
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
static void write_text(struct stream *stream)
{
	struct slice text;

	if (pathmap_filter_failed(stream->filter))
		give_up();
	while ((text = pathmap_filter_text(stream->filter)).length > 0) {
		ssize_t written = write(stream->out, text.at, text.length);
		if (written > 0)
			pathmap_filter_drop(stream->filter, (size_t)written);
		else if (written < 0 && errno == EAGAIN) /* the caller's description is non-blocking, and stays so */
			wait_for_room(stream->out);
		else if (written < 0 && errno != EINTR)
			give_up();
	}
}

_Noreturn static void finish(struct stream *stream)
{
	pathmap_filter_finish(stream->filter);
	write_text(stream);
	_exit(0);
}

/* All that was in the pipe when the program ended is moved: the launcher may end. Others may still have the pipe. */
static void settle(struct stream *stream)
{
	pathmap_filter_pause(stream->filter);
	write_text(stream);
	close(stream->control);
	stream->control = -1;
}

static void move_text(struct stream *stream)
{
	char *room = pathmap_filter_room(stream->filter, CHUNK);
	ssize_t got = room ? read(stream->reader, room, CHUNK) : -1;

	if (got < 0 && room && errno == EINTR)
		return;
	if (got < 0)
		give_up();
	if (got == 0)
		finish(stream);
	/* A pipe has whole pages in it while somebody writes more than it takes: no prompt, but a program that waits for its turn. */
	stream->pause_ms = got % PAGE == 0 ? LONG_MS : PAUSE_MS;
	pathmap_filter_take(stream->filter, (size_t)got);
	write_text(stream);
	stream->due -= (size_t)got < stream->due ? (size_t)got : stream->due;
}

/* The program has ended, or the launcher. */
static void hear_launcher(struct stream *stream)
{
	int held = 0;

	ioctl(stream->reader, FIONREAD, &held);
	stream->due = (size_t)held;
	stream->asked = true;
}

_Noreturn static void run(struct stream *stream)
{
	for (;;) {
		/* An error of `out` is told without being asked for: its reader is gone. */
		struct pollfd ready[] = { { .fd = stream->reader, .events = POLLIN },
					  { .fd = stream->out },
					  { .fd = stream->asked ? -1 : stream->control, .events = POLLIN } };
		bool hurry = stream->control >= 0 && stream->asked && stream->due == 0;
		int count = poll(ready, 3, hurry ? 0 : pathmap_filter_holds(stream->filter) ? stream->pause_ms : -1);

		if (count > 0 && ready[1].revents & (POLLERR | POLLNVAL))
			give_up();
		if (count > 0 && ready[2].revents)
			hear_launcher(stream);
		/* At the text's end too: there a name may end, which is more than a pause. */
		if (count > 0 && ready[0].revents & (hurry ? POLLHUP : POLLIN | POLLHUP))
			move_text(stream);
		else if (hurry)
			settle(stream);
		else if (count == 0) {
			pathmap_filter_pause(stream->filter);
			write_text(stream);
		}
	}
}

int stream_start(int reader, int out, struct slice names)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	/* Like fork(2), but nobody is told by a signal when it ends: SIGCHLD would be taken for one of the caller's. */
	long process = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
	if (process == 0) {
		struct stream stream = { .reader = reader, .out = fcntl(out, F_DUPFD_CLOEXEC, 3), .control = pair[1] };
		int kept[] = { reader, stream.out, pair[1] };
		/* What else the caller has open is not to stay open for longer than the program has it. */
		kernel_close_all_but(kept, sizeof kept / sizeof *kept);
		for (int number = 0; number < 3; number++)
			close(number);
		memory_pin();
		stream.filter = pathmap_filter_open(names.at, names.length);
		if (stream.out < 0 || !stream.filter)
			give_up();
		run(&stream);
	}
	int error = errno;
	close(pair[1]);
	if (process > 0)
		return pair[0];
	close(pair[0]);
	errno = error;
	return -1;
}
