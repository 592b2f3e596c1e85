/*
 * The request of a SPAWN: whatever the bytes are, it is refused, or every string of it lies inside them. And what the host's agent makes
 * of it is one for the program that is linked, or refused.
 */
#include "agent/permission.h"
#include "agent/request.h"
#include "fuzz/fuzz.h"
#include "fuzz/linked.h"
#include "fuzz/process.h"

#include <stdlib.h>
#include <string.h>

static void ask_permission(struct request *request)
{
	const struct options options = { .programs = LINKED_TABLE };
	bool linked = !strcmp(request->paths[0], LINKED_NAME);

	if (permission_apply(&options, request, NULL, 0) < 0)
		return;
	REQUIRE(linked && !strcmp(request->paths[0], LINKED_PATH) && !request->paths[1] && *request->directory == '/');
	REQUIRE(!strcmp(request->arguments[0], LINKED_NAME) || !strcmp(request->arguments[0], LINKED_PATH));
	REQUIRE(!request->arguments[request->head.arguments] && !request->variables[request->head.variables]);
	for (char **variable = request->variables; *variable; variable++)
		REQUIRE(strncmp(*variable, "LD_", 3) != 0 && strncmp(*variable, "PATH=", 5) != 0);
}

struct bytes {
	const char *at;
	size_t size;
};

static void check_strings(const struct bytes *bytes, char **strings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		REQUIRE(strings[i] >= bytes->at && strings[i] + strlen(strings[i]) < bytes->at + bytes->size);
	REQUIRE(!strings[count]);
}

/* In a process: a worker does not free a request. */
static void read_request(void *context)
{
	const struct bytes *bytes = context;
	struct request request;

	if (request_read(&request, bytes->at, bytes->size) < 0)
		return;
	REQUIRE((const char *)request.numbers + request.head.descriptors * sizeof(int32_t) <= bytes->at + bytes->size);
	check_strings(bytes, request.paths, request.head.paths);
	check_strings(bytes, request.arguments, request.head.arguments);
	check_strings(bytes, request.variables, request.head.variables);
	check_strings(bytes, (char *[]){ request.directory, NULL }, 1);
	ask_permission(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A block of exactly this size: the sanitizer sees the first byte behind it. */
	struct bytes bytes = { malloc(size + (size == 0)), size };

	REQUIRE(bytes.at);
	memcpy((char *)bytes.at, data, size);
	process_run(read_request, &bytes);
	free((char *)bytes.at);
	return 0;
}
