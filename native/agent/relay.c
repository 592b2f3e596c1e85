#include "agent/relay.h"

#include "agent/appetite.h"
#include "agent/source.h"
#include "agent/terminal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define OFFER_MS 20 /* between two looks whether a typed line is wanted by now */
#define TAKE_MS 1   /* for a reader to wake up and take the line it got */

static struct {
	int epoll;
	enum source source;
	char output[16384 + 1]; /* for the terminal; the first byte is the packet's kind (tty_ioctl(4), TIOCPKT) */
	size_t output_start, output_end;
	bool held_return; /* a carriage return that may be the pty's own */
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
	size = undo_returns(bytes, size - relay.held_return);
	relay.output_start = (size_t)(bytes - relay.output);
	relay.output_end = relay.output_start + size;
	return true;
}

static void write_output(void)
{
	while (relay.output_start < relay.output_end) {
		ssize_t written = write(terminal_own()->host, relay.output + relay.output_start,
					relay.output_end - relay.output_start);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			if (errno != EAGAIN)
				hang_up();
			return;
		}
		relay.output_start += (size_t)written;
	}
}

/* A return with nothing behind it by the time when the pty is empty is the program's own. */
static void release_return(void)
{
	if (!relay.held_return || relay.output_start < relay.output_end)
		return;
	relay.held_return = false;
	relay.output[1] = '\r';
	relay.output_start = 1;
	relay.output_end = 2;
	write_output();
}

static void move_output(void)
{
	write_output();
	while (!relay.hung_up && relay.output_start == relay.output_end && read_output())
		write_output();
	release_return();
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

void relay_run(bool foreground)
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
	if (relay.input_size > 0)
		write_input();
	if (foreground)
		move_input();
	else
		relay.offer_again = 0;
	if (relay.hung_up)
		return;
	bool full = relay.output_start < relay.output_end, hungry = foreground && !relay.offer_again && !relay.input_size;
	await(terminal->host, (full ? EPOLLOUT : 0u) | (hungry ? EPOLLIN : 0u), &relay.host_events);
	await(terminal->master, (full ? 0u : EPOLLIN) | (relay.input_size ? EPOLLOUT : 0u), &relay.master_events);
}

bool relay_is_idle(void)
{
	return relay.hung_up || relay.output_start == relay.output_end;
}

int relay_timeout(void)
{
	return relay.offer_again ? relay.offer_again : -1;
}

bool relay_is_orphaned(void)
{
	return relay.orphaned || relay.hung_up;
}

bool relay_is_hung_up(void)
{
	return relay.hung_up;
}
