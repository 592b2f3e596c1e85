#include "launcher/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define INPUT 0
#define OUTPUT 1

void terminal_look(struct terminal *terminal)
{
	memset(terminal, 0, sizeof *terminal);
	terminal->master = -1;
	if (tcgetattr(INPUT, &terminal->settings) < 0 || !isatty(OUTPUT))
		return;
	terminal->standard = 1u << INPUT | 1u << OUTPUT;
	if (isatty(2))
		terminal->standard |= 1u << 2;
	ioctl(INPUT, TIOCGWINSZ, &terminal->size);
}

void terminal_enter(struct terminal *terminal)
{
	struct termios raw;

	if (terminal->master < 0)
		return;
	terminal_resize(terminal);
	/* In the background the terminal belongs to somebody else. */
	if (terminal->raw || tcgetpgrp(INPUT) != getpgrp() || tcgetattr(INPUT, &terminal->settings) < 0)
		return;
	raw = terminal->settings;
	raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	terminal->raw = tcsetattr(INPUT, TCSADRAIN, &raw) == 0;
}

void terminal_leave(struct terminal *terminal)
{
	if (terminal->raw)
		tcsetattr(INPUT, TCSADRAIN, &terminal->settings);
	terminal->raw = false;
}

void terminal_attach(struct terminal *terminal, int master)
{
	/* The master is this process' alone, unlike the caller's descriptors, whose flags are everybody's. */
	fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
	terminal->master = master;
	terminal_enter(terminal);
}

void terminal_resize(struct terminal *terminal)
{
	if (terminal->master >= 0 && ioctl(INPUT, TIOCGWINSZ, &terminal->size) == 0)
		ioctl(terminal->master, TIOCSWINSZ, &terminal->size);
}

void terminal_await(const struct terminal *terminal, struct pollfd *input, struct pollfd *output)
{
	bool full = terminal->input_size > 0;

	*input = (struct pollfd){ .fd = terminal->raw && terminal->master >= 0 && !full ? INPUT : -1, .events = POLLIN };
	*output = (struct pollfd){ .fd = terminal->master, .events = (short)(full ? POLLIN | POLLOUT : POLLIN) };
}

static void write_all(int descriptor, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(descriptor, bytes, size);
		if (written < 0 && errno == EAGAIN) {
			/* Somebody made the caller's terminal non-blocking. */
			poll(&(struct pollfd){ .fd = descriptor, .events = POLLOUT }, 1, -1);
			continue;
		}
		if (written < 0 && errno != EINTR)
			return; /* the terminal is gone; SIGHUP comes by itself */
		if (written > 0) {
			bytes += written;
			size -= (size_t)written;
		}
	}
}

/* Returns whether more may be there. */
static bool relay_output(struct terminal *terminal)
{
	char bytes[16384];
	ssize_t got = read(terminal->master, bytes, sizeof bytes);

	if (got > 0) {
		write_all(OUTPUT, bytes, (size_t)got);
		return true;
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
		/* EIO: nobody has the program's side open any more. */
		close(terminal->master);
		terminal->master = -1;
	}
	return false;
}

static void relay_input(struct terminal *terminal)
{
	ssize_t written = write(terminal->master, terminal->input, terminal->input_size);

	if (written > 0) {
		terminal->input_size -= (size_t)written;
		memmove(terminal->input, terminal->input + written, terminal->input_size);
	}
}

void terminal_relay(struct terminal *terminal, const struct pollfd *input, const struct pollfd *output)
{
	if (output->revents & (POLLIN | POLLHUP | POLLERR))
		relay_output(terminal);
	if (input->revents & POLLIN) {
		ssize_t got = read(INPUT, terminal->input, sizeof terminal->input);
		if (got > 0)
			terminal->input_size = (size_t)got;
	}
	if (terminal->input_size > 0 && terminal->master >= 0)
		relay_input(terminal);
}

void terminal_drain(struct terminal *terminal)
{
	/* A read brings what the program wrote before its end (the kernel flushes first); EAGAIN: a child still has the pty. */
	while (terminal->master >= 0 && relay_output(terminal))
		;
}
