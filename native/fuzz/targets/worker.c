/*
 * A worker of the agent, from its first caller to its end: packets of strangers in any order, with any descriptors. What the child that
 * becomes a program would do to itself (limits, signals, groups, descriptors, execve) is checked and not done. On the host it can be
 * no program but the one that is linked.
 */
#include "agent/worker.h"

#include "agent/pattern.h"
#include "agent/terminal.h"
#include "fuzz/fuzz.h"
#include "fuzz/linked.h"
#include "fuzz/packet.h"
#include "fuzz/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum shape { ON_TERMINAL = 1, ON_HOST = 2 };

#define DESCRIPTORS_LIMIT 4096 /* of the fuzzer itself: a table of a million descriptors would be made anew for each input */

static struct {
	struct input input;
	int connection;    /* of the caller who is served */
	bool on_terminal;
	uint8_t mood;      /* of the kernel, for this caller */
	bool served;       /* the first one; from then on a caller leaves nothing behind */
	size_t blocks, descriptors;
	struct terminal terminal;
} world;

static struct options options = {
	.socket = "/nowhere/agent.sock", .user = "user", .home = "/nowhere", .groups = { { .name = (char *)"user" } }, .group_count = 1,
};

static void check_nothing_is_left(void)
{
	if (world.served)
		REQUIRE(process_blocks() == world.blocks && process_descriptors() == world.descriptors);
	world.blocks = process_blocks();
	world.descriptors = process_descriptors();
	world.served = true;
}

/* The next caller, who has said all he has to say. */
REPLACE(int, accept4, int socket, struct sockaddr *address, socklen_t *size, int flags)
{
	int pair[2];
	(void)socket, (void)address, (void)size;

	check_nothing_is_left();
	errno = EINVAL;
	if (world.input.left == 0)
		return -1;
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | flags, 0, pair) == 0);
	world.mood = input_byte(&world.input);
	for (size_t packets = world.mood % 4 + 1u; packets > 0 && world.input.left > 0; packets--)
		packet_send(pair[1], &world.input);
	/* Only its half: what the worker says to it is not an error. The other end is the one thing that is ours. */
	shutdown(pair[1], SHUT_WR);
	world.descriptors++;
	return world.connection = pair[0];
}

REPLACE(bool, privilege_admits, const struct options *given, int connection)
{
	return given == &options && connection == world.connection;
}

REPLACE(int, privilege_drop, const struct options *given, int connection)
{
	return given == &options && connection == world.connection ? 0 : -1;
}

/* A caller who is not the first one's user is for another worker. */
REPLACE(bool, privilege_fits, const struct options *given, int connection)
{
	return given == &options && connection == world.connection && world.mood < 0xf0;
}

REPLACE(const struct terminal *, terminal_own, void)
{
	return world.on_terminal ? &world.terminal : NULL;
}

REPLACE(int, terminal_join, pid_t group, bool foreground)
{
	(void)foreground;
	errno = EPERM;
	return group < 0 ? -1 : 0;
}

/* The patterns of a question are the business of questions.c; as a program's candidates they are taken for paths. */
REPLACE(bool, pattern_search, const char *pattern, const char *home, bool anything, pattern_visit *visit, void *context)
{
	struct stat status = { .st_mode = S_IFREG | 0755 };

	REQUIRE(strlen(home) > 0 && (!options.programs || !strcmp(pattern, LINKED_PATH)));
	return *pattern != '/' || visit(context, pattern, anything ? NULL : &status);
}

REPLACE(int, watch_patterns, const char *patterns, size_t size, const char *home)
{
	REQUIRE(size > 0 && patterns[size - 1] == '\0' && strlen(home) > 0 && !options.programs);
	return memfd_create("watch", MFD_CLOEXEC);
}

static void read_all(char *const *strings)
{
	for (; *strings; strings++)
		REQUIRE(strlen(*strings) < (size_t)-1);
}

