#include "agent/questions.h"

#include "agent/pattern.h"
#include "agent/watch.h"
#include "wire/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct answer {
	char *bytes;
	size_t size, capacity;
	bool failed;
	uint32_t pattern; /* the one that is being answered */
};

static void append(struct answer *answer, const void *bytes, size_t size)
{
	if (answer->failed)
		return;
	if (answer->capacity - answer->size < size) {
		size_t capacity = 2 * (answer->capacity + size);
		char *more = capacity <= WIRE_REQUEST_MAX ? realloc(answer->bytes, capacity) : NULL;
		if (!more) {
			answer->failed = true;
			return;
		}
		answer->bytes = more;
		answer->capacity = capacity;
	}
	memcpy(answer->bytes + answer->size, bytes, size);
	answer->size += size;
}

static bool append_match(void *context, const char *path, const struct stat *status)
{
	struct answer *answer = context;
	struct wire_match match = {
		.pattern = answer->pattern,
		.mode = status->st_mode,
		.size = (uint64_t)status->st_size,
		.seconds = status->st_mtim.tv_sec,
		.nanoseconds = (uint32_t)status->st_mtim.tv_nsec,
		.length = (uint32_t)strlen(path) + 1,
	};

	append(answer, &match, sizeof match);
	append(answer, path, match.length);
	return !answer->failed;
}

static char presence(const char *path)
{
	struct stat status;

	/* What may not be looked at exists: the rules count only ENOENT and ENOTDIR as absent. */
	if (lstat(path, &status) < 0)
		return errno == ENOENT || errno == ENOTDIR ? '0' : '1';
	return S_ISLNK(status.st_mode) ? '2' : '1';
}

/* The answer to EXISTS or GLOB as a sealed file, or -1. */
static int describe(uint16_t type, const char *question, size_t size, const char *home)
{
	struct answer answer = { 0 };

	for (const char *at = question; at < question + size; at += strlen(at) + 1) {
		if (type == WIRE_GLOB) {
			pattern_search(at, home, false, append_match, &answer);
			answer.pattern++;
		} else {
			char byte = presence(at);
			append(&answer, &byte, 1);
		}
	}
	int reply = answer.failed ? -1 : wire_seal(answer.bytes, answer.size);
	free(answer.bytes);
	return reply;
}

/* Answer one question. False when the connection is not worth going on with. */
static bool answer_question(int connection, uint16_t type, int descriptor, const char *home)
{
	struct wire_header header = wire_header(WIRE_ANSWER);
	size_t size;
	const char *question = wire_map(descriptor, WIRE_QUESTION_MAX, &size);

	if (!question || question[size - 1] != '\0')
		return false;
	int reply = type == WIRE_WATCH ? watch_patterns(question, size, home) : describe(type, question, size, home);
	munmap((void *)question, size);
	bool sent = reply >= 0 && wire_send(connection, &header, sizeof header, &reply, 1) == 0;
	if (reply >= 0)
		close(reply);
	return sent;
}

bool questions_include(uint16_t type)
{
	return type == WIRE_EXISTS || type == WIRE_GLOB || type == WIRE_WATCH;
}

_Noreturn void questions_answer(const struct options *options, int connection, uint16_t type, int descriptor)
{
	unsigned char packet[WIRE_PACKET_MAX];
	struct wire_header header = { .type = type };
	size_t count = 1;

	while (questions_include(header.type) && count == 1 &&
	       answer_question(connection, header.type, descriptor, options->home)) {
		close(descriptor);
		if (wire_receive(connection, packet, sizeof packet, &descriptor, 1, &count) <= 0)
			break;
		memcpy(&header, packet, sizeof header);
	}
	_exit(0);
}
