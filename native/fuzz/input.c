#include "fuzz/input.h"

#include "fuzz/fuzz.h"

char *input_string(struct input *input)
{
	size_t size;
	const uint8_t *bytes = input_bytes(input, &size);
	char *string = strndup((const char *)bytes, size);

	REQUIRE(string);
	return string;
}
