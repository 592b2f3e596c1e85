#include "agent/program.h"

#include "agent/pattern.h"
#include "agent/permission.h"
#include "agent/request.h"
#include "agent/terminal.h"
#include "kernel/signals.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK (256u << 10) /* bytes; a path or two (PATH_MAX) are the largest things on it */
#define DESCRIPTOR_LIMIT (1 << 20) /* above what any kernel allows by default (fs.nr_open) */

extern char **environ;

/* What becomes a program: read by the worker, used by its child. */
struct child {
	const struct options *options;
	int connection;
	int agent;
	int *descriptors; /* the program's */
	size_t count;
	int names; /* for the terminal's text (WIRE_TEXT), or -1 */
	struct request request;
	const void *mapped; /* the request, when it came in a file */
	size_t size;
};

_Noreturn static void fail(const struct child *child, enum wire_stage stage, int error)
{
	struct wire_failure failure = { wire_header(WIRE_FAILED), stage, error };

	wire_send(child->connection, &failure, sizeof failure, NULL, 0);
	_exit(stage == WIRE_STAGE_EXECUTE && error == ENOENT ? 127 : 126);
}

/*
 * Read the request. A malformed one can do no more than the user could, who this process is. It is in the packet, or in the
 * first descriptor, which is then not the program's.
 */
static void read_request(struct child *child, const void *packet, const int *descriptors, size_t count)
{
	struct wire_spawn spawn;
	const void *bytes = (const char *)packet + sizeof spawn;

	memcpy(&spawn, packet, sizeof spawn);
	child->size = spawn.size;
	if (child->size == 0) {
		if (count == 0)
			fail(child, WIRE_STAGE_REQUEST, EPROTO);
		child->mapped = bytes = wire_map(*descriptors++, WIRE_REQUEST_MAX, &child->size);
		count--;
	}
	if (!bytes || request_read(&child->request, bytes, child->size) < 0 || child->request.head.descriptors != count)
		fail(child, WIRE_STAGE_REQUEST, errno ? errno : EPROTO);
	/* A copy: the child changes it, in memory that is this process' as well. */
	child->descriptors = malloc((count + 1) * sizeof *descriptors);
	if (!child->descriptors)
		fail(child, WIRE_STAGE_AGENT, errno);
	memcpy(child->descriptors, descriptors, count * sizeof *descriptors);
	child->count = count;
	if (child->request.head.flags & WIRE_TEXT) {
		if (child->count == 0)
			fail(child, WIRE_STAGE_REQUEST, EPROTO);
		child->names = child->descriptors[--child->count];
	}
	if (child->options->programs && permission_apply(child->options, &child->request, child->descriptors, child->count) < 0)
		fail(child, WIRE_STAGE_PERMISSION, errno);
}

/* Into the session and group where a key typed on the caller's terminal would find it, or into a group of its own. */
static void join_group(const struct child *child)
{
	const struct wire_request *head = &child->request.head;

	if (!terminal_own() && head->terminals)
		fail(child, WIRE_STAGE_TERMINAL, ENOTTY);
	if (!terminal_own())
		setpgid(0, 0);
	else if (terminal_join(head->group, head->flags & WIRE_FOREGROUND_GROUP) < 0)
		fail(child, WIRE_STAGE_TERMINAL, errno);
}

/* From here on the agent is who hears the launcher, and says how the program ends. */
static void hand_over(const struct child *child)
{
	const struct wire_request *head = &child->request.head;
	struct wire_call call = { wire_header(WIRE_CALL), 0, 0, (head->flags & WIRE_HOOK) != 0 };
	int descriptors[] = { child->connection, child->names };

	if (terminal_own()) {
		call.group = head->group;
		call.foreground = (head->flags & WIRE_FOREGROUND_GROUP) != 0;
	}
	if (wire_send(child->agent, &call, sizeof call, descriptors, child->names < 0 ? 1 : 2) < 0)
		_exit(1);
}

static int target(const struct child *child, size_t index)
{
	int32_t number;
	memcpy(&number, child->request.numbers + index * sizeof number, sizeof number);
	return number;
}

/* Give a descriptor a number of at least `floor`, so that it is in nobody's way. */
static int lift(const struct child *child, int descriptor, int floor)
{
	if (descriptor >= floor)
		return descriptor;
	int lifted = fcntl(descriptor, F_DUPFD_CLOEXEC, floor);
	if (lifted < 0)
		fail(child, WIRE_STAGE_AGENT, errno);
	return lifted;
}

/*
 * Put every descriptor at its number. Those that must move out of the way go above the highest number first; what the
 * program does not get is close-on-exec, except 0, 1 and 2 of the agent, which are closed here.
 */
