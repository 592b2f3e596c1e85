/* What the launcher asks before a call: a start of the container, which paths exist, a terminal. Any reply gets it on or ends it. */
#include "launcher/agent.h"

#include "fuzz/fuzz.h"
#include "fuzz/packet.h"
#include "fuzz/process.h"
#include "launcher/failure.h"
#include "launcher/program.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PACKETS_MAX 3
#define PATHS 4

static struct input *input;

REPLACE(const char *, runtime_directory, void)
{
	return "/nowhere";
}

/* Each connection has its whole reply in it already, and then ends. */
REPLACE(int, socket, int domain, int type, int protocol)
{
	int pair[2];
	size_t size;

	REQUIRE(domain == AF_UNIX && socketpair(domain, type, protocol, pair) == 0);
	if ((type & ~SOCK_CLOEXEC) == SOCK_STREAM) {
		const uint8_t *reply = input_bytes(input, &size);
		(void)!write(pair[1], reply, size < 16384 ? size : 16384);
	} else {
		for (size_t packets = input_byte(input) % (PACKETS_MAX + 1); packets > 0; packets--)
			packet_send(pair[1], input);
	}
	shutdown(pair[1], SHUT_WR);
	return pair[0];
}

REPLACE(int, connect, int socket, const struct sockaddr *address, socklen_t size)
{
	static const int errors[] = { 0, 0, ENOENT, ECONNREFUSED, EACCES };
	(void)socket, (void)address, (void)size;

	errno = errors[input_byte(input) % (sizeof errors / sizeof *errors)];
	return errno ? -1 : 0;
}

REPLACE(ssize_t, writev, int descriptor, const struct iovec *parts, int count)
{
	REQUIRE(descriptor == 2 && count > 1);
	for (int i = 0; i < count; i++)
		REQUIRE(strlen(parts[i].iov_base) == parts[i].iov_len);
	return (ssize_t)parts[0].iov_len;
}

static void ask(void *context)
{
	static const struct {
		struct table_header header;
		char environment[8];
	} file = { { .environment = sizeof file.header }, "/env" };
	const struct table table = { &file.header, sizeof file };
	char *paths[PATHS] = { (char *)"/a", (char *)"/b/c", (char *)"", (char *)"/d" }, answers[PATHS];
	struct terminal terminal = { .descriptor = -1 };
	uint8_t what = input_byte(input);
	(void)context;

	if (what & 1) {
		agent_exists(&table, paths, what % PATHS + 1u, answers);
		return;
	}
	if (what & 2)
		terminal = (struct terminal){ .descriptor = dup(0), .device = what };
	REQUIRE(agent_call(&table, &terminal, what & 4) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input given = { data, size };

	input = &given;
	int status = process_run(ask, NULL);
	REQUIRE(status == -1 || status == FAILURE_OWN);
	return 0;
}
