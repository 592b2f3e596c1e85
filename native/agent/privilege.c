#include "agent/privilege.h"

#include <errno.h>
#include <limits.h>
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

	return peer(connection, &credentials) == 0 &&
	       (credentials.uid == options->owner || credentials.uid == 0);
}

int privilege_drop(const struct options *options, int connection)
{
	struct ucred credentials;
	gid_t groups[GROUPS_MAX], gid = options->groups[0].gid;
	size_t count = options->group_count;

	for (size_t i = 0; i < count; i++)
		groups[i] = options->groups[i].gid;
	if (peer(connection, &credentials) < 0)
		return -1;
	if (credentials.uid == options->uid) {
		socklen_t size = sizeof groups;
		if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
			return -1;
		count = size / sizeof groups[0];
		gid = credentials.gid;
	}

	if (!options->new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	/* An agent that is not root (the tests run it as the user) has nothing to drop, and may not even try. */
	if (geteuid() != 0) {
		errno = EPERM;
		return geteuid() == options->uid ? 0 : -1;
	}
	/* The kernel's calls, without the C library's rounds through all threads of a process that has one. */
	return syscall(SYS_setgroups, count, groups) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
			       syscall(SYS_setresuid, options->uid, options->uid, options->uid) < 0
		       ? -1
		       : 0;
}
