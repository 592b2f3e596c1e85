#include "agent/pool.h"

#include "agent/calls.h"
#include "agent/keeper.h"
#include "agent/source.h"
#include "agent/worker.h"
#include "wire/wire.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct worker {
	enum source source;
	struct worker *next;
	pid_t process;
	const struct options *options;
	int epoll;
	int socket;
};

static struct worker *all;
static struct worker *waiting; /* the one that waits for a connection */

static void forget(struct worker *worker)
{
	struct worker **link = &all;

	while (*link != worker)
		link = &(*link)->next;
	*link = worker->next;
	if (waiting == worker)
		waiting = NULL;
	/* Closing is not enough: its copy in a worker that was forked meanwhile would keep it in the set. */
	epoll_ctl(worker->epoll, EPOLL_CTL_DEL, worker->socket, NULL);
	close(worker->socket);
	free(worker);
}

bool pool_fill(const struct options *options, int epoll, int listening)
{
	struct worker *worker = waiting ? NULL : calloc(1, sizeof *worker);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = worker };
	int pair[2];

	if (waiting)
		return true;
	if (!worker || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		free(worker);
		return false;
	}
	pid_t process = fork();
	if (process == 0)
		worker_serve(options, listening, pair[1]);
	close(pair[1]);
	if (process < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event) < 0) {
		close(pair[0]); /* a worker that cannot tell anybody ends itself */
		free(worker);
		return false;
	}
	*worker = (struct worker){ SOURCE_WORKER, all, process, options, epoll, pair[0] };
	all = waiting = worker;
	return true;
}

/* One message. False when the worker is done with: it is a program now, or it has ended. */
static bool hear_message(struct worker *worker)
{
	_Alignas(8) unsigned char packet[WIRE_PACKET_MAX];
	struct wire_header header;
	struct wire_call call;
	struct wire_terminal terminal;
	int received[3] = { -1, -1, -1 };
	size_t count;
	long size = wire_receive(worker->socket, packet, sizeof packet, received, 3, &count);

	if (size < 0 && errno == EAGAIN)
		return true;
	if (size <= 0)
		return false;
	memcpy(&header, packet, sizeof header);
	memcpy(&call, packet, sizeof call);
	memcpy(&terminal, packet, sizeof terminal);
	if (header.type == WIRE_STARTED && waiting == worker)
		waiting = NULL;
	if (header.type == WIRE_CALL && count == 1) {
		calls_add(worker->epoll, worker->process, received[0], call.group, call.foreground);
		return false;
	}
	if (header.type == WIRE_TERMINAL && count >= 2) {
		keeper_start(worker->options, &terminal, received[0], received[1], received[2]);
		return false;
	}
	while (count > 0)
		close(received[--count]);
	return true;
}

void pool_hear(struct worker *worker)
{
	if (!hear_message(worker))
		forget(worker);
}

void pool_hear_last(pid_t process)
{
	struct worker *worker = all;

	while (worker && worker->process != process)
		worker = worker->next;
	if (!worker)
		return;
	/* Two messages at most, and then the end: nobody else writes there. */
	for (int message = 0; message < 3 && hear_message(worker); message++)
		;
	forget(worker);
}

void pool_abandon(void)
{
	all = waiting = NULL;
}

void pool_drain(void)
{
	if (waiting)
		kill(waiting->process, SIGKILL);
}
