/* Descriptors in bulk. */
#ifndef CLEANENV_KERNEL_DESCRIPTORS_H
#define CLEANENV_KERNEL_DESCRIPTORS_H

#include <stddef.h>

/* Close every descriptor from 3 on but these, in any order; negative ones name none. */
void kernel_close_all_but(const int *kept, size_t count);

#endif
