#include "launcher/agent.h"

#include "launcher/failure.h"
#include "launcher/program.h"
#include "wire/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX 8192 /* of the environment server */
#define NUMBER_SIZE 11

/* A connected socket, or -1 with errno. */
static int connect_to(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int connection = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	int result;

	if (connection < 0)
		return -1;
	if (strlen(path) >= sizeof address.sun_path) {
		close(connection);
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	do
		result = connect(connection, (struct sockaddr *)&address, sizeof address);
	while (result < 0 && errno == EINTR);
	if (result == 0)
		return connection;
	int error = errno;
	close(connection);
	errno = error;
	return -1;
}

static char *hint_start(const struct table *table)
{
	return join("cleanenv start -e '", table_string(table, table->header->environment), "'", NULL);
}

/* The next field of a reply: up to a tab or the end of the line. */
static char *field(char **rest)
{
	char *start = *rest;

	*rest += strcspn(*rest, "\t\n");
	if (**rest)
		*(*rest)++ = '\0';
	return start;
}

/*
 * Have the environment server start the container. When the agent listens, or cannot, it answers in one line: "ok …" or
 * "error<TAB>what<TAB>why<TAB>hint" (cleanenv/server/control.py).
 */
static void start_container(const struct table *table)
{
	char reply[REPLY_MAX + 1];
	size_t size = 0;
	int server = connect_to(join(runtime_directory(), "/control.sock", NULL), SOCK_STREAM);

	if (server < 0 || send(server, "start\n", 6, MSG_NOSIGNAL) != 6)
		fail(FAILURE_OWN, "environment", "its container is not running and its server is gone", hint_start(table));
	while (size < REPLY_MAX) {
		ssize_t got = read(server, reply + size, REPLY_MAX - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	reply[size] = '\0';
	close(server);

	if (!strncmp(reply, "ok", 2))
		return;
	char *rest = reply;
	if (strcmp(field(&rest), "error") != 0)
		fail(FAILURE_OWN, "environment", "its server ended while it started the container", hint_start(table));
	char *what = field(&rest), *why = field(&rest), *hint = field(&rest);
	fail(FAILURE_OWN, what, why, *hint ? hint : NULL);
}

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
		fail(FAILURE_OWN, "terminal", "the agent does not answer", hint_start(table));
	memcpy(&header, packet, sizeof header);
	if (header.type != WIRE_STARTED)
		fail(FAILURE_OWN, "terminal", "the container has none for it", "cleanenv status");
	close(connection);
	close(sent[1]);
}

int agent_call(const struct table *table, const struct terminal *terminal)
{
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
		fail(FAILURE_OWN, path, strerror(errno), hint_start(table));
	return connection;
}

int agent_connect(const struct table *table)
{
	char *path = join(runtime_directory(), "/agent/agent.sock", NULL);
	int connection = connect_to(path, SOCK_SEQPACKET);

	if (connection < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
		start_container(table);
		connection = connect_to(path, SOCK_SEQPACKET);
	}
	if (connection < 0)
		fail(FAILURE_OWN, path, strerror(errno), hint_start(table));
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
		fail(FAILURE_OWN, "agent", "it did not answer which paths exist in the container", hint_start(table));
	memcpy(answers, bytes, count);
	munmap((void *)bytes, size);
	close(answer);
	close(descriptor);
	close(connection);
	free(question);
}
