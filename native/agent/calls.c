#include "agent/calls.h"

#include "agent/privilege.h"
#include "agent/program.h"
#include "agent/questions.h"
#include "agent/spare.h"
#include "kernel/signals.h"
#include "wire/wire.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS 5000 /* between HUP and KILL, for a program whose launcher died */
#define DESCRIPTORS_PER_CALL 65536

struct call {
	struct call *next;
	int epoll;      /* the set that the connection is in */
	int connection; /* -1 when the launcher is gone */
	pid_t process;  /* and its process group; 0 while the request is not complete */
	int64_t deadline; /* when it is killed, in ms of CLOCK_MONOTONIC; 0: never */

	bool spoke;        /* the first message came */
	uint32_t expected; /* descriptors, the request's among them if it is one */
	int *descriptors;
	size_t count;
	void *packet; /* the SPAWN, while descriptors are missing */
	size_t size;
};

static struct call *all;
static size_t dying; /* calls with a deadline: without one, nothing has to be looked at for it */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void forget_descriptors(struct call *call)
{
	while (call->count > 0)
		close(call->descriptors[--call->count]);
	free(call->descriptors);
	free(call->packet);
	call->descriptors = NULL;
	call->packet = NULL;
}

/*
 * Close the connection. Closing alone would not take it out of the epoll set as long as a child between fork and execve
 * has a copy, and its next event would name a call that is no more.
 */
static void hang_up(struct call *call)
{
	if (call->connection < 0)
		return;
	epoll_ctl(call->epoll, EPOLL_CTL_DEL, call->connection, NULL);
	close(call->connection);
	call->connection = -1;
}

static void forget(struct call *call)
{
	struct call **link = &all;

	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	if (call->deadline)
		dying--;
	hang_up(call);
	forget_descriptors(call);
	free(call);
}

/*
 * To the program's process group; before the child has made it, to the child. Signals are blocked there until execve, so
 * none is lost.
 */
static void send_signal(const struct call *call, int number)
{
	if (kill(-call->process, number) < 0 && errno == ESRCH)
		kill(call->process, number);
}

/* The launcher is gone: the program goes too, asked first, as when a terminal goes away. */
static void lose_launcher(struct call *call)
{
	if (call->process == 0) {
		forget(call);
		return;
	}
	hang_up(call);
	call->deadline = now_ms() + GRACE_MS;
	dying++;
	send_signal(call, SIGHUP);
	send_signal(call, SIGCONT);
}

/* A message that does not get through (a launcher that does not read) is a launcher that is gone. */
static void tell(struct call *call, const void *packet, size_t size)
{
	if (call->connection >= 0 && wire_send(call->connection, packet, size, NULL, 0) < 0)
		lose_launcher(call);
}

void calls_accept(const struct options *options, int epoll, int connection)
{
	struct call *call = privilege_admits(options, connection) ? calloc(1, sizeof *call) : NULL;
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = call };

	if (!call || epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &event) < 0) {
		close(connection);
		free(call);
		return;
	}
	call->epoll = epoll;
	call->connection = connection;
	call->next = all;
	all = call;
}

/* Add received descriptors to those of the call; they are the call's then, or closed. */
static bool keep_descriptors(struct call *call, const int *received, size_t count)
{
	int *more = NULL;

	if (count == 0)
		return true;
	if (call->count + count <= call->expected)
		more = realloc(call->descriptors, (call->count + count) * sizeof *more);
	if (!more) {
		while (count > 0)
			close(received[--count]);
		return false;
	}
	memcpy(more + call->count, received, count * sizeof *more);
	call->descriptors = more;
	call->count += count;
	return true;
}

static bool start(const struct options *options, struct call *call, const void *packet, size_t size)
{
	pid_t process = spare_use(call->connection, packet, size, call->descriptors, call->count);

	if (process == 0)
		process = fork();
	if (process == 0)
		program_run(options, call->connection, packet, call->descriptors, call->count);
	if (process < 0) {
		struct wire_failure failure = { wire_header(WIRE_FAILED), WIRE_STAGE_AGENT, errno };
		wire_send(call->connection, &failure, sizeof failure, NULL, 0);
		return false;
	}
	call->process = process;
	forget_descriptors(call);
	return true;
}

