/*
 * What the mapping of a call's paths costs: `mapping LAUNCH-TABLE [ARGUMENT]...` prints the microseconds.
 *
 * Linked from the launcher's objects. Each measure is a process of its own, as a call is: its memory is fresh, and
 * nothing is known of any path.
 */
#include "launcher/paths.h"
#include "launcher/program.h"
#include "table/table.h"

#include <stdio.h>
#include <time.h>

int main(int argc, char **argv)
{
	const struct program program = { .name = "program" };
	char *variables[] = { NULL };
	struct table table;
	struct timespec start, end;

	if (argc < 2 || table_open(&table, argv[1]) < 0)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &start);
	paths_map(&table, &program, argv + 1, variables);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.3f\n", (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3);
	return 0;
}
