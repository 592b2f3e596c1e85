#include "kernel/signals.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's struct sigaction: the disposition comes first; of the rest only its size matters here. */
struct disposition {
	void (*handler)(int);
	unsigned long rest[7];
};

uint64_t kernel_mask(uint64_t blocked)
{
	uint64_t before = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, &before, sizeof before);
	return before;
}

uint64_t kernel_ignored(void)
{
	uint64_t ignored = 0;

	for (int number = 1; number <= KERNEL_SIGNALS; number++) {
		struct disposition disposition = { 0 };
		if (syscall(SYS_rt_sigaction, number, NULL, &disposition, sizeof ignored) == 0 &&
		    disposition.handler == SIG_IGN)
			ignored |= kernel_signal_bit(number);
	}
	return ignored;
}

void kernel_ignore(int number, bool ignored)
{
	struct disposition disposition = { .handler = ignored ? SIG_IGN : SIG_DFL };

	syscall(SYS_rt_sigaction, number, &disposition, NULL, sizeof(uint64_t));
}

int kernel_signalfd(void)
{
	sigset_t every;

	memset(&every, 0xff, sizeof every);
	return signalfd(-1, &every, SFD_CLOEXEC | SFD_NONBLOCK);
}
