/* URLs in arguments (A1). A program that opens a URL of a file decodes it, so what it names must be matched decoded. */
#include "pathmap/url.h"

#include <string.h>
#include <strings.h>

static bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* Schemes and host names are the same in either case. */
static bool begins_with(struct slice text, const char *beginning)
{
	size_t length = strlen(beginning);

	return text.length >= length && strncasecmp(text.at, beginning, length) == 0;
}

static struct slice behind(struct slice text, size_t length)
{
	return (struct slice){ text.at + length, text.length - length };
}

/* `file`, or a scheme that says how a file is used: `git+file`. */
static bool is_file_scheme(struct slice scheme)
{
	return begins_with(scheme, "file") ? scheme.length == 4 :
					     scheme.length > 5 && begins_with(behind(scheme, scheme.length - 5), "+file");
}

/* file:/p, file:///p and file://localhost/p are this machine's; a query or fragment does not belong to the path. */
static enum pathmap_url file_url(struct slice text, struct slice *path)
{
	if (begins_with(text, "//")) {
		text = behind(text, 2);
		if (begins_with(text, "localhost"))
			text = behind(text, strlen("localhost"));
		if (!begins_with(text, "/"))
			return PATHMAP_OTHER_URL;
	}
	if (!begins_with(text, "/"))
		return PATHMAP_NO_URL;
	for (path->length = 0; path->length < text.length; path->length++)
		if (strchr("?#", text.at[path->length]))
			break;
	path->at = text.at;
	return PATHMAP_FILE_URL;
}

/*
 * A scheme is a letter and then letters, digits, `+`, `.` and `-` (RFC 3986); `://` behind it makes a URL of any
 * scheme. `file:` alone is enough, as ffmpeg and sqlite have it, if an absolute path follows.
 */
enum pathmap_url pathmap_url(struct slice text, struct slice *path)
{
	size_t length = 0;

	while (length < text.length &&
	       (is_letter(text.at[length]) ||
		(length > 0 && (is_digit(text.at[length]) || strchr("+.-", text.at[length])))))
		length++;
	if (length == 0 || length == text.length || text.at[length] != ':')
		return PATHMAP_NO_URL;
	if (is_file_scheme((struct slice){ text.at, length }))
		return file_url(behind(text, length + 1), path);
	return begins_with(behind(text, length), "://") ? PATHMAP_OTHER_URL : PATHMAP_NO_URL;
}

/* The value of a digit, or -1. */
static int hexadecimal(char byte)
{
	if (is_digit(byte))
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* %00 would end the path in the middle, for the kernel and for us; a wrong encoding means that this is no URL. */
bool pathmap_append_decoded(struct buffer *buffer, struct slice text)
{
	while (text.length > 0) {
		const char *percent = memchr(text.at, '%', text.length);
		size_t plain = percent ? (size_t)(percent - text.at) : text.length;

		pathmap_append(buffer, (struct slice){ text.at, plain });
		text = behind(text, plain);
		if (text.length == 0)
			break;
		int high = text.length < 3 ? -1 : hexadecimal(text.at[1]);
		int low = text.length < 3 ? -1 : hexadecimal(text.at[2]);
		if (high < 0 || low < 0 || high + low == 0)
			return false;
		char byte = (char)(16 * high + low);
		pathmap_append(buffer, (struct slice){ &byte, 1 });
		text = behind(text, 3);
	}
	return true;
}

/* The characters that RFC 3986 allows in a path stay, so that a reader still knows it. */
void pathmap_append_encoded(struct buffer *buffer, struct slice text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.length; i++) {
		unsigned char byte = (unsigned char)text.at[i];
		char code[3] = { '%', digits[byte >> 4], digits[byte & 15] };
		bool allowed = is_letter((char)byte) || is_digit((char)byte) || strchr("-._~!$&'()*+,;=:@/", byte);

		pathmap_append(buffer, allowed ? (struct slice){ text.at + i, 1 } : (struct slice){ code, 3 });
	}
}
