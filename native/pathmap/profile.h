/* Rule O: what a program's own options say about its arguments. Text only: nothing is asked, nothing is mapped. */
#ifndef CLEANENV_PATHMAP_PROFILE_H
#define CLEANENV_PATHMAP_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pathmap_operands { PATHMAP_OPERANDS_MAP, PATHMAP_OPERANDS_KEEP, PATHMAP_OPERANDS_KEEP_FIRST };

/* The meaning of each is written down in cleanenv/profiles.conf. A list is one string with blanks between its words. */
struct pathmap_profile {
	enum pathmap_operands operands;
	const char *script_options;
	const char *map_options;
	const char *keep_options;
	uint32_t stop_after; /* UINT32_MAX: never */
	const char *stop_words;
	const char *map_words;
	bool follow;
	const char *follow_unless;
};

/* What is to be done with one argument. */
enum pathmap_treatment {
	PATHMAP_BY_SHAPE,     /* rules A */
	PATHMAP_LINK_ITSELF,  /* the same, but a link at the very end is meant itself (M8) */
	PATHMAP_KEEP_OPERAND, /* kept: a script, a word for somebody else */
	PATHMAP_KEEP_VALUE,   /* kept: the value of an option that takes no path of this machine */
	PATHMAP_KEEP_REST,    /* kept: it follows the operand behind which everything belongs to another machine */
};

/* Decide about the `count` arguments behind a program's name; `treatments` gets an enum pathmap_treatment for each. */
void pathmap_plan(const struct pathmap_profile *profile, char *const *arguments, size_t count,
		  unsigned char *treatments);

#endif
