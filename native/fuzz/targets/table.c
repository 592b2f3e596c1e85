/* The launch table: any file is refused, or everything that a launcher reads of it lies inside. Then a program is found in it. */
#include "table/table.h"

#include "fuzz/fuzz.h"
#include "fuzz/input.h"
#include "fuzz/process.h"
#include "launcher/failure.h"
#include "launcher/program.h"
#include "launcher/variables.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static const uint8_t *name; /* of the program that is called */
static size_t name_length;

REPLACE(ssize_t, readlink, const char *path, char *target, size_t size)
{
	(void)path;
	REQUIRE(name_length < size);
	memcpy(target, name, name_length);
	return (ssize_t)name_length;
}

/* The message of a failure, which goes to standard error. */
REPLACE(ssize_t, writev, int descriptor, const struct iovec *parts, int count)
{
	REQUIRE(descriptor == 2 && count > 1);
	return (ssize_t)parts[0].iov_len;
}

static void check_strings(const struct table *table)
{
	const char *end = (const char *)table->header + table->size;
	const struct table_mount *mounts = table_mounts(table);

	REQUIRE(end[-1] == '\0');
	for (uint32_t i = 0; i < table->header->mount_count; i++) {
		REQUIRE(table_string(table, mounts[i].host) < end);
		REQUIRE(table_string(table, mounts[i].container) < end);
	}
	for (uint32_t i = 0; i < table->header->program_count; i++) {
		const struct table_program *program = &table_programs(table)[i];
		const uint32_t strings[] = { program->pattern, program->script_options, program->map_options, program->keep_options,
					     program->stop_words, program->map_words, program->follow_unless };
		for (size_t at = 0; at < sizeof strings / sizeof *strings; at++)
			REQUIRE(table_string(table, strings[at]) < end);
		REQUIRE(program->text <= TABLE_TEXT_BOTH && program->operands <= TABLE_OPERANDS_KEEP_FIRST);
	}
	for (uint32_t i = 0; i < table->header->variable_count; i++)
		REQUIRE(table_string(table, table_variables(table)[i].pattern) < end);
	for (uint32_t i = 0; i < table->header->snapshot_count; i++)
		REQUIRE(table_string(table, table_snapshots(table)[i].program) < end);
}

static void find_program(void *context)
{
	const struct table *table = context;
	struct program program = program_find(table, "argument");

	REQUIRE(program.candidate_count > 0 && program.candidate_count <= table->header->link_count);
	for (size_t i = 0; i < program.candidate_count; i++)
		REQUIRE(strlen(program.candidates[i]) < (size_t)-1);
}

static void read_table(void *context)
{
	struct table table;

	if (table_open(&table, context) < 0)
		return;
	check_strings(&table);
	variables_judge(&table, "A_VARIABLE");
	find_program(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	char path[64];
	int file = memfd_create("table", MFD_CLOEXEC);

	name = input_bytes(&input, &name_length);
	name_length = name_length < 255 ? name_length : 255; /* NAME_MAX */
	REQUIRE(file >= 0 && write(file, input.at, input.left) == (ssize_t)input.left);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	int status = process_run(read_table, path);
	REQUIRE(status == -1 || status == FAILURE_NOT_FOUND);
	close(file);
	return 0;
}
