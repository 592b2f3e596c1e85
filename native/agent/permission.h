/*
 * What the agent on the host lets the container have. Who asks is a program of the container, which may be anything: of what it says
 * only the name of a program that is linked counts, and the rest is data for that program.
 */
#ifndef CLEANENV_AGENT_PERMISSION_H
#define CLEANENV_AGENT_PERMISSION_H

#include "agent/options.h"
#include "agent/request.h"

#include <stddef.h>

/*
 * Make a request one for the host's program that the table of `options` has for its name: its path, its argv[0], and no
 * variables but some that no program takes for more than data. Returns 0, or -1 with errno: EACCES when the program is not
 * linked, EPERM for an open directory or an O_PATH descriptor. What is allocated lives as long as this process.
 */
int permission_apply(const struct options *options, struct request *request, const int *descriptors, size_t count);

#endif
