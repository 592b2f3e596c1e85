/* Mounts and directories out of the fuzzer's bytes, for what the path map is asked. */
#ifndef CLEANENV_FUZZ_MOUNTS_H
#define CLEANENV_FUZZ_MOUNTS_H

#include "fuzz/input.h"
#include "pathmap/pathmap.h"

#define MOUNTS_MAX 6

/* Take `map->mount_count` mounts into an array of as many, and the directory. */
void mounts_take(struct input *input, struct pathmap *map, struct pathmap_mount *mounts);
void mounts_free(struct pathmap *map);

#endif