static void place_descriptors(struct child *child, int terminal)
{
	const struct wire_request *head = &child->request.head;
	int floor = 3;
	unsigned int standard = head->terminals & 7;

	for (size_t i = 0; i < child->count; i++) {
		int number = target(child, i);
		if (number < 0 || number >= DESCRIPTOR_LIMIT)
			fail(child, WIRE_STAGE_REQUEST, EPROTO);
		if (number < 3)
			standard |= 1u << number;
		if (number >= floor)
			floor = number + 1;
	}
	child->connection = lift(child, child->connection, floor);
	if (terminal >= 0)
		terminal = lift(child, terminal, floor);
	for (size_t i = 0; i < child->count; i++)
		child->descriptors[i] = lift(child, child->descriptors[i], floor);

	for (size_t i = 0; i < child->count; i++)
		if (dup2(child->descriptors[i], target(child, i)) < 0)
			fail(child, WIRE_STAGE_AGENT, errno);
	for (int number = 0; number < 3; number++) {
		if (head->terminals & (1u << number) && dup2(terminal, number) < 0)
			fail(child, WIRE_STAGE_AGENT, errno);
		if (!(standard & (1u << number)))
			close(number);
	}
}

#define LIMITS (RLIM_NLIMITS < 16 ? RLIM_NLIMITS : 16)

static struct rlimit limits[LIMITS]; /* this process' own */

static cpu_set_t processors; /* those of the container */
static char *stack; /* of the child, as long as it shares this process' memory */

void program_prepare(void)
{
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		_exit(1);
	sched_getaffinity(0, sizeof processors, &processors);
	for (int resource = 0; resource < LIMITS; resource++)
		getrlimit(resource, &limits[resource]);
}

/* To those of the caller, if the container has any of them. */
static void follow_processors(const struct wire_request *head)
{
	if (sched_setaffinity(0, sizeof head->processors, (const cpu_set_t *)(const void *)head->processors) < 0)
		sched_setaffinity(0, sizeof processors, &processors);
}

/* Follow the caller as far as the kernel lets this process: a limit is never raised above what the container has. */
static void follow_limits(const struct wire_request *head)
{
	umask(head->umask & 0777);
	if (head->niceness > 0)
		(void)!setpriority(PRIO_PROCESS, 0, head->niceness);
	for (int resource = 0; resource < LIMITS; resource++) {
		struct rlimit own = limits[resource];
		rlim_t soft = head->limits[resource][0], hard = head->limits[resource][1];
		if (hard > own.rlim_max)
			hard = own.rlim_max;
		if (soft > hard)
			soft = hard;
		if (soft == own.rlim_cur && hard == own.rlim_max)
			continue;
		own.rlim_cur = soft;
		own.rlim_max = hard;
		(void)!setrlimit(resource, &own);
	}
}

static bool has_variable(char **variables, const char *definition)
{
	size_t length = strcspn(definition, "=") + 1;

	for (; *variables; variables++)
		if (!strncmp(*variables, definition, length))
			return true;
	return false;
}

/* The caller's variables, and those of the container (the image's, and the user's HOME …) that the caller does not set. */
static void merge_variables(struct child *child)
{
	size_t own = 0, count = child->request.head.variables;

	while (environ[own])
		own++;
	char **merged = realloc(child->request.variables, (count + own + 1) * sizeof *merged);
	if (!merged)
		fail(child, WIRE_STAGE_AGENT, errno);
	for (size_t i = 0; i < own; i++) {
		if (!has_variable(merged, environ[i])) {
			merged[count++] = environ[i];
			merged[count] = NULL;
		}
	}
	child->request.variables = merged;
}

/* Dispositions and mask as execve would have handed them on; the agent itself has every signal blocked and default. */
static void follow_signals(const struct wire_request *head)
{
	for (int number = 1; number <= KERNEL_SIGNALS; number++)
		if (head->ignored & kernel_signal_bit(number))
			kernel_ignore(number, true);
	kernel_mask(head->blocked);
}

/* A search for the program to execute: the error to report is the most telling one of all candidates. */
struct attempt {
	char **arguments;
	char **variables;
	const char *name; /* argv[0] becomes this in the directory of the file that is tried; NULL: it stays */
	int error;
};

/* The path of `name` in the directory of `path`, or NULL when it is too long. The buffer is for one at a time. */
static char *beside(const char *path, const char *name)
{
	static char beside_it[PATH_MAX];
	size_t directory = (size_t)(strrchr(path, '/') + 1 - path);

	if (directory + strlen(name) >= sizeof beside_it)
		return NULL;
	memcpy(beside_it, path, directory);
	strcpy(beside_it + directory, name);
	return beside_it;
}

