#include "launcher/failure.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

_Noreturn void fail(enum failure_status status, const char *what, const char *why, const char *hint)
{
	const char *parts[] = { "cleanenv: ", what, why ? ": " : NULL, why, "\n", hint ? "hint: " : NULL, hint,
				hint ? "\n" : NULL };
	struct iovec vector[sizeof parts / sizeof *parts];
	int count = 0;

	/* One write: lines of parallel calls do not mix. */
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i])
			vector[count++] = (struct iovec){ (void *)parts[i], strlen(parts[i]) };
	(void)!writev(2, vector, count);
	_exit(status);
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
