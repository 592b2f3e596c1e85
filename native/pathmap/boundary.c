/*
 * Text is bytes in which ASCII is itself, UTF-8 for instance. A control byte separates as a blank does; ESC begins a sequence that colours
 * what follows (ECMA-48), and what follows begins where the sequence ends.
 */
#include "pathmap/boundary.h"

#include <string.h>

#define ESCAPE 033
#define HOST_MAX 256 /* bytes of a machine's name (RFC 1035) */

/* What a byte is; some are several things. */
enum kind { BLANK = 1, QUOTE = 2, OPENING = 4, CLOSING = 8, LETTER = 16, DIGIT = 32, JOINT = 64 };

static const unsigned char kinds[256] = {
	[1 ... ESCAPE - 1] = BLANK, [ESCAPE + 1 ... ' '] = BLANK,
	['\''] = QUOTE | CLOSING, ['"'] = QUOTE | CLOSING, ['`'] = QUOTE | CLOSING,
	['('] = OPENING | CLOSING, ['['] = OPENING | CLOSING, ['{'] = OPENING | CLOSING,
	['<'] = OPENING | CLOSING, ['>'] = OPENING | CLOSING,
	[','] = OPENING | CLOSING, [';'] = OPENING | CLOSING, ['='] = OPENING, ['|'] = OPENING,
	[')'] = CLOSING, [']'] = CLOSING, ['}'] = CLOSING, [':'] = CLOSING, ['/'] = CLOSING, [ESCAPE] = CLOSING,
	['0' ... '9'] = DIGIT, ['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER,
	['.'] = JOINT, ['-'] = JOINT,
};

static bool is(char byte, unsigned int kind)
{
	return kinds[(unsigned char)byte] & kind;
}

static bool is_between(char byte, unsigned char first, unsigned char last)
{
	return (unsigned char)byte >= first && (unsigned char)byte <= last;
}

/* One of ' " ` or of U+2018 to U+201F, U+2039, U+203A, U+00AB and U+00BB, ending at `at`. */
static bool is_behind_quote(const char *text, size_t at)
{
	if (is(text[at - 1], QUOTE))
		return true;
	if (at >= 2 && text[at - 2] == '\xc2')
		return text[at - 1] == '\xab' || text[at - 1] == '\xbb';
	return at >= 3 && text[at - 3] == '\xe2' && text[at - 2] == '\x80' &&
	       (is_between(text[at - 1], 0x98, 0x9f) || is_between(text[at - 1], 0xb9, 0xba));
}

static bool is_behind_blank(const char *text, size_t at)
{
	return at == 0 || is(text[at - 1], BLANK);
}

/*
 * ESC [ parameters intermediates final, ESC intermediates final, or ESC and one more byte, as ESC \ at the end of a string. What opens
 * a string is followed by it.
 */
static bool is_behind_escape(const char *text, size_t at)
{
	size_t oldest = at > PATHMAP_LOOK_BACK ? at - PATHMAP_LOOK_BACK : 0, back = at - 1;
	char final = text[back];

	while (back > oldest && is_between(text[back - 1], ' ', '/'))
		back--;
	if (back > oldest && text[back - 1] == ESCAPE)
		return is_between(final, '0', '~') && (back < at - 1 || !strchr("[]PX^_", final));
	while (back > oldest && is_between(text[back - 1], '0', '?'))
		back--;
	return is_between(final, '@', '~') && back > oldest + 1 && text[back - 1] == '[' && text[back - 2] == ESCAPE;
}

/* `-I`: one letter, at the start of a word. */
static bool is_behind_option(const char *text, size_t at)
{
	return at >= 2 && text[at - 2] == '-' && is(text[at - 1], LETTER) &&
	       (is_behind_blank(text, at - 2) || is_behind_quote(text, at - 2));
}

/* The name of a machine may stand between, as in the links of gcc's and ls's output; behind dots a name of T3 begins. */
static bool is_in_file_url(const char *text, size_t at)
{
	size_t back = at;

	if (is(text[at - 1], JOINT))
		return false;
	while (back > 0 && at - back < HOST_MAX && is(text[back - 1], LETTER | DIGIT | JOINT))
		back--;
	return back >= 7 && !memcmp(text + back - 7, "file://", 7);
}

static bool is_of_name(char byte)
{
	return is(byte, LETTER | DIGIT | JOINT) || byte == '_';
}

/* `user@host:` in front of it: a path of that machine. */
static bool is_remote(const char *text, size_t at)
{
	size_t back = at - 1;

	while (back > 0 && at - back < HOST_MAX && is_of_name(text[back - 1]))
		back--;
	return back >= 2 && back < at - 1 && text[back - 1] == '@' && is_of_name(text[back - 2]);
}

enum pathmap_beginning pathmap_begins(const char *text, size_t at)
{
	if (is_behind_blank(text, at) || is(text[at - 1], OPENING) || is_behind_quote(text, at))
		return PATHMAP_BEGINNING;
	if (text[at - 1] == ':')
		return is_remote(text, at) ? PATHMAP_NO_BEGINNING : PATHMAP_BEGINNING;
	if (is_behind_escape(text, at) || is_behind_option(text, at))
		return PATHMAP_BEGINNING;
	return is_in_file_url(text, at) ? PATHMAP_BEGINNING_IN_URL : PATHMAP_NO_BEGINNING;
}

/* The byte at `at` if it is there; else it is awaited, and after the last one there is none. */
static enum pathmap_answer at_end(bool final, enum pathmap_answer of_the_last)
{
	return final ? of_the_last : PATHMAP_OPEN;
}

/*
 * A mark of two or three bytes behind a path: the quotes « and », and all of General Punctuation up to U+203F. Its last byte would be
 * one too many to wait for, and dashes, dots and blanks of that block end a name too.
 */
static enum pathmap_answer is_mark(const char *text, size_t at, size_t limit, bool final)
{
	if (text[at] != '\xc2' && text[at] != '\xe2')
		return PATHMAP_NO;
	if (at + 1 == limit)
		return at_end(final, PATHMAP_NO);
	char next = text[at + 1];
	bool mark = text[at] == '\xe2' ? next == '\x80' : next == '\xa0' || next == '\xab' || next == '\xbb';
	return mark ? PATHMAP_YES : PATHMAP_NO;
}

enum pathmap_answer pathmap_ends(const char *text, size_t at, size_t limit, bool final)
{
	if (at == limit)
		return at_end(final, PATHMAP_YES);
	if (is(text[at], BLANK | CLOSING))
		return PATHMAP_YES;
	if (text[at] != '.')
		return is_mark(text, at, limit, final);
	if (at + 1 == limit)
		return at_end(final, PATHMAP_YES);
	return is(text[at + 1], BLANK) ? PATHMAP_YES : PATHMAP_NO;
}

enum pathmap_answer pathmap_stands_alone(const char *text, size_t from, size_t to, size_t limit, bool final)
{
	if (to == limit)
		return at_end(final, PATHMAP_NO);
	if (text[to] == ':')
		return is_behind_blank(text, from) ? PATHMAP_YES : PATHMAP_NO;
	if (from == 0 || !is_behind_quote(text, from))
		return PATHMAP_NO;
	return is(text[to], QUOTE) ? PATHMAP_YES : is_mark(text, to, limit, final);
}
