#include "agent/users.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (16u << 20)

/* The whole of a small file as a string, "" when it does not exist; NULL with errno. */
static char *read_file(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return errno == ENOENT ? strdup("") : NULL;

	char *text = NULL;
	size_t size = 0;
	for (;;) {
		char *longer = size < FILE_MAX_BYTES ? realloc(text, size + 4097) : NULL;
		if (!longer)
			goto failed;
		text = longer;
		ssize_t got = read(descriptor, text + size, 4096);
		if (got < 0)
			goto failed;
		size += (size_t)got;
		text[size] = '\0';
		if (got == 0)
			break;
	}
	close(descriptor);
	return text;
failed:
	free(text);
	close(descriptor);
	return NULL;
}

static int write_whole(int descriptor, const char *text)
{
	for (size_t rest = strlen(text); rest > 0;) {
		ssize_t written = write(descriptor, text, rest);
		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0) {
			text += written;
			rest -= (size_t)written;
		}
	}
	return 0;
}

/* Put `line` in front of the file: a reader sees the old file or the new one, a crash leaves one of them. */
static int prepend(const char *path, const char *line, const char *rest)
{
	char temporary[PATH_MAX];
	int descriptor;

	if (snprintf(temporary, sizeof temporary, "%s.cleanenv", path) >= (int)sizeof temporary) {
		errno = ENAMETOOLONG;
		return -1;
	}
	unlink(temporary);
	descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (descriptor < 0)
		return -1;
	if (fchmod(descriptor, 0644) == 0 && write_whole(descriptor, line) == 0 && write_whole(descriptor, rest) == 0 &&
	    close(descriptor) == 0 && rename(temporary, path) == 0)
		return 0;
	int error = errno;
	unlink(temporary);
	errno = error;
	return -1;
}

/*
 * Whether the first entry with this id (the third field of both files) has this name. Only the first one counts:
 * it is the one that getpwuid(3) and getgrgid(3) answer with.
 */
static bool first_entry_is(const char *text, unsigned int id, const char *name)
{
	char wanted[16];
	snprintf(wanted, sizeof wanted, "%u", id);

	for (const char *line = text; line && *line;) {
		size_t length = strcspn(line, "\n");
		const char *fields[3];
		size_t lengths[3], count = 0;
		for (const char *at = line; count < 3 && at <= line + length;) {
			fields[count] = at;
			lengths[count] = strcspn(at, ":\n");
			at += lengths[count++] + 1;
		}
		if (count == 3 && lengths[2] == strlen(wanted) && !strncmp(fields[2], wanted, lengths[2]))
			return lengths[0] == strlen(name) && !strncmp(fields[0], name, lengths[0]);
		line += length;
		if (*line)
			line++;
	}
	return false;
}

/* Returns 1 when it was added, 0 when it was there, -1 with errno. */
static int add_entry(const char *path, unsigned int id, const char *name, const char *line)
{
	char *text = read_file(path);
	if (!text)
		return -1;
	int result = 0;
	if (!first_entry_is(text, id, name))
		result = prepend(path, line, text) < 0 ? -1 : 1;
	free(text);
	return result;
}

/* Make the directories above `path`, as root's. */
static int make_parents(const char *path)
{
	char parent[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(parent, path, (size_t)(slash - path));
		parent[slash - path] = '\0';
		if (mkdir(parent, 0755) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

/* Give a directory that root owns to the user, unless it is a mount or a link into something else. */
static void give(const char *path, dev_t device, uid_t uid, gid_t gid)
{
	struct stat status;

	if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == 0 && status.st_dev == device)
		(void)!lchown(path, uid, gid);
}

/*
 * The engine makes the directories on the way to a mount point below the home, as root's. The user could write in
 * none of them: hand them over.
 */
static void give_way_to_mounts(const char *home, dev_t device, uid_t uid, gid_t gid)
{
	char line[2 * PATH_MAX], *target;
	size_t home_length = strlen(home);
	FILE *mounts = fopen("/proc/self/mountinfo", "re");

	if (!mounts)
		return;
	while (fgets(line, sizeof line, mounts)) {
		/* The mount point is the fifth field (proc_pid_mountinfo(5)); escaped blanks only make it not match. */
		strtok_r(line, " ", &target);
		for (int field = 1; field < 4; field++)
			strtok_r(NULL, " ", &target);
		char *point = strtok_r(NULL, " ", &target);
		if (!point || strncmp(point, home, home_length) || point[home_length] != '/')
			continue;
		for (char *slash = strrchr(point, '/'); slash > point + home_length; slash = strrchr(point, '/')) {
			*slash = '\0';
			give(point, device, uid, gid);
		}
	}
	fclose(mounts);
}

/* `is_images`: the user is the image's own, and a home that it has is as the image wants it (/usr/sbin for daemon). */
static int make_home(const char *home, uid_t uid, gid_t gid, bool is_images)
{
	struct stat root;

	if (make_parents(home) < 0 || lstat("/", &root) < 0)
		return -1;
	bool is_new = mkdir(home, 0755) == 0;
	if (!is_new && errno != EEXIST)
		return -1;
	if (uid != 0) {
		if (is_new || !is_images)
			give(home, root.st_dev, uid, gid);
		give_way_to_mounts(home, root.st_dev, uid, gid);
	}
	return 0;
}

const char *users_shell(void)
{
	return access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
}

static bool holds(const char *path, const char *wanted)
{
	char *text = read_file(path);
	bool result = text && !strcmp(text, wanted);

	free(text);
	return result;
}

/*
 * By number: a name may hold what sudoers(5) gives a meaning. Without sudo in the image it waits for it. What is there is left alone: a
 * container that is only started has not changed.
 */
static int allow_sudo(const char *root, uid_t uid)
{
	char path[PATH_MAX], line[64];

	snprintf(path, sizeof path, "%s/etc/sudoers.d", root);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -1;
	snprintf(path, sizeof path, "%s/etc/sudoers.d/cleanenv", root);
	snprintf(line, sizeof line, "#%u ALL=(ALL:ALL) NOPASSWD: ALL\n", uid);
	if (holds(path, line))
		return 0;
	unlink(path);
	int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0440);
	if (descriptor < 0)
		return -1;
	int result = fchmod(descriptor, 0440) == 0 ? write_whole(descriptor, line) : -1;
	close(descriptor);
	return result;
}

int users_create(const struct options *options, const char *root)
{
	char path[PATH_MAX], line[2 * PATH_MAX];
	gid_t gid = options->groups[0].gid;
	int result = 0;

	snprintf(path, sizeof path, "%s/etc", root);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/etc/passwd", root);
	/* No password fits, and none is looked for in shadow(5), without whose entry sudo takes the account for a locked one. */
	snprintf(line, sizeof line, "%s:*:%u:%u::%s:%s\n", options->user, options->uid, gid, options->home, users_shell());
	int added = add_entry(path, options->uid, options->user, line);
	if (added < 0)
		result = -1;

	snprintf(path, sizeof path, "%s/etc/group", root);
	for (size_t i = options->group_count; i-- > 0;) {
		const struct group_entry *group = &options->groups[i];
		snprintf(line, sizeof line, "%s:x:%u:%s\n", group->name, group->gid, i == 0 ? "" : options->user);
		if (add_entry(path, group->gid, group->name, line) < 0)
			result = -1;
	}

	if (options->new_privileges && allow_sudo(root, options->uid) < 0)
		result = -1;

	snprintf(path, sizeof path, "%s%s", root, options->home);
	if (make_home(path, options->uid, gid, added == 0) < 0)
		result = -1;
	return result;
}
