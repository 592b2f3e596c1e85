#include "agent/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
	char *at;
	char *end;
};

/* The next string, or NULL when no whole one is left. */
static char *next_string(struct cursor *cursor)
{
	char *string = cursor->at;
	char *end = memchr(string, '\0', (size_t)(cursor->end - string));

	if (!end)
		return NULL;
	cursor->at = end + 1;
	return string;
}

/* The next `count` strings as a NULL-terminated vector. */
static char **next_strings(struct cursor *cursor, uint32_t count)
{
	/* Each string has at least its NUL: a count above the bytes left is a lie, and no reason to allocate. */
	if (count > (size_t)(cursor->end - cursor->at)) {
		errno = EPROTO;
		return NULL;
	}
	char **strings = malloc((count + (size_t)1) * sizeof *strings);
	if (!strings)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		strings[i] = next_string(cursor);
		if (!strings[i]) {
			free(strings);
			errno = EPROTO;
			return NULL;
		}
	}
	strings[count] = NULL;
	return strings;
}

int request_read(struct request *request, const void *bytes, size_t size)
{
	struct wire_request *head = &request->head;
	struct cursor cursor = { (char *)bytes + sizeof *head, (char *)bytes + size };

	request->own[0] = request->own[1] = NULL;
	errno = EPROTO;
	if (size < sizeof *head)
		return -1;
	memcpy(head, bytes, sizeof *head);
	if (head->magic != WIRE_MAGIC || head->version != WIRE_VERSION || head->size != size || head->paths == 0 ||
	    head->descriptors > (size_t)(cursor.end - cursor.at) / sizeof(int32_t))
		return -1;
	request->numbers = (const unsigned char *)cursor.at;
	cursor.at += head->descriptors * sizeof(int32_t);

	request->paths = next_strings(&cursor, head->paths);
	request->arguments = request->paths ? next_strings(&cursor, head->arguments) : NULL;
	request->variables = request->arguments ? next_strings(&cursor, head->variables) : NULL;
	if (!request->variables)
		return -1;
	errno = EPROTO;
	request->directory = next_string(&cursor);
	return request->directory && cursor.at == cursor.end ? 0 : -1;
}

void request_free(struct request *request)
{
	free(request->paths);
	free(request->arguments);
	free(request->variables);
	free(request->own[0]);
	free(request->own[1]);
}
