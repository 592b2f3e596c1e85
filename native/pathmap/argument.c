/*
 * Rules A: where a path can start in an argument. Every rule here has its origin in a program that was broken by a
 * looser one: an argument is text unless its shape says otherwise (A7, A8).
 */
#include <string.h>

#include "pathmap/relative.h"
#include "pathmap/scan.h"
#include "pathmap/url.h"

/* Of ASCII, whatever the locale: options and names have no others. */
static bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* `..` as a component: neither `...` nor `..x`. */
static bool begins_with_parent(const char *text)
{
	return text[0] == '.' && text[1] == '.' && (text[2] == '/' || text[2] == '\0');
}

static bool is_separator(char byte)
{
	return byte == ':' || byte == ',' || byte == ';' || byte == '=';
}

static bool has_separator(const char *text)
{
	while (*text && !is_separator(*text))
		text++;
	return *text;
}

/* What follows an option letter, or a `@`, at once, if it is a path at all. */
static bool begins_with_path(const char *text)
{
	return text[0] == '/' || begins_with_parent(text);
}

/* A7: no list of paths has quotes or control characters in it. */
static bool is_text(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f || strchr("\"'`", *text))
			return true;
	return false;
}

/* A5: the length of `NAME=`, or 0. */
static size_t assignment_length(const char *text)
{
	size_t length = 0;

	while (is_letter(text[length]) || text[length] == '_' || (length > 0 && is_digit(text[length])))
		length++;
	return length > 0 && text[length] == '=' ? length + 1 : 0;
}

/* A5: --mount lists, `type=bind,src=/p`: the distance to the next NAME= behind a value that holds no path, or 0. */
static size_t next_assignment(const char *text)
{
	size_t length = strcspn(text, "\"'` ,\n");

	return text[length] == ',' && assignment_length(text + length + 1) ? length + 1 : 0;
}

/*
 * A4: the length of an option that has a path attached without a sign between them, or 0. One letter, or one of the
 * compilers' words; never a letter and more, because -Isrc/tmp/x is a relative path.
 */
static size_t attached_option_length(const char *text)
{
	static const char *const words[] = {
		"-isystem",  "-iquote",  "-idirafter",   "-include",    "-imacros",
		"-isysroot", "-iprefix", "-iwithprefix", "-iframework", NULL,
	};

	if (text[0] != '-')
		return 0;
	if (is_letter(text[1]) && (begins_with_path(text + 2) || (text[2] == '@' && begins_with_path(text + 3))))
		return 2;
	for (const char *const *word = words; *word; word++) {
		size_t length = strlen(*word);
		if (strncmp(text, *word, length) == 0 && begins_with_path(text + length))
			return length;
	}
	return 0;
}

/*
 * A4: the length of an option's name and the sign behind it (`-DX:`, `--foo=`, `-Wl,`), or 0. What is no character of a
 * name ends the search: in -Isrc/a=/b the sign belongs to a path.
 */
static size_t named_option_length(const char *text)
{
	size_t dashes = strspn(text, "-"), length = dashes;

	while (is_letter(text[length]) || is_digit(text[length]) || (text[length] && strchr("_.+-", text[length])))
		length++;
	return dashes <= 2 && length > dashes && text[length] && strchr("=:,", text[length]) ? length + 1 : 0;
}

/*
 * Whether a path of the argument, absolute or relative, names a file that exists as it stands. The host is asked about
 * paths of the container too, by their name on the host.
 */
static bool exists(const struct pathmap_scan *scan, struct slice path)
{
	struct buffer full = { 0 }, normal = { 0 }, host = { 0 };
	struct slice absolute = path;
	bool answer = true;

	if (path.at[0] != '/') {
		answer = pathmap_append_full(&full, scan->map, scan->direction, path);
		pathmap_append_normal(&normal, pathmap_slice_of(&full));
		absolute = pathmap_slice_of(&normal);
	}
	if (answer && scan->direction == PATHMAP_TO_HOST) {
		struct pathmap_route route = pathmap_route(scan->map, PATHMAP_TO_HOST, absolute);
		answer = route.mount != NULL;
		if (answer)
			pathmap_append_mapped(&host, &route, PATHMAP_TO_HOST);
		pathmap_route_free(&route);
		absolute = pathmap_slice_of(&host);
	}
	answer = answer && pathmap_exists(scan->map, absolute);
	pathmap_buffer_free(&full);
	pathmap_buffer_free(&normal);
	pathmap_buffer_free(&host);
	return answer;
}

