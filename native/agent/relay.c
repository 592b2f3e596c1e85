#include "agent/relay.h"

#include "agent/appetite.h"
#include "agent/source.h"
#include "agent/terminal.h"
#include "kernel/clock.h"
#include "pathmap/filter.h"
#include "wire/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#define OFFER_MS 20 /* between two looks whether a typed line is wanted by now */
#define TAKE_MS 1   /* for a reader to wake up and take the line it got */
#define PAUSE_MS 40 /* after which text that may be the beginning of a name is one that somebody waits for */

static struct {
	int epoll;
	enum source source;
	char output[16384 + 1]; /* for the terminal; the first byte is the packet's kind (tty_ioctl(4), TIOCPKT) */
	size_t output_start, output_end;
	bool held_return; /* a carriage return that may be the pty's own */
	struct pathmap_filter *filter; /* what is read goes through it; NULL: as it is */
	int64_t pause; /* when the filter gives out what it holds, in ms of kernel_now_ms; 0: it holds nothing */
	char input[4096]; /* for the pty */
	size_t input_size;
	int offer_again;  /* ms until a line that may wait on the terminal is offered (again); 0: as soon as one is there */
	bool hung_up, orphaned;
	uint32_t host_events, master_events;
} relay = { .epoll = -1, .source = SOURCE_TERMINAL };

static void await(int descriptor, uint32_t events, uint32_t *current)
{
	struct epoll_event event = { .events = events, .data.ptr = &relay.source };

	if (*current != events)
		epoll_ctl(relay.epoll, EPOLL_CTL_MOD, descriptor, &event);
	*current = events;
}

int relay_start(int epoll)
{
	const struct terminal *terminal = terminal_own();
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &relay.source };
	struct epoll_event quiet = { .events = 0, .data.ptr = &relay.source };

	relay.epoll = epoll;
	relay.orphaned = terminal->leader < 0;
	relay.master_events = EPOLLIN;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, terminal->master, &event) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, terminal->host, &quiet) < 0)
		return -1;
	return terminal->leader < 0 ? 0 : epoll_ctl(epoll, EPOLL_CTL_ADD, terminal->leader, &event);
}

static bool can_read(int descriptor, short *events)
{
	struct pollfd one = { .fd = descriptor, .events = POLLIN };

	*events = 0;
	if (poll(&one, 1, 0) > 0)
		*events = one.revents;
	return *events & POLLIN;
}

static void hang_up(void)
{
	const struct terminal *terminal = terminal_own();

	if (relay.hung_up)
		return;
	relay.hung_up = true;
	relay.output_start = relay.output_end = 0;
	relay.pause = 0;
	epoll_ctl(relay.epoll, EPOLL_CTL_DEL, terminal->host, NULL);
	epoll_ctl(relay.epoll, EPOLL_CTL_DEL, terminal->master, NULL);
	/* The kernel tells the foreground group inside, as it does on the host (SIGHUP, setsid(2)). */
	close(terminal->master);
}

/*
 * The pty and the terminal have the same settings, and both turn a newline into two bytes: the pty's carriage return
 * is taken out again. What counts is what the terminal will do; the pty may have other settings since a moment ago.
 */
static size_t undo_returns(char *bytes, size_t size)
{
	struct termios settings;
	char *to = bytes;

	if (tcgetattr(terminal_own()->host, &settings) < 0 || !(settings.c_oflag & OPOST) || !(settings.c_oflag & ONLCR))
		return size;
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != '\r' || i + 1 == size || bytes[i + 1] != '\n')
			*to++ = bytes[i];
	return (size_t)(to - bytes);
}

static void close_filter(void)
{
	if (relay.filter)
		pathmap_filter_close(relay.filter);
	relay.filter = NULL;
	relay.pause = 0;
}

/* What is to be written to the terminal next. */
static struct slice pending(void)
{
	return relay.filter ? pathmap_filter_text(relay.filter) :
			      (struct slice){ relay.output + relay.output_start, relay.output_end - relay.output_start };
}

static void drop(size_t size)
{
	if (relay.filter)
		pathmap_filter_drop(relay.filter, size);
	else
		relay.output_start += size;
}

/* `bytes`, which are in `output`, are next. */
static void give(char *bytes, size_t size)
{
	char *room = relay.filter ? pathmap_filter_room(relay.filter, size) : NULL;

	relay.output_start = (size_t)(bytes - relay.output);
	relay.output_end = relay.output_start + size;
	if (relay.filter && !room)
		close_filter(); /* no memory: as it is */
	if (!room)
		return;
	memcpy(room, bytes, size);
	pathmap_filter_take(relay.filter, size);
	relay.output_start = relay.output_end = 0;
	relay.pause = pathmap_filter_holds(relay.filter) ? kernel_now_ms() + PAUSE_MS : 0;
}

/* Returns whether more may be there. */
static bool read_output(void)
{
	const struct terminal *terminal = terminal_own();
	size_t held = relay.held_return;
	/* Room in front for the return that was held back, which the packet's kind is written over. */
	ssize_t got = read(terminal->master, relay.output + held, sizeof relay.output - held);

	if (got <= 0)
		return false;
	unsigned char kind = (unsigned char)relay.output[held];
	if (kind != TIOCPKT_DATA) {
		if (kind & TIOCPKT_FLUSHREAD)
			tcflush(terminal->host, TCIFLUSH);
		if (kind & (TIOCPKT_IOCTL | TIOCPKT_DOSTOP | TIOCPKT_NOSTOP))
			terminal_follow_settings();
		return true;
	}
	char *bytes = relay.output + 1;
	size_t size = (size_t)got - 1;
	if (held) {
		bytes = relay.output + held;
		*bytes = '\r';
		size++;
	}
	relay.held_return = size > 0 && bytes[size - 1] == '\r';
	give(bytes, undo_returns(bytes, size - relay.held_return));
	return true;
}

