#include "launcher/descriptors.h"

#include "launcher/failure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#define TRIED 1024 /* numbers that are tried one by one */

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

struct descriptors descriptors_inherited(void)
{
	struct descriptors descriptors = { NULL, 0 };
	size_t left = open_count();
	bool counted = left > 0;

	/*
	 * Trying the low numbers until all are found costs 10 microseconds, listing them 90: the kernel makes a file
	 * of /proc for each. The list is for numbers above and for older kernels.
	 */
	if (!counted && list(&descriptors))
		return descriptors;
	for (int number = 0; number < TRIED && (!counted || left > 0); number++) {
		if (fcntl(number, F_GETFD) < 0)
			continue;
		add(&descriptors, number);
		left--;
	}
	if (counted && left > 0) {
		descriptors.count = 0;
		list(&descriptors);
	}
	return descriptors;
}
