#include "launcher/agent.h"

#include "launcher/failure.h"
#include "launcher/program.h"
#include "launcher/server.h"
#include "wire/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NUMBER_SIZE 11

static bool is_hook; /* this call, and what it asks on its way */

/* Pidfds came with Linux 5.3; without one the keeper ends with its last call. */
static int open_leader(const struct terminal *terminal)
{
	return terminal->session > 0 ? (int)syscall(SYS_pidfd_open, terminal->session, 0) : -1;
}

/* The digits of a number; printf(3) would be a fifth of the launcher. */
static const char *decimal(char *text, uint32_t number)
{
	char *digit = text + NUMBER_SIZE - 1;

	*digit = '\0';
	do
		*--digit = (char)('0' + number % 10);
	while (number /= 10);
	return digit;
}

/* Hand the terminal over, whose keeper then listens. */
static void open_terminal(const struct table *table, const struct terminal *terminal)
{
	_Alignas(8) unsigned char packet[WIRE_PACKET_MAX];
	struct wire_terminal wanted = { wire_header(WIRE_TERMINAL), terminal->device, terminal->session };
	struct wire_header header = { 0 };
	int sent[] = { terminal->descriptor, open_leader(terminal) }, received;
	size_t count;
	int connection = agent_connect(table);

	if (wire_send(connection, &wanted, sizeof wanted, sent, sent[1] < 0 ? 1 : 2) < 0 ||
	    wire_receive(connection, packet, sizeof packet, &received, 1, &count) <= 0)
		fail(FAILURE_OWN, "terminal", "the agent does not answer", server_hint(table));
	memcpy(&header, packet, sizeof header);
	if (header.type != WIRE_STARTED)
		fail(FAILURE_OWN, "terminal", "the container has none for it", "cleanenv status");
	close(connection);
	close(sent[1]);
}

int agent_call(const struct table *table, const struct terminal *terminal, bool hook)
{
	is_hook = hook;
	char device[NUMBER_SIZE], session[NUMBER_SIZE];

	if (terminal->descriptor < 0)
		return agent_connect(table);
	char *path = join(runtime_directory(), "/agent/terminal-", decimal(device, terminal->device), "-",
			  decimal(session, (uint32_t)terminal->session), ".sock", NULL);
	int connection = connect_to(path, SOCK_SEQPACKET);
	if (connection < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
		open_terminal(table, terminal);
		connection = connect_to(path, SOCK_SEQPACKET);
	}
	if (connection < 0)
		fail(FAILURE_OWN, path, strerror(errno), server_hint(table));
	return connection;
}

/* A hook is let in while the environment closes: the sockets are where no caller looks then (cleanenv/gate.py). */
static int connect_hook(void)
{
	return connect_to(join(runtime_directory(), "/closing/agent.sock", NULL), SOCK_SEQPACKET);
}

int agent_connect(const struct table *table)
{
	char *path = join(runtime_directory(), "/agent/agent.sock", NULL);
	int connection = connect_to(path, SOCK_SEQPACKET);

	if (connection < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
		if (is_hook) {
			connection = connect_hook();
		} else {
			server_request(table, server_connect(), "start\n",
				       table->header->direction == TABLE_TO_HOST ?
					       "its server on the host is gone" :
					       "its container is not running and its server is gone");
			connection = connect_to(path, SOCK_SEQPACKET);
		}
	}
	if (connection < 0)
		fail(FAILURE_OWN, path, strerror(errno), server_hint(table));
	free(path);
	return connection;
}

void agent_exists(const struct table *table, char *const *paths, size_t count, char *answers)
{
	unsigned char packet[WIRE_PACKET_MAX];
	struct wire_header header = wire_header(WIRE_EXISTS);
	size_t size = 0, received = 0;
	int answer = -1;

	for (size_t i = 0; i < count; i++)
		size += strlen(paths[i]) + 1;
	char *question = allocate(NULL, size), *end = question;
	for (size_t i = 0; i < count; i++)
		end = stpcpy(end, paths[i]) + 1;

	int connection = agent_connect(table), descriptor = wire_seal(question, size);
	const char *bytes = NULL;
	if (descriptor >= 0 && wire_send(connection, &header, sizeof header, &descriptor, 1) == 0 &&
	    wire_receive(connection, packet, sizeof packet, &answer, 1, &received) > 0 && received == 1)
		bytes = wire_map(answer, WIRE_QUESTION_MAX, &size);
	if (!bytes || size != count)
		fail(FAILURE_OWN, "agent", "it did not answer which paths exist in the container", server_hint(table));
	memcpy(answers, bytes, count);
	munmap((void *)bytes, size);
	close(answer);
	close(descriptor);
	close(connection);
	free(question);
}