static bool hear_spawn(const struct options *options, struct call *call, const void *packet, size_t size,
		       const int *received, size_t count)
{
	struct wire_spawn spawn;

	memcpy(&spawn, packet, sizeof spawn);
	if (spawn.descriptors < DESCRIPTORS_PER_CALL)
		call->expected = spawn.descriptors + (spawn.size == 0);
	if (!keep_descriptors(call, received, count) || spawn.descriptors >= DESCRIPTORS_PER_CALL)
		return false;
	if (call->count == call->expected)
		return start(options, call, packet, size);
	call->packet = malloc(size);
	call->size = size;
	if (call->packet)
		memcpy(call->packet, packet, size);
	return call->packet != NULL;
}

/*
 * A question: the connection moves to a process of its own, which the agent only reaps. Answers false: here it is
 * at its end.
 */
static bool hear_question(const struct options *options, struct call *call, uint16_t type, const int *received,
			  size_t count)
{
	call->expected = 1;
	if (keep_descriptors(call, received, count) && call->count == 1 && fork() == 0)
		questions_answer(options, call->connection, type, call->descriptors[0]);
	return false;
}

static bool hear_message(const struct options *options, struct call *call, const void *packet, size_t size,
			 const int *received, size_t count)
{
	struct wire_header header;
	struct wire_number number;

	memcpy(&header, packet, sizeof header);
	bool first = !call->spoke;
	call->spoke = true;
	if (first && header.type == WIRE_SPAWN)
		return hear_spawn(options, call, packet, size, received, count);
	if (first && questions_include(header.type))
		return hear_question(options, call, header.type, received, count);
	if (call->packet && header.type == WIRE_DESCRIPTORS && count > 0)
		return keep_descriptors(call, received, count) &&
		       (call->count < call->expected || start(options, call, call->packet, call->size));
	if (call->process > 0 && header.type == WIRE_SIGNAL && count == 0) {
		memcpy(&number, packet, sizeof number);
		if (number.value < 1 || number.value > KERNEL_SIGNALS)
			return false;
		send_signal(call, number.value);
		return true;
	}
	while (count > 0)
		close(received[--count]);
	return false;
}

void calls_hear(const struct options *options, struct call *call)
{
	static _Alignas(8) unsigned char packet[WIRE_SPAWN_MAX];
	int received[WIRE_DESCRIPTORS_MAX];
	size_t count;

	long size = wire_receive(call->connection, packet, sizeof packet, received, WIRE_DESCRIPTORS_MAX, &count);
	if (size < 0 && errno == EAGAIN)
		return;
	if (size <= 0 || !hear_message(options, call, packet, (size_t)size, received, count))
		lose_launcher(call);
}

static struct call *find(pid_t process)
{
	struct call *call = all;

	while (call && call->process != process)
		call = call->next;
	return call;
}

static void report(struct call *call, int status)
{
	struct wire_number stopped = { wire_header(WIRE_STOPPED), 0 };
	struct wire_number exited = { wire_header(WIRE_EXITED), status };
	struct wire_header continued = wire_header(WIRE_CONTINUED);

	if (WIFSTOPPED(status)) {
		stopped.value = WSTOPSIG(status);
		tell(call, &stopped, sizeof stopped);
	} else if (WIFCONTINUED(status)) {
		tell(call, &continued, sizeof continued);
	} else {
		if (call->connection >= 0)
			wire_send(call->connection, &exited, sizeof exited, NULL, 0);
		forget(call);
	}
}

bool calls_reap(void)
{
	for (;;) {
		int status;
		pid_t process = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED);
		if (process < 0 && errno == EINTR)
			continue;
		if (process <= 0)
			return process == 0;
		struct call *call = find(process);
		if (call)
			report(call, status);
	}
}

int calls_timeout(void)
{
	int64_t nearest = 0;

	if (dying == 0)
		return -1;
	for (const struct call *call = all; call; call = call->next)
		if (call->deadline && (!nearest || call->deadline < nearest))
			nearest = call->deadline;
	int64_t now = now_ms();
	return nearest <= now ? 0 : (int)(nearest - now);
}

void calls_expire(void)
{
	if (dying == 0)
		return;
	int64_t now = now_ms();
	for (struct call *call = all; call; call = call->next) {
		if (call->deadline && call->deadline <= now) {
			call->deadline = 0;
			dying--;
			send_signal(call, SIGKILL);
		}
	}
}