/* Separators in the name of a mounted directory do not end a path: C1 goes first. */
static size_t mount_name_length(const struct pathmap_scan *scan, struct slice text, const char *separators)
{
	size_t longest = 0;

	for (size_t i = 0; i < scan->map->mount_count; i++) {
		const struct pathmap_end *end = pathmap_near_end(&scan->map->mounts[i], scan->direction);
		size_t length = end->length;
		if (!end->has_separator || length <= longest || length > text.length ||
		    memcmp(text.at, end->path, length) != 0)
			continue;
		/* The argument goes on behind the name, or ends; the NUL counts as a separator to strchr. */
		if ((text.at[length] == '/' || strchr(separators, text.at[length])) && strpbrk(end->path, separators))
			longest = length;
	}
	return longest;
}

/* The text up to the next separator that is one. */
static struct slice next_piece(const struct pathmap_scan *scan, size_t from, const char *separators)
{
	const char *text = scan->text + from;
	size_t name = text[0] == '/' ? mount_name_length(scan, pathmap_scan_rest(scan, from), separators) : 0;

	return (struct slice){ text, name + strcspn(text + name, separators) };
}

/*
 * A blank in a list is a blank in a file's name if that file exists. Otherwise this is a sentence or a command
 * (`/home/u/run.sh --out=/home/u/x`), and to rewrite one half of it is the worst that can be done.
 */
static bool has_strange_blank(const struct pathmap_scan *scan, size_t from, const char *separators)
{
	if (!strchr(scan->text + from, ' '))
		return false;
	while (from <= scan->length) {
		struct slice piece = next_piece(scan, from, separators);
		if (pathmap_contains(piece, ' ') && !exists(scan, piece))
			return true;
		from += piece.length + 1;
	}
	return false;
}

/*
 * Look at each element by itself; whatever is between them, empty ones too, stays (L9). `options` says that this is the
 * list of a compiler's driver (-Wl, ...), whose elements may be options with a path attached.
 */
static void look_at_list(struct pathmap_scan *scan, size_t from, const char *separators, bool options)
{
	if (is_text(scan->text + from) || has_strange_blank(scan, from, separators))
		return;
	for (size_t at = from; at <= scan->length;) {
		struct slice piece = next_piece(scan, at, separators);
		size_t end = at + piece.length;
		/* -Wl,-rpath,/p,-L/q */
		if (options && at > from && scan->text[at - 1] == ',') {
			size_t option = attached_option_length(piece.at);
			at += option < piece.length ? option : 0;
		}
		/* The rest of a URL, `ssh://host:/p`, is another machine's. */
		if (piece.length >= 2 && piece.at[0] == '/' && piece.at[1] == '/' && at > from && scan->text[at - 1] == ':')
			return;
		struct slice element = { scan->text + at, end - at };
		if (at < end && (scan->text[at] == '/' || pathmap_may_cross(scan->map, scan->direction, element)))
			pathmap_look(scan, at, end, 0);
		at = end + 1;
	}
}

/*
 * A2, and the same for what begins with `..` (A3): one path if that exists, or else a list of them. A name that is to
 * be created and has a separator in it comes out right either way, because a list's elements keep their tails.
 */
static void look_at_paths(struct pathmap_scan *scan, size_t from, bool options)
{
	struct slice rest = pathmap_scan_rest(scan, from);
	size_t name = mount_name_length(scan, rest, PATHMAP_SEPARATORS);

	/* `//` is said once, for all of it (A1). */
	if (rest.length >= 2 && rest.at[1] == '/')
		pathmap_look(scan, from, scan->length, 0);
	else if (!has_separator(rest.at + name) || (!pathmap_is_kernel(rest) && exists(scan, rest)))
		pathmap_look(scan, from, scan->length, PATHMAP_WHOLE);
	else
		look_at_list(scan, from, PATHMAP_SEPARATORS, options);
}

/* A1. Returns false if this is no URL. */
static bool look_at_url(struct pathmap_scan *scan, size_t from)
{
	struct slice path;
	enum pathmap_url url = pathmap_url(pathmap_scan_rest(scan, from), &path);

	if (url == PATHMAP_NO_URL)
		return false;
	if (from == 0)
		scan->finding = PATHMAP_FOUND_URL;
	if (url == PATHMAP_FILE_URL) {
		size_t start = (size_t)(path.at - scan->text), end = start + path.length;
		if (pathmap_contains(path, '%'))
			pathmap_look_encoded(scan, start, end, PATHMAP_WHOLE);
		else
			pathmap_look(scan, start, end, PATHMAP_WHOLE);
	}
	return true;
}

/*
 * A6: host:path, rev:path and png:path look like lists too. A list is one whose first element shows that it is a path,
 * which a blank, a quote or a sign of some language in it does not.
 */
static bool is_relative_list(struct slice text)
{
	size_t head = 0;

	if (text.length > 0 && strchr("~+", text.at[0]))
		return false;
	while (head < text.length && text.at[head] != ':') {
		if ((unsigned char)text.at[head] <= ' ' || strchr(",;()|^$\\\"'<>&!`", text.at[head]))
			return false;
		head++;
	}
	struct slice first = { text.at, head };
	return head < text.length &&
	       (pathmap_is(first, ".") || pathmap_is(first, "..") || pathmap_contains(first, '/'));
}

