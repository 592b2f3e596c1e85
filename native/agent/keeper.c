#include "agent/keeper.h"

#include "agent/calls.h"
#include "agent/listen.h"
#include "agent/pool.h"
#include "agent/serve.h"
#include "agent/terminal.h"
#include "kernel/descriptors.h"
#include "kernel/parent.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct keeper {
	struct keeper *next;
	pid_t process;
	char path[PATH_MAX];
};

static struct keeper *all;

static struct keeper *find(const char *path)
{
	struct keeper *keeper = all;

	while (keeper && strcmp(keeper->path, path) != 0)
		keeper = keeper->next;
	return keeper;
}

/* Where the agent's socket is: the length of its directory's name, with the slash. */
static int directory_length(const struct options *options)
{
	const char *slash = strrchr(options->socket, '/');

	return slash ? (int)(slash + 1 - options->socket) : 0;
}

void keeper_clear(const struct options *options)
{
	char pattern[PATH_MAX];
	glob_t found = { 0 };

	snprintf(pattern, sizeof pattern, "%.*sterminal-*.sock", directory_length(options), options->socket);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
	globfree(&found);
}

static bool name_socket(char *path, const struct options *options, const struct wire_terminal *wanted)
{
	int length = snprintf(path, PATH_MAX, "%.*s" WIRE_TERMINAL_NAME, directory_length(options), options->socket,
			      wanted->device, wanted->session);

	return length > 0 && length < PATH_MAX;
}

_Noreturn static void keep(const struct options *options, pid_t agent, int listening, int terminal, int leader)
{
	int kept[] = { listening, terminal, leader, options->lifeline };

	/* Without the agent nobody keeps the container's processes; in a container the kernel ends all. */
	kernel_end_with(agent);
	kernel_close_all_but(kept, sizeof kept / sizeof *kept);
	calls_abandon();
	pool_abandon();
	_exit(terminal_open(terminal, leader, options->uid) < 0 || serve(options, listening) < 0);
}

/* Returns 0, or -1 with errno. */
static int start(const struct options *options, const struct wire_terminal *wanted, int terminal, int leader)
{
	struct keeper *keeper = calloc(1, sizeof *keeper);

	if (!keeper)
		return -1;
	if (!name_socket(keeper->path, options, wanted)) {
		free(keeper);
		errno = ENAMETOOLONG;
		return -1;
	}
	if (find(keeper->path)) {
		free(keeper);
		return 0;
	}
	/* The agent listens, so that whoever hears the answer can connect, however long the keeper takes. */
	int listening = listen_at(keeper->path, options->owner);
	pid_t self = getpid();
	keeper->process = listening < 0 ? -1 : fork();
	if (keeper->process == 0)
		keep(options, self, listening, terminal, leader);
	int error = errno;
	if (listening >= 0)
		close(listening);
	if (keeper->process < 0) {
		free(keeper);
		errno = error;
		return -1;
	}
	keeper->next = all;
	all = keeper;
	return 0;
}

void keeper_start(const struct options *options, const struct wire_terminal *wanted, int connection, int terminal, int leader)
{
	struct wire_header started = wire_header(WIRE_STARTED);

	if (start(options, wanted, terminal, leader) == 0) {
		wire_send(connection, &started, sizeof started, NULL, 0);
	} else {
		struct wire_failure failure = { wire_header(WIRE_FAILED), WIRE_STAGE_TERMINAL, errno };
		wire_send(connection, &failure, sizeof failure, NULL, 0);
	}
	close(connection);
	close(terminal);
	if (leader >= 0)
		close(leader);
}

void keeper_ended(pid_t process)
{
	for (struct keeper **link = &all; *link; link = &(*link)->next) {
		struct keeper *keeper = *link;
		if (keeper->process != process)
			continue;
		*link = keeper->next;
		calls_note_use(); /* those of the terminal are not asked for any more */
		unlink(keeper->path);
		free(keeper);
		return;
	}
}