REPLACE(int, execve, const char *path, char *const *arguments, char *const *variables)
{
	static const int errors[] = { ENOENT, EACCES, ENOEXEC, ENOTDIR, E2BIG, ENAMETOOLONG, ELOOP, EPERM };

	read_all(arguments);
	read_all(variables);
	/* A script that does not say what runs it is the shell's. */
	if (options.programs)
		REQUIRE(!strcmp(path, LINKED_PATH) || (!strcmp(path, "/bin/sh") && !strcmp(arguments[1], LINKED_PATH)));
	errno = errors[(strlen(path) + world.mood / 16u) % (sizeof errors / sizeof *errors)];
	return -1;
}

REPLACE(int, chdir, const char *path)
{
	errno = ENOENT;
	return *path == '/' ? 0 : -1;
}

REPLACE(int, dup2, int from, int to)
{
	REQUIRE(fcntl(from, F_GETFD) >= 0 && to >= 0 && from != to);
	return to;
}

ORIGINAL(int, close, int descriptor);

REPLACE(int, close, int descriptor)
{
	return process_is_running() && descriptor < 3 ? 0 : original_close(descriptor);
}

REPLACE(uint64_t, kernel_mask, uint64_t blocked)
{
	return ~blocked;
}

REPLACE(void, kernel_ignore, int number, bool ignored)
{
	REQUIRE(number >= 1 && number <= 64 && ignored);
}

REPLACE(void, kernel_close_all_but, const int *kept, size_t count)
{
	REQUIRE(kept && count > 0);
}

ORIGINAL(int, setrlimit, __rlimit_resource_t resource, const struct rlimit *limit);

REPLACE(int, setrlimit, __rlimit_resource_t resource, const struct rlimit *limit)
{
	if (!process_is_running())
		return original_setrlimit(resource, limit);
	REQUIRE((int)resource >= 0 && (int)resource < RLIM_NLIMITS && limit->rlim_cur <= limit->rlim_max);
	return 0;
}

REPLACE(int, setpriority, __priority_which_t which, id_t who, int priority)
{
	REQUIRE(which == PRIO_PROCESS && who == 0 && priority > 0);
	return 0;
}

REPLACE(int, setpgid, pid_t process, pid_t group)
{
	REQUIRE(process == 0 && group == 0);
	return 0;
}

REPLACE(mode_t, umask, mode_t mask)
{
	REQUIRE(!process_is_running() || mask <= 0777);
	return 022;
}

REPLACE(void, kernel_end_with, pid_t parent)
{
	REQUIRE(parent == getppid());
}

REPLACE(int, sched_setaffinity, pid_t process, size_t size, const cpu_set_t *set)
{
	REQUIRE(process == 0 && size >= sizeof(uint64_t) && size <= sizeof *set);
	return world.mood & 4 ? -1 : 0;
}

ORIGINAL(long, syscall, long number, ...);

/* A process is made for a program (built with the sanitizer it is a fork): this is the child, or its parent, as the mood has it. */
REPLACE(long, syscall, long number, ...)
{
	va_list arguments;
	long given[6];

	if (process_is_running() && number == SYS_clone)
		return world.mood & 8 ? world.mood : 0;
	va_start(arguments, number);
	for (size_t i = 0; i < sizeof given / sizeof *given; i++)
		given[i] = va_arg(arguments, long);
	va_end(arguments);
	return original_syscall(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

REPLACE(int, madvise, void *address, size_t length, int advice)
{
	(void)address, (void)length, (void)advice;
	return 0;
}

static void serve(void *context)
{
	struct worker_turns turns = { 0 };
	int agent[2], listening = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)context;

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, agent) == 0);
	world.terminal = (struct terminal){ -1, -1, agent[1], -1 };
	worker_serve(&options, listening, agent[0], &turns, -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool prepared;
	struct rlimit limit = { DESCRIPTORS_LIMIT, DESCRIPTORS_LIMIT };

	if (!prepared)
		REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	prepared = true;
	world.input = (struct input){ data, size };
	uint8_t shape = input_byte(&world.input);
	world.on_terminal = shape & ON_TERMINAL;
	options.programs = shape & ON_HOST ? LINKED_TABLE : NULL;
	world.served = false;
	REQUIRE(process_run(serve, NULL) >= 0);
	return 0;
}
