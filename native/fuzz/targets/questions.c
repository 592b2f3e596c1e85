/*
 * Questions about a small tree: EXISTS, GLOB and WATCH with any patterns, and whether the answers have the form that wire.h promises.
 */
#include "agent/questions.h"

#include "fuzz/fuzz.h"
#include "fuzz/input.h"
#include "fuzz/process.h"
#include "wire/wire.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUESTIONS_MAX 8
#define DEPTH 5 /* components of a pattern, and of the tree's place: however many `..` there are, nothing outside is looked at */

/* In the order in which they are made. An entry with '>' is a symbolic link, one with '/' at the end a directory, '!' is executable. */
static const char *const entries[] = {
	"bin/", "bin/cc!", "bin/c++!", "bin/a*b!", "bin/[x]!", "bin/back\\slash!", "bin/.hidden!", "bin/data", "bin/\xc3\xa9!",
	"bin/link>cc", "bin/dangling>nowhere", "bin/self>self", "x1/", "x1/prog!", "x2/", "x2/prog!", "x2/up>..", ".local/",
	".local/bin/", ".local/bin/tool!", "~/", "~/odd!",
};

static char home[PATH_MAX];

/* The kernel takes milliseconds to take a real one apart. */
REPLACE(int, inotify_init1, int flags)
{
	return memfd_create("inotify", flags & IN_CLOEXEC ? MFD_CLOEXEC : 0);
}

REPLACE(int, inotify_add_watch, int watcher, const char *path, uint32_t mask)
{
	struct stat status;

	REQUIRE(watcher >= 0 && *path == '/' && mask & IN_MASK_ADD);
	return stat(path, &status) < 0 ? -1 : 1;
}

static void make_entry(const char *entry)
{
	char path[PATH_MAX + 64];
	int length = snprintf(path, sizeof path, "%s/%s", home, entry);
	char *target = strchr(path + strlen(home), '>'), last = path[length - 1];

	if (target) {
		*target = '\0';
		REQUIRE(symlink(target + 1, path) == 0);
	} else if (last == '/') {
		REQUIRE(mkdir(path, 0755) == 0);
	} else {
		path[length - (last == '!')] = '\0';
		int file = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, last == '!' ? 0755 : 0644);
		REQUIRE(file >= 0);
		close(file);
	}
}

static void make_tree(void)
{
	static char root[] = "/tmp/cleanenv-fuzz-XXXXXX";

	REQUIRE(mkdtemp(root));
	strcpy(home, root);
	for (int depth = 0; depth < DEPTH; depth++) {
		strcat(home, "/d");
		REQUIRE(mkdir(home, 0755) == 0);
	}
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
		make_entry(entries[i]);
}

static void remove_tree(void)
{
	char path[PATH_MAX + 64];

	for (size_t i = sizeof entries / sizeof *entries; i-- > 0;) {
		size_t length = (size_t)snprintf(path, sizeof path, "%s/%s", home, entries[i]);
		path[strcspn(path + strlen(home), ">") + strlen(home)] = '\0';
		if (path[length - 1] == '!')
			path[length - 1] = '\0';
		remove(path);
	}
	strcpy(path, home);
	for (int depth = 0; depth <= DEPTH; depth++) {
		rmdir(path);
		*strrchr(path, '/') = '\0';
	}
}

/* One pattern: cut behind its DEPTHth component, and an absolute one made one of the tree. Returns its size with its NUL. */
static size_t put_pattern(char *to, const char *pattern, size_t size)
{
	size_t length = strnlen(pattern, size), prefix = *pattern == '/' ? strlen(home) : 0, components = 0;

	memcpy(to, home, prefix);
	for (size_t i = 0; i < length && components < DEPTH + (*pattern == '~'); i++) {
		components += pattern[i] == '/';
		to[prefix++] = pattern[i];
	}
	to[prefix] = '\0';
	return prefix + 1;
}

struct question {
	uint16_t type;
	size_t count;
};

