#include "agent/calls.h"

#include "agent/pool.h"
#include "agent/source.h"
#include "kernel/signals.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS 5000 /* between HUP and KILL, for a program whose launcher died */

struct call {
	enum source source;
	struct call *next;
	int epoll;        /* the set that the connection is in */
	int connection;   /* -1 when the launcher is gone */
	pid_t process;    /* and its process group */
	int64_t deadline; /* when it is killed, in ms of CLOCK_MONOTONIC; 0: never */
};

static struct call *all;
static size_t dying; /* calls with a deadline: without one, nothing has to be looked at for it */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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

void calls_add(int epoll, pid_t process, int connection)
{
	struct call *call = malloc(sizeof *call);
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = call };
	int flags = fcntl(connection, F_GETFL);

	if (!call || fcntl(connection, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &event) < 0) {
		/* Nobody could be told how it ends: it must not run. */
		kill(process, SIGKILL);
		close(connection);
		free(call);
		return;
	}
	*call = (struct call){ SOURCE_CALL, all, epoll, connection, process, 0 };
	all = call;
}

/* The only thing that a launcher has to say is a signal; anything else is as good as its end. */
void calls_hear(struct call *call)
{
	_Alignas(8) unsigned char packet[WIRE_PACKET_MAX];
	int received[WIRE_DESCRIPTORS_MAX];
	struct wire_number number = { .value = 0 };
	size_t count;
	long size = wire_receive(call->connection, packet, sizeof packet, received, WIRE_DESCRIPTORS_MAX, &count);

	if (size < 0 && errno == EAGAIN)
		return;
	if (size == (long)sizeof number)
		memcpy(&number, packet, sizeof number);
	if (number.header.type == WIRE_SIGNAL && count == 0 && number.value >= 1 && number.value <= KERNEL_SIGNALS)
		send_signal(call, number.value);
	else
		lose_launcher(call);
	while (count > 0)
		close(received[--count]);
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
		if (!call) {
			pool_hear_last(process);
			call = find(process);
		}
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
