#include "table/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_MAX (16u << 20) /* bytes; a link is some forty bytes */

static const char *at(const struct table *table, uint32_t offset)
{
	return (const char *)table->header + offset;
}

/* Whether an array lies inside the file and may be read in place. */
static bool holds(const struct table *table, uint32_t offset, uint32_t count, size_t item)
{
	return offset % sizeof(uint32_t) == 0 && offset <= table->size && count <= (table->size - offset) / item;
}

/* The last byte of the file is NUL, so a string that begins inside ends inside. */
static bool is_string(const struct table *table, uint32_t offset)
{
	return offset < table->size;
}

static bool is_valid_program(const struct table *table, const struct table_program *program)
{
	return is_string(table, program->pattern) && is_string(table, program->script_options) &&
	       is_string(table, program->map_options) && is_string(table, program->keep_options) &&
	       is_string(table, program->stop_words) && is_string(table, program->map_words) &&
	       is_string(table, program->follow_unless) && program->operands <= TABLE_OPERANDS_KEEP_FIRST &&
	       program->text <= TABLE_TEXT_BOTH;
}

static bool is_valid(const struct table *table)
{
	const struct table_header *header = table->header;

	if (header->magic != TABLE_MAGIC || header->version != TABLE_VERSION || header->size != table->size ||
	    *at(table, header->size - 1) != '\0' || !is_string(table, header->environment) ||
	    !is_string(table, header->home) || header->direction > TABLE_TO_HOST ||
	    !holds(table, header->mounts, header->mount_count, sizeof(struct table_mount)) ||
	    !holds(table, header->links, header->link_count, sizeof(struct table_link)) ||
	    !holds(table, header->variables, header->variable_count, sizeof(struct table_variable)) ||
	    !holds(table, header->programs, header->program_count, sizeof(struct table_program)) ||
	    !holds(table, header->snapshots, header->snapshot_count, sizeof(struct table_snapshot)))
		return false;
	for (uint32_t i = 0; i < header->mount_count; i++) {
		const struct table_mount *mount = &table_mounts(table)[i];
		if (!is_string(table, mount->host) || !is_string(table, mount->container))
			return false;
	}
	for (uint32_t i = 0; i < header->link_count; i++) {
		const struct table_link *link = &table_links(table)[i];
		if (!is_string(table, link->name) || !is_string(table, link->path))
			return false;
	}
	for (uint32_t i = 0; i < header->variable_count; i++)
		if (!is_string(table, table_variables(table)[i].pattern))
			return false;
	for (uint32_t i = 0; i < header->program_count; i++)
		if (!is_valid_program(table, &table_programs(table)[i]))
			return false;
	for (uint32_t i = 0; i < header->snapshot_count; i++)
		if (!is_string(table, table_snapshots(table)[i].program))
			return false;
	return true;
}

int table_open(struct table *table, const char *path)
{
	struct stat status;
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return -1;

	void *bytes = MAP_FAILED;
	if (fstat(descriptor, &status) == 0) {
		errno = EPROTO;
		if (status.st_size >= (off_t)sizeof *table->header && status.st_size <= (off_t)TABLE_MAX)
			bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	}
	int error = errno;
	close(descriptor);
	errno = error;
	if (bytes == MAP_FAILED)
		return -1;

	table->header = bytes;
	table->size = (size_t)status.st_size;
	if (is_valid(table))
		return 0;
	munmap(bytes, table->size);
	errno = EPROTO;
	return -1;
}

const char *table_string(const struct table *table, uint32_t offset)
{
	return at(table, offset);
}

const struct table_mount *table_mounts(const struct table *table)
{
	return (const struct table_mount *)(const void *)at(table, table->header->mounts);
}

const struct table_link *table_links(const struct table *table)
{
	return (const struct table_link *)(const void *)at(table, table->header->links);
}

const struct table_variable *table_variables(const struct table *table)
{
	return (const struct table_variable *)(const void *)at(table, table->header->variables);
}

const struct table_program *table_programs(const struct table *table)
{
	return (const struct table_program *)(const void *)at(table, table->header->programs);
}

const struct table_snapshot *table_snapshots(const struct table *table)
{
	return (const struct table_snapshot *)(const void *)at(table, table->header->snapshots);
}