/* Not strstr(3): musl's is a kilobyte. */
static bool has_empty_element(const char *list)
{
	while ((list = strchr(list, ':')))
		if (*++list == ':')
			return true;
	return false;
}

/*
 * Relative operands and values: lists, what goes up by `..` somewhere, and what leads below another mount. All others
 * mean the same in the container's working directory. `to` is where the value ends in a --mount list. Returns false if there is no path in this one.
 */
static bool look_at_relative(struct pathmap_scan *scan, size_t from, size_t to)
{
	struct slice text = { scan->text + from, to - from };

	if (is_relative_list(text)) {
		if (from == 0)
			scan->finding = PATHMAP_FOUND_LIST;
		if (!has_empty_element(text.at))
			look_at_list(scan, from, ":", false);
		return true;
	}
	if (pathmap_contains(text, ':') || !pathmap_may_cross(scan->map, scan->direction, text))
		return false;
	if (from == 0)
		scan->finding = PATHMAP_FOUND_PARENT;
	pathmap_look(scan, from, to, PATHMAP_WHOLE);
	return true;
}

/* What stands first in the argument names the rule that is told of it. */
static void found(struct pathmap_scan *scan, size_t at, enum pathmap_finding finding)
{
	if (at == 0)
		scan->finding = finding;
}

/*
 * From left to right: options and names are stripped until something is found whose shape is known. Each step goes
 * forward in the text, so that an argument of two megabytes costs two megabytes of looking and no stack.
 */
static void look_at_word(struct pathmap_scan *scan)
{
	bool comma = true, named = false;
	size_t at = 0, length;

	for (;;) {
		const char *text = scan->text + at;

		if (begins_with_path(text)) {
			found(scan, at, text[0] == '/' ? PATHMAP_FOUND_ABSOLUTE : PATHMAP_FOUND_PARENT);
			look_at_paths(scan, at, comma && at > 0);
			return;
		}
		/* Options inside of an option are those of -Wl, -Wa and -Wp. CFLAGS=-I/p is text. */
		if (text[0] == '-') {
			length = attached_option_length(text);
			found(scan, at, PATHMAP_FOUND_OPTION);
			if (!comma || (!length && !(length = named_option_length(text))))
				return;
			at += length;
			comma = scan->text[at - 1] == ',';
			scan->circumstances |= PATHMAP_VALUE;
			continue;
		}
		comma = false;
		if (look_at_url(scan, at))
			return;
		/* A3: a response or data file. */
		if (text[0] == '@' && begins_with_path(text + 1)) {
			found(scan, at, PATHMAP_FOUND_PARENT);
			at++;
			continue;
		}
		if ((length = assignment_length(text))) {
			found(scan, at, PATHMAP_FOUND_NAME);
			scan->circumstances |= PATHMAP_VALUE;
			named = true;
			at += length;
			continue;
		}
		if (look_at_relative(scan, at, named ? at + strcspn(text, ",") : scan->length))
			return;
		if (!named || !(length = next_assignment(text)))
			return;
		at += length;
	}
}

/* Both directions find paths by the same shapes; they differ in who judges them. */
static struct pathmap_result map_argument(const struct pathmap *map, enum pathmap_direction direction,
					  const char *argument, enum pathmap_treatment treatment)
{
	static const char *const kept[] = {
		[PATHMAP_KEEP_OPERAND] = "operand kept",
		[PATHMAP_KEEP_VALUE] = "value of an option kept",
		[PATHMAP_KEEP_REST] = "another machine's",
	};

	if (treatment >= PATHMAP_KEEP_OPERAND)
		return (struct pathmap_result){ PATHMAP_UNCHANGED, NULL, "O", kept[treatment] };
	/* A1, and the common case: nothing is asked and nothing is allocated. */
	if (!strchr(argument, '/') && strcmp(argument, "..") != 0)
		return (struct pathmap_result){ PATHMAP_UNCHANGED, NULL, "A1", "no path" };

	struct pathmap_scan scan = pathmap_scan(map, direction, argument);
	scan.circumstances = treatment == PATHMAP_LINK_ITSELF ? PATHMAP_LINK : 0;
	look_at_word(&scan);
	return pathmap_scan_finish(&scan);
}

struct pathmap_result pathmap_argument(const struct pathmap *map, const char *argument,
				       enum pathmap_treatment treatment)
{
	return map_argument(map, PATHMAP_TO_CONTAINER, argument, treatment);
}

struct pathmap_result pathmap_argument_to_host(const struct pathmap *map, const char *argument,
					       enum pathmap_treatment treatment)
{
	return map_argument(map, PATHMAP_TO_HOST, argument, treatment);
}
