/* The descriptors that a program inherits. */
#ifndef CLEANENV_LAUNCHER_DESCRIPTORS_H
#define CLEANENV_LAUNCHER_DESCRIPTORS_H

#include <stddef.h>

struct descriptors {
	int *numbers;
	size_t count;
};

/*
 * Every descriptor that is open now, in no order. To be called before the launcher opens anything: all of them came through
 * execve, so all of them are the caller's wish. Directories and O_PATH descriptors are left out: with one of them a program
 * in the container could reach the host's files behind the mounts.
 */
struct descriptors descriptors_inherited(void);

#endif