static void write_output(void)
{
	struct slice text;

	while ((text = pending()).length > 0) {
		ssize_t written = write(terminal_own()->host, text.at, text.length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			if (errno != EAGAIN)
				hang_up();
			return;
		}
		drop((size_t)written);
	}
}

/* A return with nothing behind it by the time when the pty is empty is the program's own. */
static void release_return(void)
{
	if (!relay.held_return || pending().length > 0)
		return;
	relay.held_return = false;
	relay.output[1] = '\r';
	give(relay.output + 1, 1);
	write_output();
}

static void move_output(void)
{
	write_output();
	while (!relay.hung_up && pending().length == 0 && read_output())
		write_output();
	if (!relay.hung_up)
		release_return();
}

bool relay_filter(int names)
{
	size_t size;
	const void *bytes = terminal_own() && !relay.hung_up ? wire_map(names, WIRE_NAMES_MAX, &size) : NULL;

	close(names);
	if (!bytes)
		return false;
	if (!relay.filter) {
		struct slice rest = pending();
		relay.filter = pathmap_filter_open(bytes, size);
		/* What was read before comes before, and is not worth a place of its own. */
		if (relay.filter && rest.length > 0)
			give(relay.output + relay.output_start, rest.length);
	}
	munmap((void *)bytes, size);
	return relay.filter != NULL;
}

/* Give out what the filter holds when the text pauses, or when the last call that is filtered has ended and all is read. */
static void release_text(bool text)
{
	if (!relay.filter || pending().length > 0)
		return;
	if (!text)
		pathmap_filter_finish(relay.filter);
	else if (relay.pause && kernel_now_ms() >= relay.pause)
		pathmap_filter_pause(relay.filter);
	if (!pathmap_filter_holds(relay.filter))
		relay.pause = 0;
	write_output();
	if (!text && !relay.hung_up && pending().length == 0)
		close_filter();
}

static void write_input(void)
{
	ssize_t written = write(terminal_own()->master, relay.input, relay.input_size);

	if (written > 0) {
		relay.input_size -= (size_t)written;
		memmove(relay.input, relay.input + written, relay.input_size);
	}
}

/*
 * What is typed is taken at once where every byte counts. A line is taken when somebody inside waits for one: until then it
 * stays on the terminal, where the shell finds it when the program ends without having read it.
 */
static void move_input(void)
{
	struct termios settings = terminal_settings();
	short events;

	relay.offer_again = 0;
	while (!relay.hung_up && relay.input_size == 0 && can_read(terminal_own()->host, &events)) {
		if (settings.c_lflag & ICANON && !appetite_for_input(terminal_own())) {
			relay.offer_again = OFFER_MS;
			return;
		}
		ssize_t got = read(terminal_own()->host, relay.input, sizeof relay.input);
		if (got < 0)
			return;
		relay.input_size = (size_t)got;
		if (got == 0) { /* the end of the file was typed; a single such byte is one inside (EXTPROC) */
			if (events & POLLHUP)
				return;
			relay.input[0] = (char)settings.c_cc[VEOF];
			relay.input_size = 1;
		}
		write_input();
		if (settings.c_lflag & ICANON) {
			/* Until it wakes up the reader of this line looks as if it waited for the next one. */
			relay.offer_again = TAKE_MS;
			return;
		}
	}
}

void relay_run(bool foreground, bool text)
{
	const struct terminal *terminal = terminal_own();
	short events;

	if (!terminal)
		return;
	if (!relay.orphaned && can_read(terminal->leader, &events)) {
		relay.orphaned = true;
		epoll_ctl(relay.epoll, EPOLL_CTL_DEL, terminal->leader, NULL);
	}
	if (relay.hung_up)
		return;
	can_read(terminal->host, &events);
	if (events & (POLLHUP | POLLERR | POLLNVAL)) {
		hang_up();
		return;
	}
	move_output();
	release_text(text);
	if (relay.hung_up)
		return;
	if (relay.input_size > 0)
		write_input();
	if (foreground)
		move_input();
	else
		relay.offer_again = 0;
	if (relay.hung_up)
		return;
	bool full = pending().length > 0, hungry = foreground && !relay.offer_again && !relay.input_size;
	await(terminal->host, (full ? EPOLLOUT : 0u) | (hungry ? EPOLLIN : 0u), &relay.host_events);
	await(terminal->master, (full ? 0u : EPOLLIN) | (relay.input_size ? EPOLLOUT : 0u), &relay.master_events);
}

bool relay_is_idle(void)
{
	return relay.hung_up || (pending().length == 0 && relay.pause == 0);
}

int relay_timeout(void)
{
	int64_t rest = relay.pause ? relay.pause - kernel_now_ms() : -1;
	int pause = !relay.pause ? -1 : rest < 0 ? 0 : (int)rest;

	return !relay.offer_again || (pause >= 0 && pause < relay.offer_again) ? pause : relay.offer_again;
}

bool relay_is_orphaned(void)
{
	return relay.orphaned || relay.hung_up;
}

bool relay_is_hung_up(void)
{
	return relay.hung_up;
}
