#include "agent/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

int listen_at(const char *path, uid_t owner)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (listening < 0)
		return -1;
	if (strlen(path) >= sizeof address.sun_path) {
		close(listening);
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	unlink(path);
	mode_t mask = umask(0177);
	int result = bind(listening, (struct sockaddr *)&address, sizeof address);
	umask(mask);
	if (result == 0 && geteuid() == 0)
		result = chown(path, owner, (gid_t)-1);
	if (result == 0 && listen(listening, BACKLOG) == 0)
		return listening;
	int error = errno;
	close(listening);
	errno = error;
	return -1;
}