static bool attempt_execute(void *context, const char *path, const struct stat *status)
{
	struct attempt *attempt = context;
	char *name = attempt->name ? beside(path, attempt->name) : NULL;
	(void)status;

	if (name)
		attempt->arguments[0] = name;
	execve(path, attempt->arguments, attempt->variables);
	if (errno == ENOEXEC) {
		/* A script without a first line that says what runs it is the shell's (execvp(3), POSIX). */
		size_t count = 0;
		while (attempt->arguments[count])
			count++;
		char **shell = malloc((count + 3) * sizeof *shell);
		if (shell) {
			shell[0] = (char *)"sh";
			shell[1] = (char *)path;
			for (size_t i = 1; i <= count; i++)
				shell[i + 1] = attempt->arguments[i];
			if (count == 0)
				shell[2] = NULL;
			execve("/bin/sh", shell, attempt->variables);
			errno = ENOEXEC;
		}
	}
	if (errno != ENOENT && errno != ENOTDIR)
		attempt->error = errno;
	return true;
}

/* Look for a name in the PATH that the program will have (execvp(3)). */
static void attempt_search(struct attempt *attempt, const char *name)
{
	const char *path = "/usr/local/bin:/usr/bin:/bin";
	char file[PATH_MAX];

	for (char **variable = attempt->variables; *variable; variable++)
		if (!strncmp(*variable, "PATH=", 5))
			path = *variable + 5;
	while (*path) {
		size_t length = strcspn(path, ":");
		if (length + strlen(name) + 2 <= sizeof file) {
			memcpy(file, path, length);
			file[length] = '/';
			strcpy(file + length + 1, name);
			attempt_execute(attempt, length ? file : file + 1, NULL);
		}
		path += length;
		path += *path == ':';
	}
}

_Noreturn static void execute(struct child *child)
{
	struct request *request = &child->request;
	struct attempt attempt = { request->arguments, request->variables, NULL, ENOENT };
	const char *slash = *request->arguments ? strrchr(*request->arguments, '/') : NULL;

	if (request->head.flags & WIRE_NAME_BY_PATH && slash)
		attempt.name = slash + 1;
	follow_signals(&request->head);
	for (char **path = request->paths; *path; path++) {
		if (!(request->head.flags & WIRE_SEARCH_PATH))
			pattern_search(*path, child->options->home, true, attempt_execute, &attempt);
		else if (strchr(*path, '/'))
			attempt_execute(&attempt, *path, NULL);
		else
			attempt_search(&attempt, *path);
	}
	fail(child, WIRE_STAGE_EXECUTE, attempt.error);
}

/* The child, until execve: it has a process of its own, but the worker's memory. */
static int become(void *context)
{
	struct child *child = context;

	follow_processors(&child->request.head);
	join_group(child);
	hand_over(child);
	if (chdir(child->request.directory) < 0)
		fail(child, WIRE_STAGE_DIRECTORY, errno);
	place_descriptors(child, terminal_own() ? terminal_own()->inner : -1);
	follow_limits(&child->request.head);
	execute(child);
}

/*
 * vfork(2), as a child of the agent, which is who waits for programs. The child begins on this processor, where nobody runs as long
 * as the worker waits for it: on another one, where the kernel puts new processes, it may have to wait for its turn. The
 * sanitizer does not allow for a second stack and a child that shares memory, so with it this is a fork. Returns when the
 * child runs the program or has ended.
 */
static pid_t start_child(struct child *child)
{
#ifdef __SANITIZE_ADDRESS__
	pid_t process = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0);
	return process == 0 ? become(child) : process;
#else
	cpu_set_t here;
	int processor = sched_getcpu();

	CPU_ZERO(&here);
	CPU_SET(processor < 0 ? 0 : processor, &here);
	sched_setaffinity(0, sizeof here, &here);
	pid_t process = clone(become, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD, child);
	sched_setaffinity(0, sizeof processors, &processors);
	return process;
#endif
}

void program_start(const struct options *options, int connection, int agent, const void *packet, const int *descriptors,
		   size_t count)
{
	struct child child = { .options = options, .connection = connection, .agent = agent, .names = -1 };

	read_request(&child, packet, descriptors, count);
	merge_variables(&child);
	if (start_child(&child) < 0)
		fail(&child, WIRE_STAGE_AGENT, errno);
	request_free(&child.request);
	free(child.descriptors);
	if (child.mapped)
		munmap((void *)child.mapped, child.size);
}
