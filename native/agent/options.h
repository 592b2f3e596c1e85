/* What the agent is told on its command line; it reads no configuration. */
#ifndef CLEANENV_AGENT_OPTIONS_H
#define CLEANENV_AGENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define OPTIONS_GROUPS_MAX 256

struct group_entry {
	char *name;
	gid_t gid;
};

struct options {
	const char *socket; /* where to listen */
	uid_t owner;        /* who may connect, beside root */
	const char *user;   /* whom programs run as */
	uid_t uid;
	const char *home;
	struct group_entry groups[OPTIONS_GROUPS_MAX]; /* the first is the primary one */
	size_t group_count;
	unsigned int grace;  /* seconds to KILL: after HUP, for a program whose launcher died, and after TERM, when all ends */
	bool new_privileges; /* setuid programs work */
	const char *programs; /* on the host: a launch table, whose programs are all that may be started; else NULL */
	int lifeline; /* with it: a pipe; when its other end is closed, all ends; 0: none */
};

/* Read the command line. Returns NULL, or what is wrong with it. */
const char *options_read(struct options *options, int count, char **arguments);

#endif
