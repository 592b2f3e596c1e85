/* Runs a fuzz target once over each file named: what libFuzzer's program does with files, where there is no libFuzzer. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (1u << 20)

int main(int count, char **paths)
{
	for (int i = 1; i < count; i++) {
		FILE *file = fopen(paths[i], "re");
		uint8_t *data = malloc(INPUT_MAX);

		if (!file || !data) {
			perror(paths[i]);
			return 1;
		}
		size_t size = fread(data, 1, INPUT_MAX, file);
		fclose(file);
		/* A finding ends this process: the last line names the file. */
		printf("%s\n", paths[i]);
		fflush(stdout);
		/* A block of exactly the input's size: the sanitizer sees the first byte behind it. */
		data = realloc(data, size + (size == 0));
		LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	return 0;
}
