#include "fuzz/process.h"

#include "fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 512 /* that a body opens; process_descriptors looks no further */

ORIGINAL(_Noreturn void, _exit, int status);
ORIGINAL(void *, malloc, size_t size);
ORIGINAL(void *, calloc, size_t count, size_t size);
ORIGINAL(void *, realloc, void *old, size_t size);
ORIGINAL(void, free, void *memory);
ORIGINAL(void *, mmap, void *address, size_t length, int protection, int flags, int descriptor, off_t offset);
ORIGINAL(int, munmap, void *address, size_t length);

static jmp_buf end;
static bool running;
static int exit_status;
static int first_descriptor; /* of those that the body opens */
static struct block {
	void *at;
	size_t mapped; /* bytes; 0: allocated */
} *blocks;
static size_t count, capacity;
static void *last_mapping;

static void *note(void *memory, size_t mapped)
{
	if (!running || !memory)
		return memory;
	if (count == capacity) {
		capacity = 2 * capacity + 64;
		blocks = original_realloc(blocks, capacity * sizeof *blocks);
		REQUIRE(blocks);
	}
	blocks[count++] = (struct block){ memory, mapped };
	return memory;
}

static void give_back(struct block block)
{
	if (block.mapped)
		original_munmap(block.at, block.mapped);
	else
		original_free(block.at);
}

/* From the end: what was allocated last is freed first. */
static bool take_out(const void *memory, struct block *block)
{
	for (size_t i = count; i-- > 0;) {
		if (blocks[i].at == memory) {
			*block = blocks[i];
			blocks[i] = blocks[--count];
			return true;
		}
	}
	return false;
}

REPLACE(_Noreturn void, _exit, int status)
{
	if (!running)
		original__exit(status);
	exit_status = status;
	longjmp(end, 1);
}

REPLACE(void *, malloc, size_t size)
{
	return note(original_malloc(size), 0);
}

REPLACE(void *, calloc, size_t items, size_t size)
{
	return note(original_calloc(items, size), 0);
}

REPLACE(void *, realloc, void *old, size_t size)
{
	void *memory = original_realloc(old, size);
	struct block block;

	if (memory && running)
		take_out(old, &block);
	return note(memory, 0);
}

REPLACE(void, free, void *memory)
{
	struct block block;

	if (running)
		take_out(memory, &block);
	original_free(memory);
}

/* A mapped file is a block of exactly its size: the sanitizer sees the first byte behind it, where the kernel has a page's rest. */
REPLACE(void *, mmap, void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
	if (!running)
		return original_mmap(address, length, protection, flags, descriptor, offset);
	if (descriptor < 0) {
		last_mapping = original_mmap(address, length, protection, flags, descriptor, offset);
		REQUIRE(last_mapping != MAP_FAILED);
		return note(last_mapping, length);
	}
	void *copy = note(original_malloc(length), 0);
	REQUIRE(copy && pread(descriptor, copy, length, offset) == (ssize_t)length);
	return copy;
}

REPLACE(int, munmap, void *address, size_t length)
{
	struct block block;

	if (!running || !take_out(address, &block))
		return original_munmap(address, length);
	give_back(block);
	return 0;
}

UNCHECKED bool process_is_running(void)
{
	return running;
}

size_t process_blocks(void)
{
	return count;
}

size_t process_descriptors(void)
{
	size_t open = 0;

	for (int descriptor = first_descriptor; descriptor < first_descriptor + DESCRIPTORS_MAX; descriptor++)
		open += fcntl(descriptor, F_GETFD) >= 0;
	return open;
}

void *process_last_mapping(void)
{
	return last_mapping;
}

static void close_from(int descriptor)
{
	REQUIRE(syscall(SYS_close_range, descriptor, ~0U, 0) == 0);
}

int process_run(void (*body)(void *context), void *context)
{
	first_descriptor = fcntl(0, F_DUPFD, 3);
	REQUIRE(first_descriptor >= 0);
	close_from(first_descriptor); /* the first time, what was inherited and is nobody's */
	running = true;
	exit_status = -1;
	if (setjmp(end) == 0)
		body(context);
	running = false;
	while (count > 0)
		give_back(blocks[--count]);
	close_from(first_descriptor);
	return exit_status;
}
