#include "launcher/probe.h"

#include "launcher/agent.h"
#include "launcher/failure.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum pathmap_presence assume(void *context, const char *path)
{
	(void)context;
	(void)path;
	return PATHMAP_PRESENT;
}

/* Where a path of the host can be looked at; NULL: nowhere. Links are not followed for that, and so not asked about. */
static const char *place(const struct probe *probe, const char *path)
{
	if (probe->table->header->direction == TABLE_TO_CONTAINER)
		return path;
	const struct pathmap map = {
		.mounts = probe->mounts,
		.mount_count = probe->table->header->mount_count,
		.cwd = "/",
		.probe = { .host = assume, .container = assume },
	};
	struct pathmap_result result = pathmap_to_container(&map, path, true);
	return result.status == PATHMAP_MAPPED ? result.text : result.status == PATHMAP_UNCHANGED ? path : NULL;
}

static enum pathmap_presence look_at_host(void *context, const char *path)
{
	struct probe *probe = context;
	struct stat status;
	bool fresh;
	struct answer *answer = answers_find(&probe->host, path, &fresh);

	if (fresh) {
		const char *there = place(probe, path);
		if (!there)
			answer->presence = PATHMAP_ABSENT;
		else if (lstat(there, &status) < 0)
			answer->presence = errno == ENOENT || errno == ENOTDIR ? PATHMAP_ABSENT : PATHMAP_PRESENT;
		else
			answer->presence = S_ISLNK(status.st_mode) ? PATHMAP_SYMLINK : PATHMAP_PRESENT;
	}
	if (probe->trace)
		trace_question(probe->trace, "", path, answer->presence);
	return answer->presence;
}

/* The path map asks for the target of what it has just been told is a link. */
static long read_host_link(void *context, const char *path, char *target, size_t size)
{
	struct probe *probe = context;
	bool fresh;
	struct answer *answer = answers_find(&probe->host, path, &fresh);

	if (!answer->target) {
		char text[PATH_MAX];
		const char *there = place(probe, path);
		ssize_t length = there ? readlink(there, text, sizeof text - 1) : -1;
		text[length > 0 ? length : 0] = '\0';
		answer->target = join(text, NULL);
	}
	size_t length = strlen(answer->target);
	if (length == 0 || length >= size)
		return -1;
	memcpy(target, answer->target, length + 1);
	return (long)length;
}

static enum pathmap_presence note_question(void *context, const char *path)
{
	struct probe *probe = context;
	bool fresh;
	enum pathmap_presence presence = answers_find(&probe->container, path, &fresh)->presence;

	if (probe->trace)
		trace_question(probe->trace, "in the container ", path, presence);
	return presence;
}

struct pathmap_probe probe_callbacks(struct probe *probe)
{
	return (struct pathmap_probe){ probe, look_at_host, read_host_link, note_question };
}

bool probe_ask(struct probe *probe)
{
	static const enum pathmap_presence meaning[] = { PATHMAP_ABSENT, PATHMAP_PRESENT, PATHMAP_SYMLINK };
	struct answers *answers = &probe->container;
	size_t count = 0;

	if (answers->asked == 0)
		return false;
	char **paths = allocate(NULL, answers->asked * sizeof *paths);
	char *reply = allocate(NULL, answers->asked);
	for (size_t i = 0; i < answers->capacity; i++)
		if (answers->slots[i].path && answers->slots[i].presence == PATHMAP_ASKED)
			paths[count++] = answers->slots[i].path;
	agent_exists(probe->table, paths, count, reply);
	for (size_t i = 0; i < count; i++) {
		bool fresh;
		unsigned char digit = (unsigned char)(reply[i] - '0');
		answers_find(answers, paths[i], &fresh)->presence = digit < 3 ? meaning[digit] : PATHMAP_ABSENT;
	}
	answers->asked = 0;
	free(paths);
	free(reply);
	return true;
}
