/* The fuzzer's bytes, taken from the front. When none are left, everything is zero and empty. */
#ifndef CLEANENV_FUZZ_INPUT_H
#define CLEANENV_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
	const uint8_t *at;
	size_t left;
};

static inline const uint8_t *input_take(struct input *input, size_t size)
{
	const uint8_t *taken = input->at;

	input->at += size;
	input->left -= size;
	return taken;
}

static inline uint8_t input_byte(struct input *input)
{
	return input->left > 0 ? *input_take(input, 1) : 0;
}

/* Fill `size` bytes of `to`, with zeros where the input ends. */
static inline void input_fill(struct input *input, void *to, size_t size)
{
	size_t given = size < input->left ? size : input->left;

	if (given > 0)
		memcpy(to, input_take(input, given), given);
	memset((char *)to + given, 0, size - given);
}

/* Bytes with their number, 16 bits, in front. */
static inline const uint8_t *input_bytes(struct input *input, size_t *size)
{
	uint16_t wanted;

	input_fill(input, &wanted, sizeof wanted);
	*size = wanted < input->left ? wanted : input->left;
	return input_take(input, *size);
}

/* The same as a string that ends with the first NUL; the caller's to free. */
char *input_string(struct input *input);

#endif
