#include "agent/appetite.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel's functions in which a process waits for a terminal's line, or for any of many things. */
static const char *const waits[] = { "wait_woken", "n_tty_read", "poll", "select", "ep_" };

static ssize_t read_file(const char *path, char *text, size_t size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = file < 0 ? -1 : read(file, text, size - 1);

	if (file >= 0)
		close(file);
	text[got > 0 ? got : 0] = '\0';
	return got;
}

/* State and process group of a process (proc_pid_stat(5)); the name before them may contain anything. */
static bool is_asleep_in(const char *process, pid_t group)
{
	char path[PATH_MAX], text[1024];
	char state;
	int parent, its_group;

	snprintf(path, sizeof path, "/proc/%s/stat", process);
	if (read_file(path, text, sizeof text) <= 0 || !strrchr(text, ')'))
		return false;
	return sscanf(strrchr(text, ')') + 1, " %c %d %d", &state, &parent, &its_group) == 3 && its_group == group &&
	       state == 'S';
}

static bool waits_for_input(const char *process)
{
	char path[PATH_MAX], place[128];
	struct stat status;

	snprintf(path, sizeof path, "/proc/%s", process);
	if (stat(path, &status) < 0)
		return false;
	snprintf(path, sizeof path, "/proc/%s/wchan", process);
	/* Only who could trace it is told (ptrace(2)): its own user. */
	setfsgid(status.st_gid);
	setfsuid(status.st_uid);
	ssize_t got = read_file(path, place, sizeof place);
	setfsuid(geteuid());
	setfsgid(getegid());
	if (got <= 0 || !strcmp(place, "0"))
		return true;
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
		if (strstr(place, waits[i]))
			return true;
	return false;
}

bool appetite_for_input(const struct terminal *terminal)
{
	pid_t group = tcgetpgrp(terminal->inner);
	bool wanted = false;
	struct pollfd untaken = { .fd = terminal->inner, .events = POLLIN };

	/* poll(2) waits for what is on its way from the master, FIONREAD would not see it (n_tty_poll in the kernel). */
	if (poll(&untaken, 1, 0) > 0 && untaken.revents & POLLIN)
		return false;
	DIR *processes = opendir("/proc");
	if (!processes)
		return true;
	for (struct dirent *entry; !wanted && (entry = readdir(processes));)
		if (*entry->d_name >= '1' && *entry->d_name <= '9' && is_asleep_in(entry->d_name, group))
			wanted = waits_for_input(entry->d_name);
	closedir(processes);
	return wanted;
}
