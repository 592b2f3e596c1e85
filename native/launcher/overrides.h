/* What the caller says about the paths of one call, in variables (rule O). */
#ifndef CLEANENV_LAUNCHER_OVERRIDES_H
#define CLEANENV_LAUNCHER_OVERRIDES_H

#include <stdbool.h>

/* TRACE_ONLY shows what would be handed on, and runs nothing: `cleanenv path --explain`. */
enum trace_mode { TRACE_OFF, TRACE_MAP, TRACE_ONLY };

struct overrides {
	bool keep_arguments;        /* CLEANENV_ARGS=off */
	const char *kept_beginnings; /* CLEANENV_KEEP_ARG: `--x=;/lit` */
	const char *variable_kinds; /* CLEANENV_ENV (pathmap_check_variable_kinds), or NULL */
	enum trace_mode trace;      /* CLEANENV_TRACE */
};

/* Read them. Does not return when one of them says what it cannot. */
struct overrides overrides_read(void);

/* Whether an argument begins with one of the beginnings that are to be kept. */
bool overrides_keep(const struct overrides *overrides, const char *argument);

#endif