/* Patterns, each ended by NUL. Returns what was asked. */
static struct question ask(int connection, struct input *input)
{
	static const uint16_t types[] = { WIRE_EXISTS, WIRE_GLOB, WIRE_GLOB, WIRE_WATCH };
	uint8_t shape = input_byte(input);
	struct question question = { types[shape % 4], 0 };
	struct wire_header header = wire_header(question.type);
	size_t size, written = 0;
	const char *patterns = (const char *)input_bytes(input, &size);
	char *text = malloc((size + 2) * (strlen(home) + 2));

	REQUIRE(text);
	for (size_t at = 0; at < size; at += strnlen(patterns + at, size - at) + 1, question.count++)
		written += put_pattern(text + written, patterns + at, size - at);
	if (shape & 0x80 && written > 0) {
		written--; /* the last one is not ended; an empty one is not there then */
		question.count -= written == 0 || text[written - 1] == '\0';
	}
	int descriptor = wire_seal(text, written);
	REQUIRE(descriptor >= 0 && wire_send(connection, &header, sizeof header, &descriptor, 1) == 0);
	close(descriptor);
	free(text);
	return question;
}

static void check_presences(const struct question *question, const char *answer, size_t size)
{
	REQUIRE(size == question->count);
	for (size_t i = 0; i < size; i++)
		REQUIRE(answer[i] >= '0' && answer[i] <= '2');
}

static void check_matches(const struct question *question, const char *answer, size_t size)
{
	struct wire_match match;
	uint32_t pattern = 0;

	for (size_t at = 0; at < size; at += match.length) {
		REQUIRE(size - at > sizeof match);
		memcpy(&match, answer + at, sizeof match);
		at += sizeof match;
		REQUIRE(match.length > 1 && match.length <= size - at && match.pattern < question->count && match.pattern >= pattern);
		REQUIRE(strnlen(answer + at, match.length) == match.length - 1 && answer[at] == '/');
		REQUIRE(S_ISREG(match.mode));
		pattern = match.pattern;
	}
}

/* Returns false when there is no answer: the question was refused. */
static bool check_answer(int connection, const struct question *question)
{
	unsigned char packet[WIRE_PACKET_MAX];
	struct wire_header header;
	struct stat status;
	size_t received;
	int descriptor;

	if (wire_receive(connection, packet, sizeof packet, &descriptor, 1, &received) <= 0)
		return false;
	memcpy(&header, packet, sizeof header);
	REQUIRE(header.type == WIRE_ANSWER && received == 1 && fstat(descriptor, &status) == 0);
	if (question->type != WIRE_WATCH && status.st_size > 0) {
		size_t size;
		const char *answer = wire_map(descriptor, WIRE_REQUEST_MAX, &size);
		REQUIRE(answer);
		(question->type == WIRE_GLOB ? check_matches : check_presences)(question, answer, size);
		munmap((void *)answer, size);
	} else if (question->type == WIRE_EXISTS) {
		REQUIRE(question->count == 0);
	}
	close(descriptor);
	return true;
}

struct talk {
	int agent;
	uint16_t type;
	int descriptor;
};

static void answer(void *context)
{
	const struct options options = { .home = home };
	struct talk *talk = context;

	questions_answer(&options, talk->agent, talk->type, talk->descriptor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct question questions[QUESTIONS_MAX];
	struct input input = { data, size };
	unsigned char packet[WIRE_PACKET_MAX];
	size_t count = 0, received;
	int pair[2];

	if (!*home) {
		make_tree();
		atexit(remove_tree);
	}
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	do
		questions[count++] = ask(pair[1], &input);
	while (count < QUESTIONS_MAX && input.left > 0);
	shutdown(pair[1], SHUT_WR);

	/* The worker has received the first one already. */
	struct talk talk = { .agent = pair[0], .type = questions[0].type };
	REQUIRE(wire_receive(pair[0], packet, sizeof packet, &talk.descriptor, 1, &received) > 0 && received == 1);
	process_run(answer, &talk);
	shutdown(pair[0], SHUT_WR);
	for (size_t i = 0; i < count && check_answer(pair[1], &questions[i]); i++)
		;
	close(talk.descriptor);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
