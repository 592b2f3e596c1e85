#include "launcher/descriptors.h"

#include "launcher/failure.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#define BATCH 64   /* numbers that are tried at a time; poll(2) refuses more than RLIMIT_NOFILE, which is hardly ever less */
#define TRIED 1024 /* the numbers above are listed */

static void add(struct descriptors *descriptors, int number)
{
	struct stat status;
	int flags = fcntl(number, F_GETFL);

	if (flags < 0 || flags & O_PATH || fstat(number, &status) < 0 || S_ISDIR(status.st_mode))
		return;
	if ((descriptors->count & (descriptors->count - 1)) == 0)
		descriptors->numbers = allocate(descriptors->numbers,
						(descriptors->count ? 2 * descriptors->count : 1) * sizeof(int));
	descriptors->numbers[descriptors->count++] = number;
}

/* How many are open, or 0 where the kernel does not say (proc_pid_fd(5): the size of the directory, since Linux 6.2). */
static size_t open_count(void)
{
	struct stat status;

	return stat("/proc/self/fd", &status) == 0 ? (size_t)status.st_size : 0;
}

/* By name, whatever their numbers are. Returns false where /proc is not mounted. */
static bool list(struct descriptors *descriptors)
{
	DIR *directory = opendir("/proc/self/fd");

	if (!directory)
		return false;
	for (struct dirent *entry; (entry = readdir(directory));) {
		int number = atoi(entry->d_name);
		if (*entry->d_name != '.' && number != dirfd(directory))
			add(descriptors, number);
	}
	closedir(directory);
	return true;
}

/* Add those of the numbers from `first` on, `BATCH` of them, that are open; returns how many are. */
static size_t try_numbers(struct descriptors *descriptors, int first)
{
	struct pollfd tried[BATCH];
	size_t found = 0;

	for (int i = 0; i < BATCH; i++)
		tried[i] = (struct pollfd){ .fd = first + i };
	if (poll(tried, BATCH, 0) < 0)
		return 0;
	for (int i = 0; i < BATCH; i++) {
		if (tried[i].revents & POLLNVAL)
			continue;
		add(descriptors, first + i);
		found++;
	}
	return found;
}

struct descriptors descriptors_inherited(void)
{
	struct descriptors descriptors = { NULL, 0 };
	size_t left = open_count();
	bool counted = left > 0;

	/* One poll(2) tells of many numbers; listing costs 90 microseconds, since the kernel makes a file of /proc for each. */
	for (int number = 0; number < TRIED && left > 0; number += BATCH) {
		size_t found = try_numbers(&descriptors, number);
		left -= found < left ? found : left;
	}
	if (counted && left == 0)
		return descriptors;
	descriptors.count = 0;
	if (!list(&descriptors))
		for (int number = 0; number < TRIED; number += BATCH)
			try_numbers(&descriptors, number);
	return descriptors;
}
