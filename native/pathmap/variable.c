/* Rules E: variables. Only names that are known to hold paths are looked at; all others are the program's business. */
#include <string.h>

#include "pathmap/scan.h"

enum kind {
	KIND_OTHER,
	KIND_PATH,    /* one path, never split: a colon is a part of it */
	KIND_LIST,    /* paths between colons */
	KIND_ADDRESS, /* unix:path=/p and unix:/p */
	KIND_DROPPED, /* would make the container's programs load the host's libraries */
	KIND_CWD,     /* PWD, which is not mapped but replaced (M10) */
};

struct variable {
	const char *name;
	enum kind kind;
};

/*
 * Sorted by name, for the search below. PATH, HOME and SHELL are missing on purpose: the launcher sets them, and what
 * it does not set stays. A name gets here if programs read it as a path without asking what it looks like.
 */
static const struct variable variables[] = {
	{ "ACLOCAL_PATH", KIND_LIST },
	{ "AWS_CONFIG_FILE", KIND_PATH },
	{ "AWS_SHARED_CREDENTIALS_FILE", KIND_PATH },
	{ "BIBINPUTS", KIND_LIST },
	{ "CARGO_HOME", KIND_PATH },
	{ "CARGO_TARGET_DIR", KIND_PATH },
	{ "CCACHE_DIR", KIND_PATH },
	{ "CLASSPATH", KIND_LIST },
	{ "CMAKE_PREFIX_PATH", KIND_LIST },
	{ "CPATH", KIND_LIST },
	{ "CPLUS_INCLUDE_PATH", KIND_LIST },
	{ "C_INCLUDE_PATH", KIND_LIST },
	{ "DBUS_SESSION_BUS_ADDRESS", KIND_ADDRESS },
	{ "DOCKER_CONFIG", KIND_PATH },
	{ "GCC_EXEC_PREFIX", KIND_DROPPED },
	{ "GIT_CEILING_DIRECTORIES", KIND_LIST },
	{ "GIT_CONFIG_GLOBAL", KIND_PATH },
	{ "GIT_DIR", KIND_PATH },
	{ "GIT_INDEX_FILE", KIND_PATH },
	{ "GIT_WORK_TREE", KIND_PATH },
	{ "GNUPGHOME", KIND_PATH },
	{ "GOCACHE", KIND_PATH },
	{ "GOOGLE_APPLICATION_CREDENTIALS", KIND_PATH },
	{ "GOPATH", KIND_LIST },
	{ "GOROOT", KIND_DROPPED },
	{ "HISTFILE", KIND_PATH },
	{ "INFOPATH", KIND_LIST },
	{ "INPUTRC", KIND_PATH },
	{ "JAVA_HOME", KIND_DROPPED },
	{ "JUPYTER_PATH", KIND_LIST },
	{ "KUBECONFIG", KIND_LIST },
	{ "LD_AUDIT", KIND_DROPPED },
	{ "LD_LIBRARY_PATH", KIND_DROPPED },
	{ "LD_PRELOAD", KIND_DROPPED },
	{ "LIBRARY_PATH", KIND_LIST },
	{ "MANPATH", KIND_LIST },
	{ "MYPYPATH", KIND_LIST },
	{ "NETRC", KIND_PATH },
	{ "NODE_EXTRA_CA_CERTS", KIND_PATH },
	{ "NODE_PATH", KIND_LIST },
	{ "OLDPWD", KIND_PATH },
	{ "PERL5LIB", KIND_LIST },
	{ "PIP_CONFIG_FILE", KIND_PATH },
	{ "PKG_CONFIG_PATH", KIND_LIST },
	{ "PULSE_SERVER", KIND_ADDRESS },
	{ "PWD", KIND_CWD },
	{ "PYTHONHOME", KIND_DROPPED },
	{ "PYTHONPATH", KIND_LIST },
	{ "PYTHONSTARTUP", KIND_PATH },
	{ "REQUESTS_CA_BUNDLE", KIND_PATH },
	{ "RUBYLIB", KIND_LIST },
	{ "SSH_AUTH_SOCK", KIND_PATH },
	{ "SSL_CERT_DIR", KIND_PATH },
	{ "SSL_CERT_FILE", KIND_PATH },
	{ "TEMP", KIND_PATH },
	{ "TEXINPUTS", KIND_LIST },
	{ "TMP", KIND_PATH },
	{ "TMPDIR", KIND_PATH },
	{ "VIRTUAL_ENV", KIND_PATH },
	{ "XAUTHORITY", KIND_PATH },
	{ "XDG_CACHE_HOME", KIND_PATH },
	{ "XDG_CONFIG_DIRS", KIND_LIST },
	{ "XDG_CONFIG_HOME", KIND_PATH },
	{ "XDG_DATA_DIRS", KIND_LIST },
	{ "XDG_DATA_HOME", KIND_PATH },
	{ "XDG_RUNTIME_DIR", KIND_PATH },
	{ "XDG_STATE_HOME", KIND_PATH },
};

