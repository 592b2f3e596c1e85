#include "launcher/server.h"

#include "launcher/failure.h"
#include "launcher/program.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX 8192

int connect_to(const char *path, int type)
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

char *server_hint(const struct table *table)
{
	if (table->header->direction == TABLE_TO_HOST)
		return join("on the host: cleanenv start, then activate the environment", NULL);
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

/* Read what the server says until it hangs up. */
static void receive(int server, char reply[REPLY_MAX + 1])
{
	size_t size = 0;

	while (size < REPLY_MAX) {
		ssize_t got = read(server, reply + size, REPLY_MAX - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	reply[size] = '\0';
}

int server_connect(void)
{
	return connect_to(join(runtime_directory(), "/control.sock", NULL), SOCK_STREAM);
}

/* Without a table the call does not depend on the request: then its failure is a warning. */
static void refuse(const struct table *table, const char *what, const char *why, const char *hint)
{
	if (table)
		fail(FAILURE_OWN, what, why, hint);
	failure_warn(join(what, ": ", why, NULL));
}

void server_request(const struct table *table, int server, const char *request, const char *absent)
{
	char reply[REPLY_MAX + 1], *rest = reply;
	size_t size = strlen(request);
	const char *start = table ? server_hint(table) : NULL;

	if (server < 0 || send(server, request, size, MSG_NOSIGNAL) != (ssize_t)size) {
		refuse(table, "environment", absent, start);
		return;
	}
	receive(server, reply);
	close(server);

	/* "ok JSON", a warning in each further field; or "error", what, why, hint. */
	char *result = field(&rest);
	if (!strncmp(result, "ok", 2)) {
		while (*rest)
			failure_warn(field(&rest));
	} else if (strcmp(result, "error") != 0) {
		refuse(table, "environment", "its server ended before it had answered", start);
	} else {
		char *what = field(&rest), *why = field(&rest), *hint = field(&rest);
		refuse(table, what, why, *hint ? hint : NULL);
	}
}
