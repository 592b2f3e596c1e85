#include "launcher/supervise.h"

#include "kernel/signals.h"
#include "launcher/failure.h"
#include "launcher/memory.h"
#include "launcher/signals.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT_MS 1000

struct call {
	int connection;
	int signals;
	const struct program *program;
	const char *directory;
	const struct terminal *terminal;
	int continuing; /* SIGCONTs that the agent has not confirmed: a stop that it tells of meanwhile is over */
	bool ended;
	int status;
};

_Noreturn static void fail_call(struct call *call, enum failure_status status, const char *why, const char *hint)
{
	fail(status, call->program->name, why, hint);
}

_Noreturn static void fail_start(struct call *call, const struct wire_failure *failure)
{
	const char *reason = strerror(failure->error), *path = call->program->candidates[0];

	switch ((enum wire_stage)failure->stage) {
	case WIRE_STAGE_EXECUTE:
		if (failure->error == ENOENT)
			fail_call(call, FAILURE_NOT_FOUND, join(call->program->there, " has no ", path, NULL),
				  call->program->on_host ? NULL : "install it in the container, or link another path");
		fail_call(call, FAILURE_NOT_EXECUTABLE, join(path, " cannot be executed: ", reason, NULL), NULL);
	case WIRE_STAGE_DIRECTORY:
		fail_call(call, FAILURE_OWN, join("cannot enter ", call->directory, " in ", call->program->there, ": ", reason, NULL),
			  "cd to a directory that you may enter");
	case WIRE_STAGE_PRIVILEGE:
		fail_call(call, FAILURE_OWN, join("the agent cannot become the user: ", reason, NULL), NULL);
	case WIRE_STAGE_TERMINAL:
		fail_call(call, FAILURE_OWN, join("no terminal in ", call->program->there, ": ", reason, NULL), NULL);
	case WIRE_STAGE_PERMISSION:
		fail_call(call, FAILURE_NOT_EXECUTABLE, join(call->program->there, " does not allow it: ", reason, NULL), NULL);
	case WIRE_STAGE_REQUEST:
	case WIRE_STAGE_AGENT:
	default:
		fail_call(call, FAILURE_OWN, join("the agent could not start it: ", reason, NULL), NULL);
	}
}

static void send_signal(struct call *call, int number, bool by_kernel)
{
	struct wire_signal message = { wire_header(WIRE_SIGNAL), number, by_kernel ? WIRE_BY_KERNEL : 0 };

	if (number == SIGCONT && terminal_in_foreground(call->terminal))
		message.flags |= WIRE_IN_FOREGROUND;
	if (wire_send(call->connection, &message, sizeof message, NULL, 0) == 0 && number == SIGCONT)
		call->continuing++;
}

/*
 * The program stopped. One that wants the terminal gets it when the caller is in the foreground by now (a shell brings a running job
 * there without a signal). Else the launcher stops too, for the shell to see, and with it, as at a key or a refused read,
 * everybody of its group: a shell script waits for its child and would not know.
 */
static void stop(struct call *call, int number)
{
	struct wire_header foreground = wire_header(WIRE_FOREGROUND);
	bool refused = number == SIGTTIN || number == SIGTTOU;

	if (refused && terminal_in_foreground(call->terminal)) {
		wire_send(call->connection, &foreground, sizeof foreground, NULL, 0);
		return;
	}
	signals_stop_by(number, call->terminal->session > 0 && (refused || number == SIGTSTP));
	/* Said here too: in an orphaned group the kernel does not stop anybody, and nobody is continued. */
	send_signal(call, SIGCONT, false);
}

static bool is_signal(int number)
{
	return number >= 1 && number <= KERNEL_SIGNALS;
}

/* A wait status as it is at an end (waitpid(2)): an exit code, or a signal and whether it left a core. */
static bool is_end(int status)
{
	return WTERMSIG(status) ? is_signal(WTERMSIG(status)) && !(status & ~0xff) : !(status & ~0xff00);
}

static void hear_agent(struct call *call)
{
	_Alignas(8) unsigned char packet[WIRE_PACKET_MAX];
	struct wire_header header;
	struct wire_number number;
	struct wire_failure failure;
	size_t count;
	long size = wire_receive(call->connection, packet, sizeof packet, NULL, 0, &count);

	if (size <= 0)
		fail_call(call, FAILURE_OWN,
			  call->program->on_host ? "the host has ended it: no shell and no call is in the environment"
						 : "the container ended before the program did",
			  call->program->on_host ? NULL : "cleanenv status");
	memcpy(&header, packet, sizeof header);
	memcpy(&number, packet, sizeof number);
	memcpy(&failure, packet, sizeof failure);
	if (header.type == WIRE_STOPPED && is_signal(number.value)) {
		if (!call->continuing)
			stop(call, number.value);
	} else if (header.type == WIRE_PING) {
		struct wire_header pong = wire_header(WIRE_PONG);
		wire_send(call->connection, &pong, sizeof pong, NULL, 0);
	} else if (header.type == WIRE_EXITED && is_end(number.value)) {
		call->ended = true;
		call->status = number.value;
	} else if (header.type == WIRE_FAILED) {
		fail_start(call, &failure);
	} else if (header.type == WIRE_CONTINUED) {
		call->continuing--;
	} else {
		fail_call(call, FAILURE_OWN, "the agent speaks another protocol", "cleanenv stop && cleanenv start");
	}
}

static void forward_signals(struct call *call)
{
	struct signalfd_siginfo info;

	while (read(call->signals, &info, sizeof info) == (ssize_t)sizeof info)
		send_signal(call, (int)info.ssi_signo, info.ssi_code == SI_KERNEL);
}

int supervise(int connection, const struct program *program, const char *directory, const struct terminal *terminal,
	      const struct text *text)
{
	struct call call = { .connection = connection, .program = program, .directory = directory, .terminal = terminal };

	call.signals = kernel_signalfd();
	if (call.signals < 0)
		fail(FAILURE_OWN, program->name, strerror(errno), NULL);
	for (int timeout = SHORT_MS; !call.ended;) {
		struct pollfd ready[2] = { { .fd = connection, .events = POLLIN }, { .fd = call.signals, .events = POLLIN } };
		int count = poll(ready, 2, timeout);
		if (count == 0) {
			memory_pin();
			timeout = -1;
		}
		if (count <= 0)
			continue; /* EINTR: a stop and continue */
		if (ready[1].revents)
			forward_signals(&call);
		if (ready[0].revents)
			hear_agent(&call);
	}
	if (text->count > 0)
		text_settle(text, call.signals);
	return call.status;
}
