#include "launcher/agent.h"

#include "launcher/failure.h"
#include "launcher/program.h"
#include "wire/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX 8192 /* of the environment server */

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
