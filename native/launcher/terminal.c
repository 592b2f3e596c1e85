#include "launcher/terminal.h"

#include "launcher/failure.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TIOCGDEV
#define TIOCGDEV 0x80045432
#endif

#define OPENED (O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)

static bool is_terminal(int descriptor, uint32_t *device)
{
	return ioctl(descriptor, TIOCGDEV, device) == 0;
}

/* Opened anew: O_NONBLOCK, which whoever writes to it needs, would be everybody's on the caller's own. */
static int open_standard(uint32_t *device)
{
	static const char *const names[] = { "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2" };

	for (int number = 0; number < 3; number++) {
		if (!is_terminal(number, device))
			continue;
		int opened = open(names[number], OPENED);
		return opened >= 0 ? opened : fcntl(number, F_DUPFD_CLOEXEC, 3); /* somebody else's, as after su(1) */
	}
	return -1;
}

struct terminal terminal_find(void)
{
	struct terminal terminal = { .descriptor = open("/dev/tty", OPENED) };
	uint32_t device;

	if (terminal.descriptor >= 0 && is_terminal(terminal.descriptor, &terminal.device))
		terminal.session = getsid(0);
	else
		terminal.descriptor = open_standard(&terminal.device);
	if (terminal.descriptor < 0)
		return terminal;
	for (int number = 0; number < 3; number++)
		if (is_terminal(number, &device) && device == terminal.device)
			terminal.standard |= 1u << number;
	return terminal;
}

bool terminal_in_foreground(const struct terminal *terminal)
{
	return terminal->descriptor >= 0 && (terminal->session == 0 || tcgetpgrp(terminal->descriptor) == getpgrp());
}
