#include "agent/copies.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#ifndef EXTPROC /* musl does not know it */
#define EXTPROC 0200000
#endif

/* Of no other meaning for a device (inode(7)); and all keepers see it, whose agent ever they are of. */
#define MARK S_ISVTX

int copies_except(int inner)
{
	struct stat status;

	return fstat(inner, &status) < 0 ? -1 : fchmod(inner, (status.st_mode & 07777) | MARK);
}

static void mend(int directory, const char *name)
{
	struct stat status;
	struct termios settings;

	if (fstatat(directory, name, &status, 0) < 0 || !S_ISCHR(status.st_mode) || status.st_mode & MARK)
		return;
	int terminal = openat(directory, name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (terminal < 0)
		return;
	if (tcgetattr(terminal, &settings) == 0 && settings.c_lflag & EXTPROC) {
		settings.c_lflag &= ~(tcflag_t)EXTPROC;
		tcsetattr(terminal, TCSANOW, &settings);
	}
	close(terminal);
}

void copies_mend(void)
{
	DIR *terminals = opendir("/dev/pts");

	if (!terminals)
		return;
	for (struct dirent *entry; (entry = readdir(terminals));)
		if (*entry->d_name >= '0' && *entry->d_name <= '9')
			mend(dirfd(terminals), entry->d_name);
	closedir(terminals);
}
