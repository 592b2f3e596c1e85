/* Going through an argument or a variable: pieces are looked at where they stand, the rest is copied byte by byte. */
#ifndef CLEANENV_PATHMAP_SCAN_H
#define CLEANENV_PATHMAP_SCAN_H

#include "pathmap/classes.h"

struct pathmap_scan {
	const struct pathmap *map;
	enum pathmap_direction direction;
	const char *text;
	size_t length;
	unsigned circumstances; /* of the pieces looked at from here on */
	enum pathmap_finding finding;
	/* Up to here `text` is in `out`, with its paths mapped. */
	size_t copied;
	struct buffer out;
	/* What is told of the whole: its first mapped piece, or else its first one. */
	enum pathmap_verdict verdict;
	bool mapped;
	bool asked;
};

struct pathmap_scan pathmap_scan(const struct pathmap *map, enum pathmap_direction direction, const char *text);
struct slice pathmap_scan_rest(const struct pathmap_scan *scan, size_t from);

/* Judge the path between two offsets, absolute or with `..`, and replace it if it has another name there. */
void pathmap_look(struct pathmap_scan *scan, size_t from, size_t to, unsigned circumstances);

/* As pathmap_look, for the percent-encoded path of a URL; what replaces it is encoded again (A1). */
void pathmap_look_encoded(struct pathmap_scan *scan, size_t from, size_t to, unsigned circumstances);

struct pathmap_result pathmap_scan_finish(struct pathmap_scan *scan);

#endif
