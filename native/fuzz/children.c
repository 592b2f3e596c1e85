#include "fuzz/children.h"

#include "fuzz/fuzz.h"
#include "fuzz/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PROCESS (1 << 23) /* above every number that a kernel gives (pid_max): no real one is meant */

static struct child children[CHILDREN_MAX];
static size_t count;
static int64_t now; /* ms */
static int made[2]; /* the socketpair that was made last and belongs to nobody: the agent's number, our copy of the other end */

void children_reset(void)
{
	count = 0;
	now = 1;
	made[0] = made[1] = -1;
}

struct child *children_all(size_t *number)
{
	*number = count;
	return children;
}

struct child *children_add(void)
{
	if (count == CHILDREN_MAX)
		return NULL;
	pid_t process = FIRST_PROCESS + (pid_t)count;
	children[count] = (struct child){ .process = process, .group = process, .socket = -1, .agents_end = -1 };
	return &children[count++];
}

void children_change(struct child *child, int status)
{
	if (child->ended)
		return;
	child->status = status;
	child->news = true;
	child->ended = WIFEXITED(status) || WIFSIGNALED(status);
	if (child->ended && child->socket >= 0) {
		close(child->socket);
		child->socket = -1;
	}
}

void children_pass_time(int milliseconds)
{
	now += milliseconds;
}

static struct child *find(pid_t process)
{
	return process >= FIRST_PROCESS && (size_t)(process - FIRST_PROCESS) < count ? &children[process - FIRST_PROCESS] : NULL;
}

REPLACE(pid_t, fork, void)
{
	struct child *child = children_add();

	if (!child) {
		errno = EAGAIN;
		return -1;
	}
	child->agents_end = made[0];
	child->socket = made[1];
	child->shared = process_last_mapping();
	made[0] = made[1] = -1;
	return child->process;
}

ORIGINAL(int, socketpair, int domain, int type, int protocol, int pair[2]);

/* The agent closes the child's end after a fork; the child would keep a copy. */
REPLACE(int, socketpair, int domain, int type, int protocol, int pair[2])
{
	int result = original_socketpair(domain, type, protocol, pair);

	if (process_is_running() && result == 0 && type & SOCK_NONBLOCK) {
		if (made[1] >= 0)
			close(made[1]);
		made[0] = pair[0];
		made[1] = fcntl(pair[1], F_DUPFD_CLOEXEC, 3);
	}
	return result;
}

REPLACE(pid_t, waitpid, pid_t process, int *status, int options)
{
	bool any = false;

	REQUIRE(process == -1 && options == (WNOHANG | WUNTRACED | WCONTINUED));
	for (size_t i = 0; i < count; i++) {
		struct child *child = &children[i];
		any = any || !child->reaped;
		if (!child->news)
			continue;
		child->news = false;
		child->reaped = child->ended;
		*status = child->status;
		return child->process;
	}
	errno = ECHILD;
	return any ? 0 : -1;
}

REPLACE(pid_t, getpgid, pid_t process)
{
	const struct child *child = find(process);

	REQUIRE(child && !child->reaped);
	return child->group;
}

REPLACE(int, kill, pid_t process, int number)
{
	const struct child *child = find(process < 0 ? -process : process);

	REQUIRE(number >= 1 && number <= 64 && process != 0 && process != -1);
	REQUIRE(child && (process < 0 || !child->reaped));
	return 0;
}

ORIGINAL(int, clock_gettime, clockid_t clock, struct timespec *time);

REPLACE(int, clock_gettime, clockid_t clock, struct timespec *time)
{
	if (!process_is_running())
		return original_clock_gettime(clock, time);
	REQUIRE(clock == CLOCK_MONOTONIC);
	*time = (struct timespec){ now / 1000, now % 1000 * 1000000 };
	return 0;
}
