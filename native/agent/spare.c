#include "agent/spare.h"

#include "agent/program.h"
#include "kernel/descriptors.h"
#include "wire/wire.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pid_t spare;
static int handover = -1; /* the agent's end of the pair over which the spare gets its work */

/*
 * Wait for work, as root still: privileges go by the connection, which is not known yet. The only one who can send is
 * the agent; its end, or its turning away, is the end.
 */
_Noreturn static void wait_for_work(const struct options *options, int socket)
{
	unsigned char packet[WIRE_PACKET_MAX];
	int received[WIRE_DESCRIPTORS_MAX];
	size_t count;

	kernel_close_all_but(socket, socket);
	if (wire_receive(socket, packet, received, WIRE_DESCRIPTORS_MAX, &count) <= 0 || count < 2)
		_exit(0);
	close(socket);
	program_run(options, received[0], received + 1, count - 1);
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

pid_t spare_use(int connection, const int *descriptors, size_t count)
{
	struct wire_header header = wire_header(WIRE_DESCRIPTORS);
	int sent[WIRE_DESCRIPTORS_MAX];

	if (handover < 0 || count + 1 > WIRE_DESCRIPTORS_MAX)
		return 0;
	sent[0] = connection;
	memcpy(sent + 1, descriptors, count * sizeof *descriptors);
	int result = wire_send(handover, &header, sizeof header, sent, count + 1);
	spare_discard();
	return result < 0 ? 0 : spare;
}

void spare_discard(void)
{
	if (handover >= 0)
		close(handover);
	handover = -1;
}
