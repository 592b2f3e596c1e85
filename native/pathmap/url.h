/* URLs (A1): only those of files name something here. */
#ifndef CLEANENV_PATHMAP_URL_H
#define CLEANENV_PATHMAP_URL_H

#include "pathmap/text.h"

enum pathmap_url {
	PATHMAP_NO_URL,
	PATHMAP_FILE_URL,  /* of this machine: `path` is set to its path, percent-encoded or not */
	PATHMAP_OTHER_URL,
};

enum pathmap_url pathmap_url(struct slice text, struct slice *path);

/* Returns false for an encoding that is wrong or stands for a NUL. */
bool pathmap_append_decoded(struct buffer *buffer, struct slice text);
void pathmap_append_encoded(struct buffer *buffer, struct slice text);

#endif
