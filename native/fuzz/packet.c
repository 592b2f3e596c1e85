#include "fuzz/packet.h"

#include "fuzz/fuzz.h"
#include "wire/wire.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 8
#define PACKET_MAX 20000

enum kind { KIND_SEALED, KIND_UNSEALED, KIND_NULL, KIND_DIRECTORY, KIND_SOCKET, KIND_PIPE, KIND_TERMINAL, KINDS };

/* A terminal for all inputs, since opening one takes long; -1 where the system has none left. */
static int terminal(void)
{
	static int opened = -2;

	if (opened == -2) {
		int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		opened = master >= 0 && unlockpt(master) == 0 ? open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	}
	return opened;
}

__attribute__((constructor)) static void open_terminal(void)
{
	terminal(); /* before the first body, which would take it for its own */
}

static int make_unsealed(const void *bytes, size_t size)
{
	int descriptor = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	REQUIRE(descriptor >= 0 && write(descriptor, bytes, size) == (ssize_t)size);
	return descriptor;
}

static int make_descriptor(struct input *input)
{
	enum kind kind = input_byte(input) % KINDS;
	size_t size;
	const uint8_t *bytes;
	int pair[2];

	switch (kind) {
	case KIND_SEALED:
		bytes = input_bytes(input, &size);
		return wire_seal(bytes, size);
	case KIND_UNSEALED:
		bytes = input_bytes(input, &size);
		return make_unsealed(bytes, size);
	case KIND_DIRECTORY:
		return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	case KIND_SOCKET:
		REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
		close(pair[1]);
		return pair[0];
	case KIND_PIPE:
		REQUIRE(pipe2(pair, O_CLOEXEC) == 0);
		close(pair[1]);
		return pair[0];
	case KIND_TERMINAL:
		if (terminal() >= 0)
			return fcntl(terminal(), F_DUPFD_CLOEXEC, 3);
		/* fall through */
	case KIND_NULL:
	case KINDS:
	default:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	}
}

/* A SPAWN around a request whose head is put right, as far as there is one. */
static size_t make_spawn(unsigned char *packet, const uint8_t *bytes, size_t size)
{
	struct wire_spawn spawn = { .header = wire_header(WIRE_SPAWN) };
	struct input input = { bytes, size };
	struct wire_request head;

	input_fill(&input, &spawn.descriptors, sizeof spawn.descriptors);
	spawn.size = (uint32_t)(input.left < PACKET_MAX - sizeof spawn ? input.left : PACKET_MAX - sizeof spawn);
	memcpy(packet, &spawn, sizeof spawn);
	memcpy(packet + sizeof spawn, input.at, spawn.size);
	if (spawn.size >= sizeof head) {
		memcpy(&head, packet + sizeof spawn, sizeof head);
		head.magic = WIRE_MAGIC;
		head.version = WIRE_VERSION;
		head.size = spawn.size;
		memcpy(packet + sizeof spawn, &head, sizeof head);
	}
	return sizeof spawn + spawn.size;
}

static size_t make_packet(unsigned char *packet, uint8_t type, const uint8_t *bytes, size_t size)
{
	struct wire_header header = wire_header(type);
	struct input input = { bytes, size };

	if (type == WIRE_SPAWN)
		return make_spawn(packet, bytes, size);
	if (type == 0) {
		size = size < PACKET_MAX ? size : PACKET_MAX;
		memcpy(packet, bytes, size);
		return size;
	}
	memcpy(packet, &header, sizeof header);
	size = wire_packet_size(type);
	if (size <= sizeof header)
		return sizeof header;
	input_fill(&input, packet + sizeof header, size - sizeof header);
	return size;
}

bool packet_send(int socket, struct input *input)
{
	static unsigned char packet[PACKET_MAX];
	int descriptors[DESCRIPTORS_MAX];
	uint8_t type = input_byte(input);
	size_t count = input_byte(input) % (DESCRIPTORS_MAX + 1), size;

	for (size_t i = 0; i < count; i++)
		descriptors[i] = make_descriptor(input);
	const uint8_t *bytes = input_bytes(input, &size);
	fcntl(socket, F_SETFL, O_NONBLOCK);
	bool sent = wire_send(socket, packet, make_packet(packet, type, bytes, size), descriptors, count) == 0;
	while (count > 0)
		close(descriptors[--count]);
	return sent;
}
