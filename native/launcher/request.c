#include "launcher/request.h"

#include "launcher/failure.h"
#include "wire/wire.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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
	/* A machine with more processors says EINVAL, and the program may use what the container may. */
	sched_getaffinity(0, sizeof head->processors, (cpu_set_t *)head->processors);
	head->terminals = terminal->standard;
	head->group = getpgrp();
	if (terminal_in_foreground(terminal))
		head->flags |= WIRE_FOREGROUND_GROUP;
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

/*
 * The whole request for these numbers of descriptors, with room for the packet's head in front of it. `size` gets the size
 * of the request alone.
 */
static char *build(struct wire_request *head, const struct program *program, const struct paths *paths,
		   const int32_t *numbers, size_t count, size_t *size)
{
	/* The host knows what its links stand for. */
	char *const *candidates = (char *const *)(program->on_host ? &program->name : program->candidates);

	*size = sizeof *head + count * sizeof(int32_t) + size_of(candidates, program->candidate_count) +
		size_of(paths->arguments.items, paths->arguments.count) +
		size_of(paths->variables.items, paths->variables.count) + strlen(paths->directory) + 1;
	char *packet = allocate(NULL, sizeof(struct wire_spawn) + *size), *to = packet + sizeof(struct wire_spawn);

	head->magic = WIRE_MAGIC;
	head->version = WIRE_VERSION;
	head->size = *size;
	head->descriptors = (uint32_t)count;
	head->paths = (uint32_t)program->candidate_count;
	head->arguments = (uint32_t)paths->arguments.count;
	head->variables = (uint32_t)paths->variables.count;
	head->flags |= program->container_view	 ? WIRE_SEARCH_PATH
		       : program->called_by_path ? WIRE_NAME_BY_PATH
						 : 0;
	if (program->hook)
		head->flags |= WIRE_HOOK;
	memcpy(to, head, sizeof *head);
	to += sizeof *head;
	memcpy(to, numbers, count * sizeof(int32_t));
	to = put(to + count * sizeof(int32_t), candidates, program->candidate_count);
	to = put(to, paths->arguments.items, paths->arguments.count);
	to = put(to, paths->variables.items, paths->variables.count);
	strcpy(to, paths->directory);
	return packet;
}

/* Send a SPAWN and the packets that its descriptors need. Returns 0, or -1 with errno. */
static int send_packets(int connection, const char *packet, size_t size, const int *descriptors, size_t count)
{
	struct wire_header more = wire_header(WIRE_DESCRIPTORS);
	size_t first = count < WIRE_DESCRIPTORS_MAX ? count : WIRE_DESCRIPTORS_MAX;
	int result = wire_send(connection, packet, size, descriptors, first);

	for (size_t at = first; result == 0 && at < count; at += first) {
		first = count - at < WIRE_DESCRIPTORS_MAX ? count - at : WIRE_DESCRIPTORS_MAX;
		result = wire_send(connection, &more, sizeof more, descriptors + at, first);
	}
	return result;
}

/*
 * What is sent, and under which numbers the program gets it. Returns how many: with the names of a terminal's text, which are
 * the last, and no descriptor of the program.
 */
static size_t choose_descriptors(const struct descriptors *descriptors, const struct terminal *terminal,
				 const struct text *text, int *sent, int32_t *numbers)
{
	size_t count = 0;

	for (size_t i = 0; i < descriptors->count; i++) {
		int number = descriptors->numbers[i];
		if (number <= 2 && terminal->standard & (1u << number))
			continue;
		sent[count] = number <= 2 && text->replaced[number] >= 0 ? text->replaced[number] : number;
		numbers[count++] = number;
	}
	if (text->on_terminal) {
		sent[count] = wire_seal(text->names.data, text->names.length);
		numbers[count++] = -1;
	}
	return count;
}

void request_send(int connection, const struct program *program, const struct paths *paths,
		  const struct descriptors *descriptors, const struct terminal *terminal, const struct text *text,
		  struct signals signals)
{
	struct wire_request head;
	struct wire_spawn spawn = { .header = wire_header(WIRE_SPAWN) };
	int *sent = allocate(NULL, (descriptors->count + 2) * sizeof *sent);
	int32_t *numbers = allocate(NULL, (descriptors->count + 1) * sizeof *numbers);
	size_t count = choose_descriptors(descriptors, terminal, text, sent + 1, numbers), size;

	memset(&head, 0, sizeof head);
	fill_context(&head, terminal, signals);
	head.flags |= text->on_terminal ? WIRE_TEXT : 0;
	char *packet = build(&head, program, paths, numbers, count, &size);
	spawn.descriptors = (uint32_t)count;
	spawn.size = size <= WIRE_INLINE_MAX ? (uint32_t)size : 0;
	memcpy(packet, &spawn, sizeof spawn);

	int result;
	if (spawn.size) {
		result = send_packets(connection, packet, sizeof spawn + size, sent + 1, count);
	} else {
		sent[0] = wire_seal(packet + sizeof spawn, size);
		result = sent[0] < 0 ? -1 : send_packets(connection, packet, sizeof spawn, sent, count + 1);
	}
	if (result < 0)
		fail(FAILURE_OWN, program->name, strerror(errno), "cleanenv status");
}
