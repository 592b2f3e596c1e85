#include "launcher/descriptors.h"

#include "launcher/failure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define WITHOUT_PROC 1024 /* descriptors that are tried one by one where /proc is not mounted */

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

struct descriptors descriptors_inherited(void)
{
	struct descriptors descriptors = { NULL, 0 };
	DIR *directory = opendir("/proc/self/fd");

	if (!directory) {
		for (int number = 0; number < WITHOUT_PROC; number++)
			add(&descriptors, number);
		return descriptors;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		int number = atoi(entry->d_name);
		if (*entry->d_name != '.' && number != dirfd(directory))
			add(&descriptors, number);
	}
	closedir(directory);
	return descriptors;
}
