#include "kernel/descriptors.h"

#include <sys/syscall.h>
#include <unistd.h>

/* musl has no close_range(2), and kernels before 5.9 have none either. */
static void close_between(unsigned int first, unsigned int last)
{
	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return;
	for (long limit = sysconf(_SC_OPEN_MAX); first <= last && first < (unsigned long)limit; first++)
		close((int)first);
}

void kernel_close_all_but(int one, int other)
{
	unsigned int low = (unsigned int)(one < other ? one : other);
	unsigned int high = (unsigned int)(one < other ? other : one);

	close_between(3, low - 1);
	if (high > low)
		close_between(low + 1, high - 1);
	close_between(high + 1, ~0u);
}
