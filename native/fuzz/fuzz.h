/*
 * What every fuzz target is made of: one function that gets bytes, and functions that stand in for others.
 *
 * A target is a file of its own, linked with all of the product but its two main() (native/Makefile). libFuzzer calls it with ever
 * new bytes (`make fuzz`); build/replay/TARGET runs files through it once, without libFuzzer (`make test`).
 */
#ifndef CLEANENV_FUZZ_FUZZ_H
#define CLEANENV_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's name for it. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * REPLACE(int, chdir, const char *path) { … } is called instead of chdir by everybody (ld(1), --wrap): the Makefile finds the name. It
 * must stand at the beginning of a line. ORIGINAL declares the function that it stands in for, as original_chdir. Without the address
 * sanitizer, which may call it itself before it can check anything.
 */
#define UNCHECKED __attribute__((no_sanitize("address")))
#define REPLACE(result, name, ...)                   \
	result __wrap_##name(__VA_ARGS__);           \
	UNCHECKED result __wrap_##name(__VA_ARGS__)
#define ORIGINAL(result, name, ...) result original_##name(__VA_ARGS__) __asm__("__real_" #name)

/* What must hold, whatever the bytes are. */
#define REQUIRE(condition)                  \
	do {                                \
		if (!(condition))           \
			__builtin_trap();   \
	} while (0)

#endif
