/*
 * A process inside the fuzzer. Workers and launchers end by _exit and leave it to the kernel to take back what they have: here memory,
 * mappings and descriptors are noted, and taken back when the body ends.
 */
#ifndef CLEANENV_FUZZ_PROCESS_H
#define CLEANENV_FUZZ_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* Run `body` until it returns or exits. Returns its exit status, or -1 when it has returned. */
int process_run(void (*body)(void *context), void *context);

/* Whether a body runs, so that a stand-in need not stand in for the fuzzer's own calls. */
bool process_is_running(void);

/* What the running body has at the moment: blocks of memory that it allocated itself, mappings among them, and descriptors. */
size_t process_blocks(void);
size_t process_descriptors(void);

/* The memory that it has mapped last without a file. */
void *process_last_mapping(void);

#endif
