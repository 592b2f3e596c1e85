/*
 * The launch table: what a launcher must know of its environment, in one file that it maps and never parses.
 *
 * cleanenv writes it (cleanenv/launch_table.py) and replaces it atomically; the launcher reads it. Offsets are in bytes
 * from the start of the file; strings end with NUL; the file's last byte is NUL. Everything is checked once, when the
 * table is opened: afterwards every offset is inside the file.
 */
#ifndef CLEANENV_TABLE_H
#define CLEANENV_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define TABLE_MAGIC 0x74766c63u /* "clvt" */
#define TABLE_VERSION 5

struct table_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size;        /* of the whole file */
	uint32_t environment; /* string: the path of the environment on the host */
	uint32_t home;        /* string: the user's home in the container */
	uint32_t mounts;      /* struct table_mount [mount_count] */
	uint32_t mount_count;
	uint32_t links; /* struct table_link [link_count], named links before globs */
	uint32_t link_count;
	uint32_t variables; /* struct table_variable [variable_count] */
	uint32_t variable_count;
	uint32_t programs; /* struct table_program [program_count], the first whose pattern matches is a program's own */
	uint32_t program_count;
	uint32_t snapshots; /* struct table_snapshot [snapshot_count] */
	uint32_t snapshot_count;
	uint32_t direction; /* enum table_direction */
};

/* Where the programs are. A host link is called in the container and runs on the host (docs/host-links.md). */
enum table_direction { TABLE_TO_CONTAINER, TABLE_TO_HOST };

struct table_mount {
	uint32_t host;      /* string */
	uint32_t container; /* string */
	uint32_t writable;
};

enum table_link_kind {
	TABLE_LINK_NAME = 1, /* `name` runs `path` */
	TABLE_LINK_GLOB = 2, /* a name that matches `name` runs the file of that name in `path`, a directory (or pattern of them) */
	TABLE_LINK_EXEC = 3, /* `name` runs its first argument in the container's view: argument paths are not mapped */
	TABLE_LINK_HOOK = 4, /* the same for cleanenv's own calls: nobody's use of the environment, and let in while it closes */
	TABLE_LINK_SESSION = 5, /* `name` tells the environment server that a shell enters or leaves; `path` is a Python of the host
				   that brings back a server which is gone */
};

struct table_link {
	uint32_t name; /* string */
	uint32_t path; /* string */
	uint32_t kind; /* enum table_link_kind */
};

enum table_variable_kind {
	TABLE_VARIABLE_DENIED = 1,  /* is not handed on, whatever else is said of it */
	TABLE_VARIABLE_ALLOWED = 2, /* is handed on; where one is allowed, those that are not stay behind */
};

/* A rule about the caller's variables. */
struct table_variable {
	uint32_t pattern; /* string: a name, or a pattern as of a link */
	uint32_t kind;    /* enum table_variable_kind */
};

/* What becomes of arguments that are no options. */
enum table_operands { TABLE_OPERANDS_MAP, TABLE_OPERANDS_KEEP, TABLE_OPERANDS_KEEP_FIRST };

/* In which streams the container's paths become the host's (T). */
enum table_text { TABLE_TEXT_OFF, TABLE_TEXT_STDERR, TABLE_TEXT_STDOUT, TABLE_TEXT_BOTH };

#define TABLE_NEVER UINT32_MAX

/* The options of one program (rule O); their meaning is written down in cleanenv/profiles.conf. A list is one string,
 * with blanks between its words. */
struct table_program {
	uint32_t pattern;        /* string: a name, or a pattern of names */
	uint32_t operands;       /* enum table_operands */
	uint32_t script_options; /* list */
	uint32_t map_options;    /* list */
	uint32_t keep_options;   /* list */
	uint32_t stop_after;     /* a number of operands, or TABLE_NEVER */
	uint32_t stop_words;     /* list */
	uint32_t map_words;      /* list */
	uint32_t follow;         /* 0 or 1 */
	uint32_t follow_unless;  /* list */
	uint32_t response_files; /* 0 or 1 */
	uint32_t text;           /* enum table_text */
};

/* After a run of this program the environment server is asked whether a snapshot is to be taken. */
struct table_snapshot {
	uint32_t program; /* string: its name */
	uint32_t always;  /* 0 or 1: after a failed run too */
};

struct table {
	const struct table_header *header;
	size_t size;
};

/* Map the table at `path`. Returns 0, or -1 with errno; EPROTO when it is not a table of this version. */
int table_open(struct table *table, const char *path);

const char *table_string(const struct table *table, uint32_t offset);
const struct table_mount *table_mounts(const struct table *table);
const struct table_link *table_links(const struct table *table);
const struct table_variable *table_variables(const struct table *table);
const struct table_program *table_programs(const struct table *table);
const struct table_snapshot *table_snapshots(const struct table *table);

#endif
