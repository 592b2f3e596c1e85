/*
 * The launcher's memory: given out in a row and never taken back.
 *
 * It lives for one call and needs a few kilobytes. The C library's allocator would cost each call 30 microseconds and six system
 * calls before the first byte, and the file, which is read through FUSE, 8 KB.
 */
#include "launcher/memory.h"

#include <sys/mman.h>

/* Where this program begins and ends in memory (ld(1)). */
extern char __executable_start[], end[];

void memory_pin(void)
{
	mlock(__executable_start, (size_t)(end - __executable_start));
}

#ifndef __SANITIZE_ADDRESS__ /* which has an allocator of its own, to find what this one would hide */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16
#define CHUNK (256u << 10) /* bytes that are asked of the kernel at least */

/* In front of each block, so that realloc knows how much there is to copy. */
struct block {
	_Alignas(ALIGNMENT) size_t size;
};

static _Alignas(ALIGNMENT) char first[16384];
static char *next = first;
static char *limit = first + sizeof first;

void *malloc(size_t size)
{
	if (size > PTRDIFF_MAX - CHUNK) {
		errno = ENOMEM;
		return NULL;
	}
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	size_t whole = sizeof(struct block) + size;
	if ((size_t)(limit - next) < whole) {
		size_t length = whole > CHUNK ? whole : CHUNK;
		void *chunk = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (chunk == MAP_FAILED)
			return NULL;
		next = chunk;
		limit = next + length;
	}
	struct block *block = (struct block *)(void *)next;
	block->size = size;
	next += whole;
	return block + 1;
}

void *realloc(void *old, size_t size)
{
	struct block *block = (struct block *)old - 1;

	if (old && size <= block->size)
		return old;
	void *memory = malloc(size);
	if (memory && old)
		memcpy(memory, old, block->size);
	return memory;
}

/* Memory that was never used is zero, from the program's start or from the kernel. */
void *calloc(size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return malloc(count * size);
}

void free(void *memory)
{
	(void)memory;
}

#endif
