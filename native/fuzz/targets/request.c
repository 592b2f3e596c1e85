/*
 * The request of a SPAWN: whatever the bytes are, it is refused, or every string of it lies inside them. And what the host's agent makes
 * of it is one for the program that is linked, or refused.
 */
#include "agent/permission.h"
#include "agent/request.h"
#include "fuzz/fuzz.h"
#include "fuzz/process.h"
#include "table/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A table with one link, of which permission.c unmaps its copy. */
static const struct {
	struct table_header header;
	struct table_link link;
	char name[4], path[9];
} links = {
	.header = { .links = sizeof links.header, .link_count = 1, .direction = TABLE_TO_HOST },
	.link = { sizeof links.header + sizeof links.link, sizeof links.header + sizeof links.link + 4, TABLE_LINK_NAME },
	.name = "git",
	.path = "/bin/git",
};

REPLACE(int, table_open, struct table *table, const char *path)
{
	void *copy = mmap(NULL, sizeof links, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(copy != MAP_FAILED && !strcmp(path, "/table"));
	*table = (struct table){ memcpy(copy, &links, sizeof links), sizeof links };
	return 0;
}

static void ask_permission(struct request *request)
{
	const struct options options = { .programs = "/table" };
	bool linked = !strcmp(request->paths[0], "git");

	if (permission_apply(&options, request, NULL, 0) < 0)
		return;
	REQUIRE(linked && !strcmp(request->paths[0], "/bin/git") && !request->paths[1] && *request->directory == '/');
	REQUIRE(!strcmp(request->arguments[0], "git") || !strcmp(request->arguments[0], "/bin/git"));
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
