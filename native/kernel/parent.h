/* Ending with the process that made this one. */
#ifndef CLEANENV_KERNEL_PARENT_H
#define CLEANENV_KERNEL_PARENT_H

#include <sys/types.h>

/* From now on this process is killed when its parent ends; at once, if that is no longer `parent`. */
void kernel_end_with(pid_t parent);

#endif
