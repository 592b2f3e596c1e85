#include "launcher/answers.h"

#include "launcher/failure.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HASHED 24 /* bytes at the end: there the paths of one call differ */

/* FNV-1a: paths of one call are few, and whoever chooses them waits for the call himself. */
static uint32_t hash(const char *text)
{
	size_t length = strlen(text);
	uint32_t value = 2166136261u + (uint32_t)length;

	for (text += length > HASHED ? length - HASHED : 0; *text; text++)
		value = (value ^ (unsigned char)*text) * 16777619u;
	return value;
}

static struct answer *slot_of(const struct answers *answers, const char *path)
{
	size_t mask = answers->capacity - 1, i = hash(path) & mask;

	while (answers->slots[i].path && strcmp(answers->slots[i].path, path) != 0)
		i = (i + 1) & mask;
	return &answers->slots[i];
}

/* Linear probing stays short while at least half of the slots are free. */
static void grow(struct answers *answers)
{
	struct answers larger = { .capacity = answers->capacity ? 2 * answers->capacity : 64 };

	larger.slots = allocate(NULL, larger.capacity * sizeof *larger.slots);
	memset(larger.slots, 0, larger.capacity * sizeof *larger.slots);
	for (size_t i = 0; i < answers->capacity; i++)
		if (answers->slots[i].path)
			*slot_of(&larger, answers->slots[i].path) = answers->slots[i];
	free(answers->slots);
	answers->slots = larger.slots;
	answers->capacity = larger.capacity;
}

struct answer *answers_find(struct answers *answers, const char *path, bool *fresh)
{
	if (2 * answers->count >= answers->capacity)
		grow(answers);
	struct answer *answer = slot_of(answers, path);
	*fresh = !answer->path;
	if (*fresh) {
		answer->path = join(path, NULL);
		answer->target = NULL;
		answer->presence = PATHMAP_ASKED;
		answers->count++;
		answers->asked++;
	}
	return answer;
}
