/* One program of the host that is linked, `git`: every launch table that is opened is that of linked.c. */
#ifndef CLEANENV_FUZZ_LINKED_H
#define CLEANENV_FUZZ_LINKED_H

#define LINKED_TABLE "/table"
#define LINKED_NAME "git"
#define LINKED_PATH "/bin/git"

#endif
