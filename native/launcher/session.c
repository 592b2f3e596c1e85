#include "launcher/session.h"

#include "launcher/failure.h"
#include "launcher/server.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define PID_DIGITS_MAX 10

static bool is_pid(const char *text)
{
	size_t length = strspn(text, "0123456789");

	return length > 0 && length <= PID_DIGITS_MAX && *text != '0' && !text[length];
}

/*
 * The kernel remembers this file for a while after its server was killed. The command takes this process's place: what of the file is
 * not in memory could not be read any more.
 */
static void bring_back(const struct table *table, const char *python, const char *pid)
{
	const char *environment = table_string(table, table->header->environment);
	const char *command[] = { python, "-I", "-m", "cleanenv", "start", "--enter", pid, "-e", environment, NULL };

	execv(python, (char *const *)command);
}

_Noreturn void session_change(const struct table *table, const char *python, char *const *arguments)
{
	int server;

	if (!arguments[0] || !arguments[1] || !arguments[2] || arguments[3] ||
	    (strcmp(arguments[1], "enter") != 0 && strcmp(arguments[1], "leave") != 0) || !is_pid(arguments[2]))
		fail(FAILURE_USAGE, "session", "it takes enter or leave, and the number of a process",
		     ".session enter PID");
	server = server_connect();
	if (server < 0 && !strcmp(arguments[1], "enter"))
		bring_back(table, python, arguments[2]);
	server_request(table, server, join(arguments[1], " ", arguments[2], "\n", NULL), "its server is gone");
	_exit(0);
}
