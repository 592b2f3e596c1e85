#include "agent/worker.h"

#include "agent/privilege.h"
#include "agent/program.h"
#include "agent/questions.h"
#include "agent/terminal.h"
#include "kernel/descriptors.h"
#include "kernel/parent.h"
#include "kernel/signals.h"
#include "wire/wire.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ /* musl does not know them yet */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096
#define WARM_STACK 16384 /* bytes that a program's start takes of the stack at most */
#define WARM_HEAP 2048
#define PROMPT_MS 2 /* in which a caller says what it wants; who does not keeps a worker to himself */
#define PATIENCE_MS 10000
#define DESCRIPTORS_MAX 65536
#define TURNS_MAX 256 /* programs; then another takes over: what execve found allocated is nobody's to free */

static pid_t parent; /* the agent, or a terminal's keeper; this process ends with it (pool.c) */

/* Where the program begins and ends in memory, and its variables (ld(1)). */
extern char __executable_start[], __bss_start[], end[];

/* Have the kernel map the pages from `first` to before `last` now. A kernel before 5.14 refuses, and they come when used. */
static void map_pages(const char *first, const char *last, int how)
{
	uintptr_t start = (uintptr_t)first & ~(uintptr_t)(PAGE - 1);

	madvise((void *)start, (uintptr_t)last - start, how);
}

/*
 * A fork shares its pages until one of the two writes, and maps those of the file only when they are read: 3 to 7
 * microseconds each, which are spent here, while nobody waits.
 */
static void warm_up(void)
{
	char stack[WARM_STACK];

	map_pages(__executable_start, end, MADV_POPULATE_READ);
	map_pages(__bss_start, end, MADV_POPULATE_WRITE);
	map_pages(stack, stack + sizeof stack, MADV_POPULATE_WRITE);
	free(malloc(WARM_HEAP));
	program_prepare();
}

/* The next connection of somebody who may call. */
static int take_connection(const struct options *options, int listening)
{
	for (;;) {
		int connection = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		if (connection >= 0 && privilege_admits(options, connection))
			return connection;
		if (connection >= 0)
			close(connection);
		else if (errno != EINTR && errno != ECONNABORTED)
			_exit(1);
	}
}

static void tell_agent(int agent, enum wire_type type, const int *descriptors, size_t count)
{
	struct wire_header header = wire_header(type);

	if (wire_send(agent, &header, sizeof header, descriptors, count) < 0)
		_exit(1);
}

/* A terminal for which a keeper is wanted; the answer is the agent's. */
_Noreturn static void hand_over_terminal(int agent, int connection, const struct wire_terminal *terminal,
					 const int *received, size_t count)
{
	int descriptors[3] = { connection, received[0], received[1] };

	if (count < 1 || count > 2 || !isatty(received[0]))
		_exit(1);
	_exit(wire_send(agent, terminal, sizeof *terminal, descriptors, count + 1) < 0);
}

