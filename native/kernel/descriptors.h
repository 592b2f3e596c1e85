/* Descriptors in bulk. */
#ifndef CLEANENV_KERNEL_DESCRIPTORS_H
#define CLEANENV_KERNEL_DESCRIPTORS_H

/* Close every descriptor from 3 on but these two (which may be the same). */
void kernel_close_all_but(int one, int other);

#endif
