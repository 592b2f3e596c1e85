/* The launcher's own failures: a line that says what and why, and one that can be typed. */
#ifndef CLEANENV_LAUNCHER_FAILURE_H
#define CLEANENV_LAUNCHER_FAILURE_H

enum failure_status {
	FAILURE_USAGE = 2,
	FAILURE_OWN = 125,            /* cleanenv's own failure, the program was not run (env(1), docker-run(1)) */
	FAILURE_NOT_EXECUTABLE = 126, /* POSIX shell, 2.8.2 */
	FAILURE_NOT_FOUND = 127,
};

/* Print "cleanenv: WHAT: WHY" and "hint: HINT" (each part may be NULL) to standard error and exit. */
_Noreturn void fail(enum failure_status status, const char *what, const char *why, const char *hint);

/* Print "cleanenv: TEXT" to standard error. */
void failure_warn(const char *text);

/* The concatenation of strings up to a NULL, malloc'd: for messages, and paths without a limit of length. */
char *join(const char *first, ...) __attribute__((sentinel));

/* malloc and realloc that do not return without memory. */
void *allocate(void *old, unsigned long size);

#endif
