/*
 * Stands for the launcher where only the directory is tested: a static program with the launcher's placeholder.
 *
 *   probe ...        prints its own path, the runtime directory, and its arguments, each in a line
 *   probe wait       says so, waits for the end of stdin, then reads all of its own pages
 *   probe hold       the same, with all pages locked in memory before it says so
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

char runtime_directory[128] = "@CLEANENV-RUNTIME@";

/* Enough pages that the kernel does not read them all when the program starts. */
const unsigned char ballast[2 << 20] = { [1] = 1, [1 << 20] = 1, [(2 << 20) - 1] = 1 };

int main(int argc, char **argv)
{
	char path[8192] = "", byte;
	unsigned long sum = 0;

	if (argc > 1 && (strcmp(argv[1], "wait") == 0 || strcmp(argv[1], "hold") == 0)) {
		if (strcmp(argv[1], "hold") == 0 && mlockall(MCL_CURRENT) < 0)
			return 1;
		if (write(1, "waiting\n", 8) != 8)
			return 1;
		while (read(0, &byte, 1) > 0)
			;
		for (volatile const unsigned char *at = ballast; at < ballast + sizeof ballast; at++)
			sum += *at;
		return sum == 3 ? 0 : 1;
	}
	if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
		return 1;
	puts(path);
	puts(runtime_directory);
	for (int i = 0; i < argc; i++)
		puts(argv[i]);
	return 0;
}
