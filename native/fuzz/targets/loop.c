/*
 * The loop of the agent, or of a terminal's keeper: workers, launchers, signals and the ends of processes in any order; any packet
 * from anybody. When all are gone, nothing may be left of them: no memory, no descriptor.
 */
#include "agent/calls.h"
#include "agent/keeper.h"
#include "agent/pool.h"
#include "agent/relay.h"
#include "agent/serve.h"
#include "agent/terminal.h"
#include "agent/worker.h"
#include "fuzz/fuzz.h"
#include "fuzz/children.h"
#include "fuzz/packet.h"
#include "fuzz/process.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEERS_MAX 32
#define STEPS_MAX 200
#define SENDERS_MAX 256 /* messages of one worker that are not heard yet: a socket holds fewer */
#define ENDING_STEPS 8
#define OWN_DESCRIPTORS 4 /* where it listens, its epoll set, its signals and our end of them */
#define LONG_MS 20000     /* longer than every time limit of the agent */

enum step {
	STEP_WORKER_SPEAKS, STEP_WORKER_STARTS_PROGRAM, STEP_LAUNCHER_SPEAKS, STEP_LAUNCHER_LEAVES, STEP_LAUNCHER_READS,
	STEP_CHILD_CHANGES, STEP_CHILD_JOINS, STEP_TIME_PASSES, STEP_SIGNAL, STEP_RELAY, STEP_WORKER_TURNS, STEPS,
};

/* Who sent what a worker's socket holds, from the oldest: the kernel says it to the agent. */
struct senders {
	pid_t all[SENDERS_MAX];
	size_t first, end;
};

static struct {
	struct input input;
	int signals; /* where the agent's signals come from */
	struct senders senders[CHILDREN_MAX];
	int launchers[PEERS_MAX];
	size_t launcher_count;
	int steps, ending;
	bool keeper, idle, orphaned, hung_up, filters;
	struct terminal terminal;
} world;

static const struct options options = { .socket = "/nowhere/agent.sock", .user = "user", .home = "/nowhere" };

