/* The user in the container's own files, so that whoami, id and ~ are right in any image. */
#ifndef CLEANENV_AGENT_USERS_H
#define CLEANENV_AGENT_USERS_H

#include "agent/options.h"

/*
 * Add the user and its groups to /etc/passwd and /etc/group below `root`, and make the home directory. What is there
 * already stays: an entry of the same id and another name is overruled by one in front of it (getpwuid(3) takes the
 * first), never changed, and the home of a user that the image has itself stays its owner's. Needs no program of the image. Returns 0, or -1 with errno: an image whose files
 * cannot be written still runs programs, by number. With new privileges the user may use sudo without a password.
 */
int users_create(const struct options *options, const char *root);

/* The shell of the user: the first of the usual ones that the image has. */
const char *users_shell(void);

#endif
