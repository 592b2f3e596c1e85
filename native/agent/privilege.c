#include "agent/privilege.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUPS_MAX 1024 /* more than any login has; the kernel's limit is 65536 (setgroups(2)) */

static int peer(int connection, struct ucred *credentials)
{
	socklen_t size = sizeof *credentials;
	return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, credentials, &size);
}

bool privilege_admits(const struct options *options, int connection)
{
	struct ucred credentials;

	/* The container's root is nobody on the host, for all that it has the same number. */
	return peer(connection, &credentials) == 0 &&
	       (credentials.uid == options->owner || (credentials.uid == 0 && !options->programs));
}

/* The groups of a program; its user is always the environment's. */
struct groups {
	gid_t first;
	size_t count;
	gid_t others[GROUPS_MAX];
};

static struct groups own; /* those that this process has taken on */

static int find_groups(struct groups *groups, const struct options *options, int connection)
{
	struct ucred credentials;

	groups->first = options->groups[0].gid;
	groups->count = options->group_count;
	for (size_t i = 0; i < groups->count; i++)
		groups->others[i] = options->groups[i].gid;
	if (peer(connection, &credentials) < 0)
		return -1;
	if (credentials.uid == options->uid) {
		socklen_t size = sizeof groups->others;
		if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups->others, &size) < 0)
			return -1;
		groups->count = size / sizeof groups->others[0];
		groups->first = credentials.gid;
	}
	return 0;
}

int privilege_drop(const struct options *options, int connection)
{
	if (find_groups(&own, options, connection) < 0)
		return -1;
	if (!options->new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	/* An agent that is not root (the tests run it as the user) has nothing to drop, and may not even try. */
	if (geteuid() != 0) {
		errno = EPERM;
		return geteuid() == options->uid ? 0 : -1;
	}
	/* The kernel's calls, without the C library's rounds through all threads of a process that has one. */
	return syscall(SYS_setgroups, own.count, own.others) < 0 ||
			       syscall(SYS_setresgid, own.first, own.first, own.first) < 0 ||
			       syscall(SYS_setresuid, options->uid, options->uid, options->uid) < 0
		       ? -1
		       : 0;
}

bool privilege_fits(const struct options *options, int connection)
{
	static struct groups wanted;

	return find_groups(&wanted, options, connection) == 0 && wanted.first == own.first && wanted.count == own.count &&
	       !memcmp(wanted.others, own.others, own.count * sizeof *own.others);
}
