/* The time that timeouts are counted in. */
#ifndef CLEANENV_KERNEL_CLOCK_H
#define CLEANENV_KERNEL_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t kernel_now_ms(void);

#endif
