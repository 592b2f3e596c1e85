#include "launcher/failure.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PARTS_MAX 8

/* One write: lines of parallel calls do not mix. */
static void print(const char *const *parts, size_t count)
{
	struct iovec vector[PARTS_MAX];
	int used = 0;

	for (size_t i = 0; i < count; i++)
		if (parts[i])
			vector[used++] = (struct iovec){ (void *)parts[i], strlen(parts[i]) };
	(void)!writev(2, vector, used);
}

_Noreturn void fail(enum failure_status status, const char *what, const char *why, const char *hint)
{
	const char *parts[PARTS_MAX] = { "cleanenv: ", what, why ? ": " : NULL, why, "\n", hint ? "hint: " : NULL, hint,
					 hint ? "\n" : NULL };

	print(parts, PARTS_MAX);
	_exit(status);
}

void failure_warn(const char *text)
{
	const char *parts[] = { "cleanenv: ", text, "\n" };

	print(parts, 3);
}

void *allocate(void *old, unsigned long size)
{
	void *memory = realloc(old, size ? size : 1);

	if (!memory)
		fail(FAILURE_OWN, "call", "out of memory", NULL);
	return memory;
}

char *join(const char *first, ...)
{
	va_list parts;
	size_t size = 1;

	va_start(parts, first);
	for (const char *part = first; part; part = va_arg(parts, const char *))
		size += strlen(part);
	va_end(parts);

	char *text = allocate(NULL, size), *end = text;
	va_start(parts, first);
	for (const char *part = first; part; part = va_arg(parts, const char *)) {
		size_t length = strlen(part);
		memcpy(end, part, length);
		end += length;
	}
	va_end(parts);
	*end = '\0';
	return text;
}
