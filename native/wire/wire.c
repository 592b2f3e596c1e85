#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REQUIRED_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct wire_header wire_header(enum wire_type type)
{
	return (struct wire_header){ .magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = (uint16_t)type };
}

size_t wire_packet_size(uint16_t type)
{
	switch ((enum wire_type)type) {
	case WIRE_SPAWN:
		return sizeof(struct wire_spawn);
	case WIRE_SIGNAL:
		return sizeof(struct wire_signal);
	case WIRE_CALL:
		return sizeof(struct wire_call);
	case WIRE_TERMINAL:
		return sizeof(struct wire_terminal);
	case WIRE_ACTIVE:
		return sizeof(struct wire_active);
	case WIRE_STOPPED:
	case WIRE_EXITED:
		return sizeof(struct wire_number);
	case WIRE_FAILED:
		return sizeof(struct wire_failure);
	case WIRE_DESCRIPTORS:
	case WIRE_STRANGER:
	case WIRE_EXISTS:
	case WIRE_ACTIVITY:
	case WIRE_GLOB:
	case WIRE_WATCH:
	case WIRE_FOREGROUND:
	case WIRE_PING:
	case WIRE_PONG:
	case WIRE_STARTED:
	case WIRE_CONTINUED:
	case WIRE_ANSWER:
		return sizeof(struct wire_header);
	default:
		return 0;
	}
}

/* Space for the descriptors of one packet, aligned as cmsg(3) asks. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(WIRE_DESCRIPTORS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

int wire_send(int socket, const void *packet, size_t size, const int *descriptors, size_t count)
{
	union control control;
	struct iovec part = { .iov_base = (void *)packet, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > WIRE_DESCRIPTORS_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (count > 0) {
		/* The padding behind the last descriptor is sent too: clear it. */
		memset(&control, 0, CMSG_SPACE(count * sizeof(int)));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
	}

	ssize_t sent;
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

/* Take the descriptors out of a received message. Closes those that do not fit and says so with false. */
static bool take_descriptors(struct msghdr *message, int *descriptors, size_t capacity, size_t *count)
{
	bool fits = true;

	*count = 0;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < received; i++) {
			int descriptor;
			memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
			if (*count < capacity) {
				descriptors[(*count)++] = descriptor;
			} else {
				close(descriptor);
				fits = false;
			}
		}
	}
	return fits;
}

/* The process that the kernel has put into a message, or 0. */
static pid_t find_sender(struct msghdr *message)
{
	struct ucred credentials = { 0 };

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header))
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS)
			memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
	return credentials.pid;
}

/* Whether the size of a packet is the one that its type, and in a SPAWN its number, asks for. */
static bool has_its_size(const void *packet, uint16_t type, size_t size)
{
	struct wire_spawn spawn;

	if (type != WIRE_SPAWN)
		return size == wire_packet_size(type);
	if (size < sizeof spawn)
		return false;
	memcpy(&spawn, packet, sizeof spawn);
	return size - sizeof spawn == spawn.size;
}

long wire_receive(int socket, void *packet, size_t room, int *descriptors, size_t capacity, size_t *count)
{
	pid_t sender;

	return wire_receive_from(socket, packet, room, descriptors, capacity, count, &sender);
}

long wire_receive_from(int socket, void *packet, size_t room, int *descriptors, size_t capacity, size_t *count, pid_t *sender)
{
	union control control;
	struct iovec part = { .iov_base = packet, .iov_len = room };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
	};
	struct wire_header header;
	ssize_t size;

	*count = 0;
	do
		size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	if (size < 0)
		return -1;

	*sender = find_sender(&message);
	bool whole = take_descriptors(&message, descriptors, capacity, count);
	if (size == 0 && *count == 0)
		return 0;
	if (whole && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && (size_t)size >= sizeof header) {
		memcpy(&header, packet, sizeof header);
		if (header.magic == WIRE_MAGIC && header.version == WIRE_VERSION &&
		    has_its_size(packet, header.type, (size_t)size))
			return size;
	}
	while (*count > 0)
		close(descriptors[--*count]);
	errno = EPROTO;
	return -1;
}

const void *wire_map(int descriptor, size_t limit, size_t *size)
{
	struct stat status;
	int seals = fcntl(descriptor, F_GET_SEALS);

	/* Without the seals the sender could change the bytes after they were checked, or truncate the file under us. */
	if (seals < 0 || (seals & REQUIRED_SEALS) != REQUIRED_SEALS || fstat(descriptor, &status) < 0 ||
	    status.st_size <= 0 || (uint64_t)status.st_size > limit) {
		errno = EPROTO;
		return NULL;
	}
	void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	if (bytes == MAP_FAILED)
		return NULL;
	*size = (size_t)status.st_size;
	return bytes;
}

int wire_seal(const void *bytes, size_t size)
{
	int descriptor = memfd_create("cleanenv", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (descriptor < 0)
		return -1;

	const char *rest = bytes;
	while (size > 0) {
		ssize_t written = write(descriptor, rest, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			goto failed;
		rest += written;
		size -= (size_t)written;
	}
	if (fcntl(descriptor, F_ADD_SEALS, REQUIRED_SEALS | F_SEAL_SEAL) == 0)
		return descriptor;
failed:;
	int error = errno;
	close(descriptor);
	errno = error;
	return -1;
}
