#include "launcher/request.h"

#include "launcher/failure.h"
#include "wire/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct termios) <= sizeof((struct wire_request *)0)->terminal_settings, "termios fits");

/* The parts of the caller's state that the kernel keeps for a process. */
static void fill_context(struct wire_request *head, const struct terminal *terminal, struct signals signals)
{
	mode_t mask = umask(0);

	umask(mask);
	head->umask = mask;
	head->niceness = getpriority(PRIO_PROCESS, 0);
	head->blocked = signals.blocked;
	head->ignored = signals.ignored;
	for (int resource = 0; resource < 16; resource++) {
		struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
		getrlimit(resource, &limit);
		head->limits[resource][0] = limit.rlim_cur;
		head->limits[resource][1] = limit.rlim_max;
	}
	head->terminals = terminal->standard;
	head->rows = terminal->size.ws_row;
	head->columns = terminal->size.ws_col;
	head->width = terminal->size.ws_xpixel;
	head->height = terminal->size.ws_ypixel;
	memcpy(head->terminal_settings, &terminal->settings, sizeof terminal->settings);
}

static size_t size_of(char *const *strings, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += strlen(strings[i]) + 1;
	return size;
}

static char *put(char *to, char *const *strings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to = stpcpy(to, strings[i]) + 1;
	return to;
}

/* The whole request in a sealed file, for these numbers of descriptors. */
static int seal_request(struct wire_request *head, const struct program *program, const struct paths *paths,
			const int *numbers, size_t count)
{
	char *const *candidates = (char *const *)program->candidates;
	size_t size = sizeof *head + count * sizeof(int32_t) + size_of(candidates, program->candidate_count) +
		      size_of(paths->arguments.items, paths->arguments.count) +
		      size_of(paths->variables.items, paths->variables.count) + strlen(paths->directory) + 1;
	char *bytes = allocate(NULL, size), *to = bytes + sizeof *head;

	head->magic = WIRE_MAGIC;
	head->version = WIRE_VERSION;
	head->size = size;
	head->descriptors = (uint32_t)count;
	head->paths = (uint32_t)program->candidate_count;
	head->arguments = (uint32_t)paths->arguments.count;
	head->variables = (uint32_t)paths->variables.count;
	head->flags = program->container_view ? WIRE_SEARCH_PATH : 0;
	memcpy(bytes, head, sizeof *head);
	memcpy(to, numbers, count * sizeof(int32_t));
	to = put(to + count * sizeof(int32_t), candidates, program->candidate_count);
	to = put(to, paths->arguments.items, paths->arguments.count);
	to = put(to, paths->variables.items, paths->variables.count);
	strcpy(to, paths->directory);
	return wire_seal(bytes, size);
}

void request_send(int connection, const struct program *program, const struct paths *paths,
		  const struct descriptors *descriptors, const struct terminal *terminal, struct signals signals)
{
	struct wire_request head;
	struct wire_spawn spawn = { wire_header(WIRE_SPAWN), 0 };
	struct wire_header more = wire_header(WIRE_DESCRIPTORS);
	int *sent = allocate(NULL, (descriptors->count + 1) * sizeof *sent);
	size_t count = 0;

	for (size_t i = 0; i < descriptors->count; i++) {
		int number = descriptors->numbers[i];
		if (number > 2 || !(terminal->standard & (1u << number)))
			sent[1 + count++] = number;
	}
	memset(&head, 0, sizeof head);
	fill_context(&head, terminal, signals);
	sent[0] = seal_request(&head, program, paths, sent + 1, count);
	if (sent[0] < 0)
		fail(FAILURE_OWN, program->name, strerror(errno), NULL);

	spawn.descriptors = (uint32_t)count;
	size_t rest = count + 1, first = rest < WIRE_DESCRIPTORS_MAX ? rest : WIRE_DESCRIPTORS_MAX;
	int result = wire_send(connection, &spawn, sizeof spawn, sent, first);
	for (size_t at = first; result == 0 && at < rest; at += first) {
		first = rest - at < WIRE_DESCRIPTORS_MAX ? rest - at : WIRE_DESCRIPTORS_MAX;
		result = wire_send(connection, &more, sizeof more, sent + at, first);
	}
	if (result < 0)
		fail(FAILURE_OWN, program->name, strerror(errno), "cleanenv status");
	close(sent[0]);
}
