/*
 * The launcher: every program in a live bin directory is this file.
 *
 * It finds out which program was called, maps what is the host's in its call to what is the container's, hands its
 * descriptors to the agent, and stands in for the program until the end: signals go in, the status comes out.
 */
#include "kernel/signals.h"
#include "launcher/agent.h"
#include "launcher/descriptors.h"
#include "launcher/failure.h"
#include "launcher/paths.h"
#include "launcher/program.h"
#include "launcher/request.h"
#include "launcher/session.h"
#include "launcher/signals.h"
#include "launcher/snapshot.h"
#include "launcher/supervise.h"
#include "launcher/terminal.h"
#include "launcher/text.h"
#include "launcher/variables.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

extern char **environ;

/*
 * The runtime directory may lie in /tmp, where a reboot or a cleaner removes it and anybody can make it again: with
 * sockets of their own they would be sent this call's variables and descriptors. Nobody can make a directory of ours.
 */
static void check_runtime_directory(void)
{
	struct stat status;

	if (lstat(runtime_directory(), &status) < 0)
		return; /* said below: the table is missing too */
	if (!S_ISDIR(status.st_mode) || status.st_uid != getauxval(AT_EUID) || status.st_mode & (S_IRWXG | S_IRWXO))
		fail(FAILURE_OWN, join("runtime directory ", runtime_directory(), NULL),
		     "it is not a directory that only you can use", "cleanenv start -e ENVIRONMENT");
}

static struct table open_table(void)
{
	struct table table;

	check_runtime_directory();
	if (table_open(&table, join(runtime_directory(), "/launch-table", NULL)) < 0)
		fail(FAILURE_OWN, "launch table", strerror(errno), "cleanenv start -e ENVIRONMENT");
	return table;
}

/*
 * inenv [--map-text=WORD] [NAME=VALUE | --env=NAME]... PROGRAM ARGS: the program is what its argument names in the container. `words`
 * moves to the variables. Returns the program's arguments.
 */
static char **shift_to_container_view(struct program *program, char ***words)
{
	static const char option[] = "--map-text=";

	if (**words && !strncmp(**words, option, sizeof option - 1))
		program->text = *(*words)++ + sizeof option - 1;
	char **arguments = *words + variables_defined(*words);

	if (!*arguments)
		fail(FAILURE_USAGE, program->name, "no program given", "inenv [NAME=VALUE]... PROGRAM [ARGUMENTS]");
	program->candidates[0] = program->name = *arguments;
	program->candidate_count = 1;
	return arguments;
}

int main(int argc, char **argv)
{
	struct descriptors descriptors = descriptors_inherited();
	struct signals signals = signals_take_over();
	struct table table = open_table();
	struct program program = program_find(&table, argv[0]);
	char **words = argv + (argc > 0); /* execve(2) allows for none at all */

	if (program.session) {
		kernel_mask(signals.blocked); /* a key may end the wait for the server */
		session_change(&table, program.session, argv);
	}
	struct terminal terminal = terminal_find();
	if (program.container_view)
		argv = shift_to_container_view(&program, &words);
	int connection = agent_call(&table, &terminal, program.hook);
	struct paths paths = paths_map(&table, &program, argv, environ);
	if (program.container_view)
		variables_set(&paths.variables, words, (size_t)(argv - words));
	struct text text = text_open(&program, &paths, &descriptors, &terminal);
	request_send(connection, &program, &paths, &descriptors, &terminal, &text, signals);
	text_start(&text);
	int status = supervise(connection, &program, paths.directory, &terminal, &text);
	if (snapshot_is_wanted(&table, &program, status)) {
		kernel_mask(signals.blocked); /* a key may end the wait for the server */
		snapshot_ask(&program, argv, status);
	}
	signals_end_as(status);
}
