#include "agent/spare.h"

#include "agent/program.h"
#include "kernel/descriptors.h"
#include "wire/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ /* musl does not know them yet */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096
#define WARM_STACK 16384 /* bytes that a program's start takes of the stack at most */
#define WARM_HEAP 2048

static pid_t spare;
static int handover = -1; /* the agent's end of the pair over which the spare gets its work */

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
}

/*
 * Wait for work, as root still: privileges go by the connection, which is not known yet. The only one who can send is
 * the agent; its end, or its turning away, is the end.
 */
_Noreturn static void wait_for_work(const struct options *options, int socket)
{
	static _Alignas(8) unsigned char packet[WIRE_SPAWN_MAX];
	int received[WIRE_DESCRIPTORS_MAX];
	size_t count;

	kernel_close_all_but(socket, socket);
	warm_up();
	if (wire_receive(socket, packet, sizeof packet, received, WIRE_DESCRIPTORS_MAX, &count) <= 0 || count == 0)
		_exit(0);
	close(socket);
	program_run(options, received[0], packet, received + 1, count - 1);
}

void spare_prepare(const struct options *options)
{
	int pair[2];

	if (handover >= 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	spare = fork();
	if (spare == 0)
		wait_for_work(options, pair[1]);
	close(pair[1]);
	handover = pair[0];
	if (spare < 0)
		spare_discard();
}

pid_t spare_use(int connection, const void *packet, size_t size, const int *descriptors, size_t count)
{
	int sent[WIRE_DESCRIPTORS_MAX];

	if (handover < 0 || count + 1 > WIRE_DESCRIPTORS_MAX)
		return 0;
	sent[0] = connection;
	memcpy(sent + 1, descriptors, count * sizeof *descriptors);
	int result = wire_send(handover, packet, size, sent, count + 1);
	spare_discard();
	return result < 0 ? 0 : spare;
}

bool spare_is_ready(void)
{
	return handover >= 0;
}

void spare_discard(void)
{
	if (handover >= 0)
		close(handover);
	handover = -1;
}