/* How long to wait for what the caller says; 0: for ever. */
static void be_patient(int connection, int milliseconds)
{
	struct timeval limit = { .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 };
	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/* All descriptors of a SPAWN, those of the first packet and of the packets that follow. */
static int *gather(int connection, const struct wire_spawn *spawn, int *received, size_t *count)
{
	unsigned char packet[WIRE_PACKET_MAX];
	struct wire_header header;
	size_t expected = spawn->descriptors + (size_t)(spawn->size == 0);

	if (*count == expected)
		return received;
	int *all = expected <= DESCRIPTORS_MAX ? malloc((expected + WIRE_DESCRIPTORS_MAX) * sizeof *all) : NULL;

	if (!all)
		_exit(1);
	memcpy(all, received, *count * sizeof *all);
	while (*count < expected) {
		size_t more;
		if (wire_receive(connection, packet, sizeof packet, all + *count, WIRE_DESCRIPTORS_MAX, &more) <= 0)
			_exit(1);
		memcpy(&header, packet, sizeof header);
		if (header.type != WIRE_DESCRIPTORS || more == 0)
			_exit(1);
		*count += more;
	}
	if (*count != expected)
		_exit(1);
	return all;
}

/* Become the user, with the first connection; one of somebody else is for another worker. */
static void take_on(const struct options *options, int connection, int agent)
{
	static bool dropped;

	if (dropped && privilege_fits(options, connection))
		return;
	if (dropped) {
		tell_agent(agent, WIRE_STRANGER, &connection, 1);
		_exit(0);
	}
	if (privilege_drop(options, connection) < 0) {
		struct wire_failure failure = { wire_header(WIRE_FAILED), WIRE_STAGE_PRIVILEGE, errno };
		wire_send(connection, &failure, sizeof failure, NULL, 0);
		_exit(1);
	}
	dropped = true;
	kernel_end_with(parent); /* the kernel forgot it with the credentials (prctl(2)) */
}

/* The first packet of a caller. */
static void hear(int connection, int agent, void *packet, int *received, size_t *count)
{
	be_patient(connection, PROMPT_MS);
	long size = wire_receive(connection, packet, WIRE_SPAWN_MAX, received, WIRE_DESCRIPTORS_MAX, count);
	if (size < 0 && errno == EAGAIN) {
		tell_agent(agent, WIRE_STARTED, NULL, 0);
		be_patient(connection, PATIENCE_MS);
		size = wire_receive(connection, packet, WIRE_SPAWN_MAX, received, WIRE_DESCRIPTORS_MAX, count);
	}
	if (size <= 0)
		_exit(1);
}

/* Do what one caller wants. Returns when that was a program, or a question for the agent. */
static void serve_one(const struct options *options, int connection, int agent)
{
	static _Alignas(8) unsigned char packet[WIRE_SPAWN_MAX];
	static int received[WIRE_DESCRIPTORS_MAX];
	struct wire_spawn spawn;
	size_t count;

	/* Until it is a program's, a stop of the container ends this process. */
	kernel_mask(0);
	take_on(options, connection, agent);
	hear(connection, agent, packet, received, &count);
	memcpy(&spawn, packet, sizeof spawn.header);
	if (!options->programs && questions_include(spawn.header.type) && count == 1) {
		close(agent);
		be_patient(connection, 0);
		questions_answer(options, connection, spawn.header.type, received[0]);
	}
	if (spawn.header.type == WIRE_ACTIVITY && count == 0) {
		tell_agent(agent, WIRE_ACTIVITY, &connection, 1);
		close(connection);
		return;
	}
	if (spawn.header.type == WIRE_TERMINAL && !terminal_own()) {
		struct wire_terminal wanted;
		memcpy(&wanted, packet, sizeof wanted);
		hand_over_terminal(agent, connection, &wanted, received, count);
	}
	if (spawn.header.type != WIRE_SPAWN)
		_exit(1);
	memcpy(&spawn, packet, sizeof spawn);
	int *descriptors = gather(connection, &spawn, received, &count);

	/* From here on a signal is the caller's, and waits for the program's own mask. */
	kernel_mask(UINT64_MAX);
	program_start(options, connection, agent, packet, descriptors, count);
	while (count > 0)
		close(descriptors[--count]);
	if (descriptors != received)
		free(descriptors);
	close(connection);
}

_Noreturn void worker_serve(const struct options *options, int listening, int agent, struct worker_turns *turns, int connection)
{
	const struct terminal *terminal = terminal_own();
	/* A copy of another caller's connection or pipe would keep its other end from ever seeing the end. */
	int kept[] = { listening, agent, connection, terminal ? terminal->host : -1, terminal ? terminal->inner : -1 };

	parent = getppid();
	kernel_close_all_but(kept, sizeof kept / sizeof *kept);
	warm_up();
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		if (connection < 0)
			connection = take_connection(options, listening);
		atomic_fetch_add(&turns->begun, 1);
		serve_one(options, connection, agent);
		atomic_fetch_add(&turns->done, 1);
		connection = -1;
	}
	_exit(0);
}
