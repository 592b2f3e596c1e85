/*
 * Signal masks and dispositions as the kernel has them. The C library keeps some of the real-time signals to itself (musl 32 to 34,
 * glibc 32 and 33) and hides them from its functions; programs of another library use them, so here they are
 * signals like the others. Only for processes without threads.
 */
#ifndef CLEANENV_KERNEL_SIGNALS_H
#define CLEANENV_KERNEL_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#define KERNEL_SIGNALS 64

/* Bit n-1 stands for signal n. */
static inline uint64_t kernel_signal_bit(int number)
{
	return UINT64_C(1) << (number - 1);
}

/* Replace the mask; returns the one before. */
uint64_t kernel_mask(uint64_t blocked);

/* The signals whose disposition is SIG_IGN. */
uint64_t kernel_ignored(void);

/* Set a disposition to SIG_IGN, or to SIG_DFL. */
void kernel_ignore(int number, bool ignored);

/* A close-on-exec, non-blocking signalfd of every signal, or -1 with errno. */
int kernel_signalfd(void);

#endif
