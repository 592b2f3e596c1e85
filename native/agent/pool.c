#include "agent/pool.h"

#include "agent/calls.h"
#include "agent/keeper.h"
#include "agent/source.h"
#include "agent/worker.h"
#include "kernel/clock.h"
#include "kernel/parent.h"
#include "wire/wire.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASKERS_MAX 16 /* at a time; others are turned away */
#define BUSY_MS 5 /* all workers together, until there is another: starting a program takes a tenth of that */

struct worker {
	enum source source;
	struct worker *next;
	pid_t process;
	const struct options *options;
	int epoll;
	int listening;
	int socket;
	struct worker_turns *turns;
	uint32_t done; /* turns when all began to be busy */
};

/* Who asked how much the container is used: the connection, and the worker that took it, at which turn. */
static struct asker {
	int connection;
	pid_t worker;
	uint32_t begun;
} askers[ASKERS_MAX];
static size_t asker_count;

static struct worker *all;
static int64_t busy_since; /* in ms of CLOCK_MONOTONIC; 0: somebody waits */

static void forget(struct worker *worker)
{
	struct worker **link = &all;

	while (*link != worker)
		link = &(*link)->next;
	*link = worker->next;
	/* Closing is not enough: its copy in a worker that was forked meanwhile would keep it in the set. */
	epoll_ctl(worker->epoll, EPOLL_CTL_DEL, worker->socket, NULL);
	close(worker->socket);
	munmap(worker->turns, sizeof *worker->turns);
	free(worker);
}

/* Have its process, and what it says, made for a worker. Returns false, with nothing left of it, when it cannot be done. */
static bool start(struct worker *worker, int connection)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = worker };
	int pair[2], yes = 1;

	worker->turns = mmap(NULL, sizeof *worker->turns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (worker->turns == MAP_FAILED)
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		munmap(worker->turns, sizeof *worker->turns);
		return false;
	}
	worker->socket = pair[0];
	bool ready = setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0 &&
		     epoll_ctl(worker->epoll, EPOLL_CTL_ADD, pair[0], &event) == 0;
	pid_t self = getpid();
	worker->process = ready ? fork() : -1;
	if (worker->process == 0) {
		/* Nobody could be served any more. In a container the kernel ends all; a keeper, or the agent of a test, has only this. */
		kernel_end_with(self);
		worker_serve(worker->options, worker->listening, pair[1], worker->turns, connection);
	}
	close(pair[1]);
	if (worker->process > 0)
		return true;
	epoll_ctl(worker->epoll, EPOLL_CTL_DEL, pair[0], NULL);
	close(pair[0]);
	munmap(worker->turns, sizeof *worker->turns);
	return false;
}

/* Another worker, which begins with `connection` if there is one. */
static bool add(const struct options *options, int epoll, int listening, int connection)
{
	struct worker *worker = malloc(sizeof *worker);

	if (!worker)
		return false;
	*worker = (struct worker){ .source = SOURCE_WORKER, .options = options, .epoll = epoll, .listening = listening };
	if (!start(worker, connection)) {
		free(worker);
		return false;
	}
	worker->next = all;
	all = worker;
	return true;
}

static bool waits(const struct worker *worker)
{
	return atomic_load(&worker->turns->begun) == atomic_load(&worker->turns->done);
}

/* Whether all are busy; noted when that began, and how far each was. */
static bool are_busy(void)
{
	for (const struct worker *worker = all; worker; worker = worker->next) {
		if (waits(worker)) {
			busy_since = 0;
			return false;
		}
	}
	if (!busy_since) {
		busy_since = kernel_now_ms();
		for (struct worker *worker = all; worker; worker = worker->next)
			worker->done = atomic_load(&worker->turns->done);
	}
	return true;
}

/* How many have come on since all are busy. The others are held up: by a caller who says nothing, or a directory that hangs. */
static int count_active(void)
{
	int active = 0;

	for (const struct worker *worker = all; worker; worker = worker->next)
		active += worker->done != atomic_load(&worker->turns->done);
	return active;
}