/* An environment has a hundred variables, nearly all unknown: seven comparisons each, not seventy. */
static enum kind known_kind(const char *name)
{
	size_t low = 0, high = sizeof variables / sizeof *variables;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, variables[middle].name);
		if (order == 0)
			return variables[middle].kind;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return KIND_OTHER;
}

/* The kind that a flag of the caller stands for, or -1. */
static int kind_of_flag(char flag)
{
	switch (flag) {
	case 'p':
		return KIND_PATH;
	case 'l':
		return KIND_LIST;
	case 'x':
		return KIND_DROPPED;
	case 'k':
		return KIND_OTHER;
	default:
		return -1;
	}
}

const char *pathmap_check_variable_kinds(const char *kinds)
{
	while (*kinds) {
		size_t length = strcspn(kinds, ":"), name = strcspn(kinds, "/:");
		if (length > 0 && (name == 0 || length != name + 2 || kind_of_flag(kinds[name + 1]) < 0))
			return kinds;
		kinds += length + (kinds[length] == ':');
	}
	return NULL;
}

/* What the caller says goes before what is known; of two words about one variable the first counts. */
static enum kind kind_of(const struct pathmap *map, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = map->variable_kinds; at && *at;) {
		if (strncmp(at, name, length) == 0 && at[length] == '/' && kind_of_flag(at[length + 1]) >= 0)
			return (enum kind)kind_of_flag(at[length + 1]);
		at += strcspn(at, ":");
		at += *at == ':';
	}
	return known_kind(name);
}

/* Relative elements stay: a variable outlives the directory in which it was set. */
static void look_at_list(struct pathmap_scan *scan)
{
	for (size_t at = 0; at < scan->length; at++) {
		size_t end = at + strcspn(scan->text + at, ":");
		if (scan->text[at] == '/')
			pathmap_look(scan, at, end, 0);
		at = end;
	}
}

/*
 * Addresses of D-Bus are separated by `;` and their keys by `,`; those of PulseAudio by a blank. An abstract socket has
 * no path. `at` is the beginning of one address, and its end is returned.
 */
static size_t look_at_address(struct pathmap_scan *scan, size_t at)
{
	const char *text = scan->text;
	size_t end = at + strcspn(text + at, "; ");

	if (text[at] == '/') {
		pathmap_look(scan, at, end, 0);
		return end;
	}
	if (strncmp(text + at, "unix:", 5) != 0)
		return end;
	for (at += 5; at < end; at++) {
		size_t stop = at + strcspn(text + at, ",; ");
		if (strncmp(text + at, "path=", 5) == 0)
			at += 5;
		if (at < stop && text[at] == '/')
			pathmap_look(scan, at, stop, 0);
		at = stop;
	}
	return end;
}

/* M10: PWD is where the program starts. */
static struct pathmap_result working_directory(const struct pathmap *map, const char *value)
{
	struct pathmap_result cwd = pathmap_working_directory(map);
	struct buffer text = { .data = cwd.text, .length = cwd.text ? strlen(cwd.text) : 0 };

	return cwd.status == PATHMAP_MAPPED ? pathmap_finish(&text, value, cwd.rule, cwd.reason) : cwd;
}

/*
 * Elements follow rules C as the values of options do (C5), but what a path variable holds is a path whatever it looks
 * like, so C2 does not matter. A value without a slash is not even copied.
 */
struct pathmap_result pathmap_variable(const struct pathmap *map, const char *name, const char *value)
{
	enum kind kind = kind_of(map, name);

	if (kind == KIND_DROPPED)
		return (struct pathmap_result){ PATHMAP_DROPPED, NULL, "E", "dropped" };
	if (kind == KIND_CWD)
		return working_directory(map, value);
	if (kind == KIND_OTHER || !strchr(value, '/'))
		return (struct pathmap_result){ PATHMAP_UNCHANGED, NULL, "E", "no path" };

	struct pathmap_scan scan = pathmap_scan(map, PATHMAP_TO_CONTAINER, value);
	scan.finding = PATHMAP_FOUND_VARIABLE;
	scan.circumstances = PATHMAP_VALUE | PATHMAP_WHOLE | PATHMAP_LOOSE;
	if (kind == KIND_LIST)
		look_at_list(&scan);
	else if (kind == KIND_ADDRESS)
		for (size_t at = 0; at < scan.length; at++)
			at = look_at_address(&scan, at);
	else if (value[0] == '/')
		pathmap_look(&scan, 0, scan.length, 0);
	return pathmap_scan_finish(&scan);
}
