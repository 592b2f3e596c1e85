#include "launcher/snapshot.h"

#include "launcher/server.h"

#include <string.h>

#define WORDS_MAX 4096 /* bytes of the name and the arguments that are told */

/* In inenv's view a program may be named by its path. */
static const char *base_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

bool snapshot_is_wanted(const struct table *table, const struct program *program, int status)
{
	const struct table_snapshot *snapshots = table_snapshots(table);

	for (uint32_t i = 0; i < table->header->snapshot_count; i++)
		if (!strcmp(table_string(table, snapshots[i].program), base_name(program->name)))
			return !program->hook && (status == 0 || snapshots[i].always);
	return false;
}

/* Any bytes are told in digits: 0 or 1 for success, then the name and each argument with the NUL at its end. */
void snapshot_ask(const struct program *program, char *const *arguments, int status)
{
	static const char digits[] = "0123456789abcdef";
	static char request[2 * WORDS_MAX + 32];
	const char *word = base_name(program->name), *end = request + 2 * WORDS_MAX;
	char *to = stpcpy(request, status == 0 ? "snapshot \"1" : "snapshot \"0");

	while (word && to < end) {
		*to++ = digits[(unsigned char)*word >> 4];
		*to++ = digits[*word & 15];
		if (!*word++)
			word = *arguments ? *++arguments : NULL;
	}
	strcpy(to, "\"\n");
	server_request(NULL, server_connect(), request, "its server is gone, and takes no snapshot");
}