static int count_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

bool pool_fill(const struct options *options, int epoll, int listening)
{
	if (all && (!are_busy() || pool_timeout() > 0))
		return true;
	busy_since = 0;
	/* One for each processor is as many as can do anything at a time. */
	return (all && count_active() >= count_processors()) || add(options, epoll, listening, -1);
}

int pool_timeout(void)
{
	int64_t left = busy_since + BUSY_MS - kernel_now_ms();

	return !busy_since ? -1 : left > 0 ? (int)left : 0;
}

/* Somebody asks how much the container is used. */
static void note_asker(const struct worker *worker, int connection)
{
	if (asker_count < ASKERS_MAX)
		askers[asker_count++] = (struct asker){ connection, worker->process, atomic_load(&worker->turns->begun) };
	else
		close(connection);
}

/* How many callers have connected and not said yet what they want, but for the one who asks. */
static uint64_t count_callers(const struct asker *asker)
{
	uint64_t count = 0;

	for (const struct worker *worker = all; worker; worker = worker->next)
		count += !waits(worker) &&
			 (worker->process != asker->worker || atomic_load(&worker->turns->begun) != asker->begun);
	return count;
}

/* One message. False when the worker is done with. */
static bool hear_message(struct worker *worker, bool *more)
{
	_Alignas(8) unsigned char packet[WIRE_PACKET_MAX];
	struct wire_header header;
	struct wire_call call;
	struct wire_terminal terminal;
	int received[3] = { -1, -1, -1 };
	pid_t sender;
	size_t count;
	long size = wire_receive_from(worker->socket, packet, sizeof packet, received, 3, &count, &sender);

	*more = size > 0;
	if (size < 0 && errno == EAGAIN)
		return true;
	if (size <= 0)
		return false;
	memcpy(&header, packet, sizeof header);
	memcpy(&call, packet, sizeof call);
	memcpy(&terminal, packet, sizeof terminal);
	if (header.type == WIRE_CALL && (count == 1 || count == 2) && sender > 0) {
		calls_add(worker->epoll, sender, received[0], &call, received[1]);
		return true;
	}
	if (header.type == WIRE_ACTIVITY && count == 1) {
		note_asker(worker, received[0]);
		return true;
	}
	if (header.type == WIRE_TERMINAL && count >= 2) {
		keeper_start(worker->options, &terminal, received[0], received[1], received[2]);
		return true;
	}
	if (header.type == WIRE_STRANGER && count == 1)
		add(worker->options, worker->epoll, worker->listening, received[0]);
	while (count > 0)
		close(received[--count]);
	return true;
}

void pool_hear(struct worker *worker)
{
	bool more;

	if (!hear_message(worker, &more))
		forget(worker);
}

void pool_hear_all(void)
{
	for (struct worker *worker = all, *next; worker; worker = next) {
		bool more = true, lives = true;
		next = worker->next;
		while (more && lives)
			lives = hear_message(worker, &more);
		if (!lives)
			forget(worker);
	}
}

void pool_answer(void)
{
	for (size_t i = 0; i < asker_count; i++) {
		const struct asker *asker = &askers[i];
		struct wire_active active = { .header = wire_header(WIRE_ACTIVE), .calls = count_callers(asker) };
		/* In this order: a worker that waits has told of its last call. */
		pool_hear_all();
		active.calls += calls_in_use();
		active.idle_ms = calls_idle_ms();
		wire_send(asker->connection, &active, sizeof active, NULL, 0);
		close(asker->connection);
	}
	asker_count = 0;
}

void pool_abandon(void)
{
	all = NULL;
	asker_count = 0;
	busy_since = 0;
}

void pool_drain(void)
{
	for (const struct worker *worker = all; worker; worker = worker->next)
		kill(worker->process, SIGKILL);
}
