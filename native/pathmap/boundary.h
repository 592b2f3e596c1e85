/* Where a path may begin and end in running text (T1). */
#ifndef CLEANENV_PATHMAP_BOUNDARY_H
#define CLEANENV_PATHMAP_BOUNDARY_H

#include <stdbool.h>
#include <stddef.h>

enum pathmap_beginning { PATHMAP_NO_BEGINNING, PATHMAP_BEGINNING, PATHMAP_BEGINNING_IN_URL };

/* Whether a path may begin at `at`. Looks at what stands before: at no more than PATHMAP_LOOK_BACK bytes. */
enum pathmap_beginning pathmap_begins(const char *text, size_t at);

#define PATHMAP_LOOK_BACK 320 /* bytes: `file://`, and the longest name of a host (RFC 1035) */

/* PATHMAP_OPEN: what comes next decides. */
enum pathmap_answer { PATHMAP_NO, PATHMAP_YES, PATHMAP_OPEN };

/* Whether a path ends at `at`; `limit` is where the text ends, for good if it is `final`. Two bytes are always enough. */
enum pathmap_answer pathmap_ends(const char *text, size_t at, size_t limit, bool final);

/* Whether what stands from `from` to `to` is alone between quotes, or before a colon at the start of a word (T2). */
enum pathmap_answer pathmap_stands_alone(const char *text, size_t from, size_t to, size_t limit, bool final);

#endif
