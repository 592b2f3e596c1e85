#include "launcher/response.h"

#include "launcher/failure.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 2000   /* a file may name itself */
#define BYTES_MAX 524288 /* bytes of all files: the kernel takes 2 MB of arguments and variables (execve(2)) */

/* The content of a regular file with a NUL behind it, or NULL. */
static char *read_file(const char *path, size_t room, size_t *size)
{
	struct stat status;
	char *content = NULL;
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (descriptor < 0)
		return NULL;
	if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= 0 &&
	    (size_t)status.st_size <= room) {
		*size = (size_t)status.st_size;
		content = allocate(NULL, *size + 1);
		size_t length = 0;
		for (ssize_t got; length < *size && (got = read(descriptor, content + length, *size - length)) > 0;)
			length += (size_t)got;
		content[length] = '\0';
	}
	close(descriptor);
	return content;
}

static bool is_blank(char byte)
{
	return byte != '\0' && strchr(" \t\n\v\f\r", byte);
}

/*
 * The next argument, written over the text that it is made of; NULL at the end. Blanks end one; quotes of both kinds hold
 * them together, and a backslash takes the next byte as it is, in quotes too (libiberty's buildargv).
 */
static char *next_argument(char **rest)
{
	char *from = *rest, quote = '\0';

	while (is_blank(*from))
		from++;
	char *start = from, *to = from;
	if (*from == '\0')
		return NULL;
	for (; *from && (quote || !is_blank(*from)); from++) {
		if (*from == '\\' && from[1])
			*to++ = *++from;
		else if (quote ? *from == quote : *from == '"' || *from == '\'')
			quote = quote ? '\0' : *from;
		else
			*to++ = *from;
	}
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return start;
}

static size_t count_arguments(const char *content)
{
	char *copy = join(content, NULL), *rest = copy;
	size_t count = 0;

	while (next_argument(&rest))
		count++;
	free(copy);
	return count;
}

/* Put the arguments of `content` in the place of the one at `index`. */
static void replace(struct strings *arguments, size_t index, char *content)
{
	size_t count = count_arguments(content), behind = arguments->count - index - 1;
	char **items = allocate(NULL, (arguments->count + count) * sizeof *items);

	memcpy(items, arguments->items, index * sizeof *items);
	for (size_t i = 0; i < count; i++)
		items[index + i] = next_argument(&content);
	memcpy(items + index + count, arguments->items + index + 1, behind * sizeof *items);
	arguments->items = items;
	arguments->count += count - 1;
	items[arguments->count] = NULL;
}

void response_expand(struct strings *arguments)
{
	size_t room = BYTES_MAX, size;
	int files = 0;

	/* What a file holds is looked at too: it may name further ones. */
	for (size_t i = 1; i < arguments->count;) {
		const char *argument = arguments->items[i];
		char *content = argument[0] == '@' && files < FILES_MAX ? read_file(argument + 1, room, &size) : NULL;
		if (!content) {
			i++;
			continue;
		}
		files++;
		room -= size;
		replace(arguments, i, content);
	}
}
