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

void kernel_close_all_but(const int *kept, size_t count)
{
	unsigned int first = 3;

	/* The gaps between the kept ones, from the lowest: there are a handful, which need no sorting. */
	for (;;) {
		unsigned int next = ~0u;
		for (size_t i = 0; i < count; i++)
			if (kept[i] >= 0 && (unsigned int)kept[i] >= first && (unsigned int)kept[i] < next)
				next = (unsigned int)kept[i];
		close_between(first, next == ~0u ? next : next - 1);
		if (next == ~0u)
			return;
		first = next + 1;
	}
}
