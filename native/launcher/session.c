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

_Noreturn void session_change(const struct table *table, char *const *arguments)
{
	if (!arguments[0] || !arguments[1] || !arguments[2] || arguments[3] ||
	    (strcmp(arguments[1], "enter") != 0 && strcmp(arguments[1], "leave") != 0) || !is_pid(arguments[2]))
		fail(FAILURE_USAGE, "session", "it takes enter or leave, and the number of a process",
		     ".session enter PID");
	server_request(table, join(arguments[1], " ", arguments[2], "\n", NULL), "its server is gone");
	_exit(0);
}
