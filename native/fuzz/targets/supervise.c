/*
 * A call as the launcher sees it: packets of the agent in any order, between signals, until the agent is gone or says how the program
 * has ended; then the launcher ends like it.
 */
#include "launcher/supervise.h"

#include "fuzz/fuzz.h"
#include "fuzz/packet.h"
#include "fuzz/process.h"
#include "launcher/signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum step { STEP_PACKET, STEP_SIGNAL, STEP_INTERRUPTION, STEP_MOVE, STEP_TIME_PASSES, STEPS };

static struct {
	struct input input;
	int agent, signals; /* the other ends */
	bool in_foreground;
} world;

REPLACE(int, kernel_signalfd, void)
{
	int pair[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	world.signals = pair[1];
	return pair[0];
}

static void send_signal(struct input *input)
{
	struct signalfd_siginfo info = { .ssi_signo = input_byte(input) % 64 + 1u };

	info.ssi_code = input_byte(input) & 1 ? SI_KERNEL : SI_USER;
	send(world.signals, &info, sizeof info, 0);
}

/* What the launcher says is not looked at, only made room for. */
static void drain(void)
{
	char packet[256];

	while (recv(world.agent, packet, sizeof packet, MSG_DONTWAIT) > 0)
		;
}

ORIGINAL(int, poll, struct pollfd *ready, nfds_t count, int timeout);

/* Where the launcher waits, the next thing happens. When nothing is left to happen the agent is gone. */
REPLACE(int, poll, struct pollfd *ready, nfds_t count, int timeout)
{
	struct input *input = &world.input;

	if (!process_is_running())
		return original_poll(ready, count, timeout);
	REQUIRE(timeout >= -1);
	drain();
	if (input->left == 0)
		shutdown(world.agent, SHUT_WR);
	switch ((enum step)(input_byte(input) % STEPS)) {
	case STEP_PACKET:
		packet_send(world.agent, input);
		break;
	case STEP_SIGNAL:
		send_signal(input);
		break;
	case STEP_MOVE:
		world.in_foreground = !world.in_foreground;
		break;
	case STEP_TIME_PASSES:
		ready[0].revents = ready[1].revents = 0;
		return timeout < 0 ? original_poll(ready, count, 0) : 0;
	case STEP_INTERRUPTION: /* a stop and a continue */
	case STEPS:
	default:
		ready[0].revents = ready[1].revents = 0;
		errno = EINTR;
		return -1;
	}
	return original_poll(ready, count, 0);
}

REPLACE(bool, terminal_in_foreground, const struct terminal *terminal)
{
	return terminal && world.in_foreground;
}

/* A launcher sends signals to itself and to its own group, and to nobody else. */
REPLACE(int, kill, pid_t process, int number)
{
	REQUIRE((process == 0 || process == getpid()) && number >= 1 && number <= 64);
	return 0;
}

REPLACE(uint64_t, kernel_mask, uint64_t blocked)
{
	return ~blocked;
}

REPLACE(void, kernel_ignore, int number, bool ignored)
{
	REQUIRE(number >= 1 && number <= 64 && !ignored);
}

REPLACE(int, mlock, const void *address, size_t length)
{
	(void)address, (void)length;
	return 0;
}

REPLACE(ssize_t, writev, int descriptor, const struct iovec *parts, int count)
{
	REQUIRE(descriptor == 2 && count > 1);
	for (int i = 0; i < count; i++)
		REQUIRE(strlen(parts[i].iov_base) == parts[i].iov_len);
	return (ssize_t)parts[0].iov_len;
}

static void call(void *context)
{
	const char *candidates[] = { "/usr/bin/program", NULL };
	const struct program program = { .name = "program", .candidates = candidates, .candidate_count = 1 };
	const struct terminal terminal = { .descriptor = -1, .session = world.input.left % 2 };
	const struct text text = { .count = 0 };
	int pair[2];
	(void)context;

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	world.agent = pair[1];
	signals_end_as(supervise(pair[0], &program, "/", &terminal, &text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	world.input = (struct input){ data, size };
	world.in_foreground = false;
	REQUIRE(process_run(call, NULL) >= 0);
	return 0;
}