REPLACE(int, kernel_signalfd, void)
{
	int pair[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	world.signals = pair[1];
	return pair[0];
}

REPLACE(int, listen_at, const char *path, uid_t owner)
{
	REQUIRE(strlen(path) > 0 && owner == options.owner);
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

REPLACE(int, unlink, const char *path)
{
	REQUIRE(!process_is_running() || strstr(path, "/terminal-"));
	return 0;
}

REPLACE(const struct terminal *, terminal_own, void)
{
	return world.keeper ? &world.terminal : NULL;
}

REPLACE(void, terminal_claim, pid_t group)
{
	REQUIRE(world.keeper && group > 0);
}

REPLACE(void, terminal_release, void)
{
	REQUIRE(world.keeper);
}

REPLACE(void, terminal_resize, void)
{
	REQUIRE(world.keeper);
}

REPLACE(void, terminal_signal, int number)
{
	REQUIRE(world.keeper && (number == SIGINT || number == SIGQUIT || number == SIGTSTP));
}

REPLACE(int, relay_start, int epoll)
{
	return epoll >= 0 ? 0 : -1;
}

REPLACE(bool, relay_filter, int names)
{
	REQUIRE(close(names) == 0);
	return world.filters = world.keeper;
}

REPLACE(void, relay_run, bool foreground, bool text)
{
	REQUIRE((!foreground || world.keeper) && (!text || world.filters));
}

REPLACE(bool, relay_is_idle, void)
{
	return !world.keeper || world.idle;
}

REPLACE(bool, relay_is_orphaned, void)
{
	return world.orphaned;
}

REPLACE(bool, relay_is_hung_up, void)
{
	return world.hung_up;
}

/* The processors that another worker is made for. */
REPLACE(int, sched_getaffinity, pid_t process, size_t size, cpu_set_t *set)
{
	REQUIRE(process == 0 && size == sizeof *set);
	CPU_ZERO(set);
	CPU_SET(0, set);
	CPU_SET(1, set);
	return 0;
}

/* The worker of whom the agent has this end: the last one, since numbers are used again. */
static size_t find_worker(int agents_end)
{
	size_t count;
	const struct child *children = children_all(&count);

	while (count > 0 && children[count - 1].agents_end != agents_end)
		count--;
	REQUIRE(count > 0);
	return count - 1;
}

ORIGINAL(long, wire_receive_from, int socket, void *packet, size_t room, int *descriptors, size_t capacity, size_t *count,
	 pid_t *sender);

REPLACE(long, wire_receive_from, int socket, void *packet, size_t room, int *descriptors, size_t capacity, size_t *count,
	pid_t *sender)
{
	long size = original_wire_receive_from(socket, packet, room, descriptors, capacity, count, sender);
	struct senders *senders = &world.senders[find_worker(socket)];

	/* A packet, be it one that is none; not the end, and not that there is nothing yet. */
	if (senders->first < senders->end && (size >= 0 || errno == EPROTO))
		*sender = senders->all[senders->first++];
	return size;
}

/* What was sent on a worker's socket was sent by this process. */
static void note_sender(const struct child *worker, pid_t sender, bool sent)
{
	size_t count;
	struct senders *senders = &world.senders[worker - children_all(&count)];

	if (!sent)
		return;
	REQUIRE(senders->end < SENDERS_MAX);
	senders->all[senders->end++] = sender;
}

static void signal_agent(unsigned int number)
{
	struct signalfd_siginfo info = { .ssi_signo = number };

	send(world.signals, &info, sizeof info, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void close_one(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

/* A child that the input names; there is always one, since a worker is made first of all. */
static struct child *any_child(struct input *input)
{
	size_t count;
	struct child *children = children_all(&count);

	REQUIRE(count > 0);
	return &children[input_byte(input) % count];
}

static int *any_launcher(struct input *input)
{
	static int none;
	uint8_t chosen = input_byte(input);

	none = -1;
	return world.launcher_count > 0 ? &world.launchers[chosen % world.launcher_count] : &none;
}

/* The worker makes a process, which says that it is a call's. */
static void start_program(struct input *input, const struct child *worker)
{
	uint8_t group = input_byte(input) % 4, how = input_byte(input);
	struct wire_call call = { wire_header(WIRE_CALL), group, how & 1, how >> 1 & 1 };
	struct child *program;
	int pair[2];

	if (worker->socket < 0 || world.launcher_count == PEERS_MAX || !(program = children_add()))
		return;
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	world.launchers[world.launcher_count++] = pair[1];
	fcntl(worker->socket, F_SETFL, O_NONBLOCK);
	/* With names for its text, or without: what they are is the filter's business. */
	int descriptors[] = { pair[0], pair[0] };
	bool sent = wire_send(worker->socket, &call, sizeof call, descriptors, how & 4 ? 2 : 1) == 0;
	note_sender(worker, program->process, sent);
	close(pair[0]);
}

static void let_speak(struct input *input, const struct child *worker)
{
	if (worker->socket >= 0)
		note_sender(worker, worker->process, packet_send(worker->socket, input));
}

/* A worker has got a caller, or is done with one. One that the agent has given up has nothing to share with it any more. */
static void turn(struct child *worker)
{
	struct worker_turns *turns = worker->shared;
	char byte;

	if (worker->socket >= 0 && recv(worker->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
		atomic_fetch_add(turns->begun == turns->done ? &turns->begun : &turns->done, 1);
}

static void change_child(struct input *input, struct child *child)
{
	static const int statuses[] = { 0, 1 << 8, 9, 11 | 0x80, SIGTSTP << 8 | 0x7f, SIGTTIN << 8 | 0x7f, SIGSTOP << 8 | 0x7f, 0xffff };

	children_change(child, statuses[input_byte(input) % (sizeof statuses / sizeof *statuses)]);
	signal_agent(SIGCHLD);
}

static void read_all(int descriptor)
{
	char packet[256];

	while (descriptor >= 0 && recv(descriptor, packet, sizeof packet, MSG_DONTWAIT) > 0)
		;
}

static void change_relay(uint8_t how)
{
	world.idle = how & 1;
	world.orphaned = how & 2;
	world.hung_up = world.hung_up || (how & 6) == 6;
}

static void do_step(struct input *input)
{
	struct child *child;

	switch ((enum step)(input_byte(input) % STEPS)) {
	case STEP_WORKER_SPEAKS:
		let_speak(input, any_child(input));
		break;
	case STEP_WORKER_STARTS_PROGRAM:
		start_program(input, any_child(input));
		break;
	case STEP_WORKER_TURNS:
		turn(any_child(input));
		break;
	case STEP_LAUNCHER_SPEAKS:
		packet_send(*any_launcher(input), input);
		break;
	case STEP_LAUNCHER_LEAVES:
		close_one(any_launcher(input));
		break;
	case STEP_LAUNCHER_READS:
		read_all(*any_launcher(input));
		break;
	case STEP_CHILD_CHANGES:
		change_child(input, any_child(input));
		break;
	case STEP_CHILD_JOINS:
		child = any_child(input);
		child->group = any_child(input)->group;
		break;
	case STEP_TIME_PASSES:
		children_pass_time(100 * input_byte(input));
		break;
	case STEP_SIGNAL:
		signal_agent(input_byte(input) % 64 + 1);
		break;
	case STEP_RELAY:
	case STEPS:
	default:
		change_relay(input_byte(input));
		break;
	}
}

static void end_all(void)
{
	size_t count;
	struct child *children = children_all(&count);

	world.idle = true;
	for (size_t i = 0; i < world.launcher_count; i++)
		close_one(&world.launchers[i]);
	for (size_t i = 0; i < count; i++)
		children_change(&children[i], 0);
	signal_agent(SIGCHLD);
}

/* But the worker that was made since then: its memory, what it shares with the agent, and both ends of its socket. */
static void check_nothing_is_left(void)
{
	size_t count, waiting = 0;
	const struct child *children = children_all(&count);

	for (size_t i = 0; i < count; i++)
		waiting += children[i].socket >= 0;
	REQUIRE(waiting <= 1 && process_blocks() == 2 * waiting);
	REQUIRE(process_descriptors() == OWN_DESCRIPTORS + 2 * waiting);
}

/* What the agent remembers outlives its process here. */
static void forget_all(void)
{
	size_t count;
	const struct child *children = children_all(&count);

	calls_abandon();
	pool_abandon();
	for (size_t i = 0; i < count; i++)
		keeper_ended(children[i].process);
}

ORIGINAL(int, epoll_wait, int epoll, struct epoll_event *events, int room, int timeout);

/* Where the loop waits, the next thing happens. */
REPLACE(int, epoll_wait, int epoll, struct epoll_event *events, int room, int timeout)
{
	if (world.input.left > 0 && world.steps++ < STEPS_MAX) {
		do_step(&world.input);
	} else if (world.ending++ < ENDING_STEPS) {
		if (world.ending < ENDING_STEPS / 2)
			end_all();
		children_pass_time(LONG_MS);
	} else {
		check_nothing_is_left();
		forget_all();
		_exit(0);
	}
	REQUIRE(timeout >= -1);
	return original_epoll_wait(epoll, events, room, 0);
}

static void run(void *context)
{
	int listening = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)context;

	REQUIRE(listening >= 0 && serve(&options, listening) == 0);
	forget_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t shape;

	memset(&world, 0, sizeof world);
	world.input = (struct input){ data, size };
	shape = input_byte(&world.input);
	world.keeper = shape & 1;
	world.idle = true;
	world.terminal = (struct terminal){ -1, -1, -1, -1 };
	children_reset();
	process_run(run, NULL);
	return 0;
}
