/* A SPAWN's request, checked and taken apart. */
#ifndef CLEANENV_AGENT_REQUEST_H
#define CLEANENV_AGENT_REQUEST_H

#include "wire/wire.h"

struct request {
	struct wire_request head;
	const unsigned char *numbers; /* head.descriptors times int32_t, perhaps not aligned */
	char **paths;                 /* NULL-terminated, like the other two */
	char **arguments;
	char **variables;
	char *directory;
	char *own[2]; /* strings made for it since (permission.c), or NULL */
};

/*
 * Take a mapped request apart; `size` bytes, from a stranger. The strings stay where they are. Returns 0, or -1 with errno
 * (EPROTO: malformed).
 */
int request_read(struct request *request, const void *bytes, size_t size);

/* Free what request_read has allocated, and its own strings; not the others. */
void request_free(struct request *request);

#endif
