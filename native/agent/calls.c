#include "agent/calls.h"

#include "agent/keeper.h"
#include "agent/pool.h"
#include "agent/relay.h"
#include "agent/source.h"
#include "agent/terminal.h"
#include "kernel/clock.h"
#include "kernel/signals.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 1000 /* between two looks whether launchers answer; calls that are shorter are never asked */
#define SILENT_MS 2000 /* without an answer: it is stopped, and so is its program */

struct call {
	enum source source;
	struct call *next;
	int epoll;        /* the set that the connection is in */
	int connection;   /* -1 when the launcher is gone */
	pid_t process;
	pid_t group;      /* of the caller, on the host's terminal; 0: it has none */
	int64_t asked;    /* when the PING was sent that is not answered yet; 0: there is none */
	bool hook;        /* cleanenv's own */
	bool frozen;      /* stopped here, because its launcher is */
	bool stopped;
	int stop;         /* the signal that stopped it, which the launcher is yet to be told; 0: there is none */
	bool filtered;    /* the terminal's text, while it runs */
	bool ended;       /* and the launcher is told when its last words are on the terminal */
	int status;
	int64_t deadline; /* when it is killed, in ms of CLOCK_MONOTONIC; 0: never */
	pid_t left;       /* with a deadline: its process group, of which some may outlive it; 0: it is not its own */
};

static struct call *all;
static int64_t grace_ms; /* between HUP and KILL */
static int64_t next_look; /* in ms of CLOCK_MONOTONIC; of no meaning while there is no call */
static int64_t last_use; /* in ms of CLOCK_MONOTONIC: when the last call ended that was no hook */
static size_t dying; /* calls with a deadline: without one, nothing has to be looked at for it */

/*
 * Close the connection. Closing alone would not take it out of the epoll set as long as a child between fork and execve
 * has a copy, and its next event would name a call that is no more.
 */
static void hang_up(struct call *call)
{
	if (call->connection < 0)
		return;
	epoll_ctl(call->epoll, EPOLL_CTL_DEL, call->connection, NULL);
	close(call->connection);
	call->connection = -1;
}

void calls_note_use(void)
{
	last_use = kernel_now_ms();
}

uint64_t calls_in_use(void)
{
	uint64_t count = 0;

	for (const struct call *call = all; call; call = call->next)
		count += !call->hook;
	return count;
}

uint64_t calls_idle_ms(void)
{
	return calls_in_use() ? 0 : (uint64_t)(kernel_now_ms() - last_use);
}

static void forget(struct call *call)
{
	struct call **link = &all;

	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	if (call->deadline)
		dying--;
	if (!call->hook)
		calls_note_use();
	hang_up(call);
	free(call);
}

/* Whether it is the only call of the caller's process group. */
static bool is_alone(const struct call *call)
{
	for (const struct call *other = all; other; other = other->next)
		if (other != call && !other->ended && call->group && other->group == call->group)
			return false;
	return true;
}

/* The program's process group; 0 when other calls are in it too, or it is this process' own. */
static pid_t own_group(const struct call *call)
{
	pid_t group = is_alone(call) ? getpgid(call->process) : -1;

	return group > 0 && group != getpgrp() ? group : 0;
}

/*
 * To the program's process group, or, when other calls are in it, to the program: each has its own launcher to signal it. Not when it has
 * ended and only its last words are waited for: its number may be another's by now.
 */
static void send_signal(const struct call *call, int number)
{
	if (call->ended)
		return;
	pid_t group = own_group(call);

	kill(group ? -group : call->process, number);
}

/*
 * A key was pressed, or the window changed: every launcher of the foreground group has got the signal, and those who have it
 * from the pty must get it once. The first launcher speaks for all.
 */
static bool speaks_for_group(const struct call *call)
{
	for (const struct call *other = all; other != call; other = other->next)
		if (!other->ended && other->group == call->group)
			return false;
	return true;
}

/* The launcher runs (again). */
static void thaw(struct call *call)
{
	call->asked = 0;
	if (call->frozen)
		send_signal(call, SIGCONT);
	call->frozen = false;
}

/* SIGSTOP of a launcher is seen by its parent only. That of its silence is what is left. */
static void look_after(struct call *call, int64_t now)
{
	struct wire_header ping = wire_header(WIRE_PING);

	if (call->stopped || call->ended || call->connection < 0)
		return;
	if (!call->asked) {
		call->asked = now;
		wire_send(call->connection, &ping, sizeof ping, NULL, 0);
	} else if (!call->frozen && now - call->asked >= SILENT_MS) {
		call->frozen = true;
		send_signal(call, SIGSTOP);
	}
}

static pid_t foreground; /* the group of the host whose programs are in the foreground; 0: none */

static void claim_terminal(const struct call *call)
{
	pid_t group = call->ended || !terminal_own() ? -1 : getpgid(call->process);

	if (group <= 0 || group == getpgrp())
		return;
	foreground = call->group;
	terminal_claim(group);
}

/* When all programs of the foreground group have ended or stopped, the terminal is the host's again. */
static void release_terminal(pid_t group)
{
	if (!foreground || group != foreground)
		return;
	for (const struct call *call = all; call; call = call->next)
		if (call->group == group && !call->ended && !call->stopped)
			return;
	foreground = 0;
	terminal_release();
}

/*
 * The terminal is the shell's again when the last launcher of the foreground group is gone: what is typed is not for programs that have
 * only their grace left. Inside they keep the foreground, so that what they do with the terminal at their end does not stop them.
 */
static void lose_terminal(pid_t group)
{
	if (!foreground || group != foreground)
		return;
	for (const struct call *call = all; call; call = call->next)
		if (call->group == group && !call->ended && call->connection >= 0)
			return;
	foreground = 0;
	terminal_abandon();
}

/* The launcher is gone: the program goes too, asked first, as when a terminal goes away. */
static void lose_launcher(struct call *call)
{
	hang_up(call);
	if (call->ended)
		return;
	lose_terminal(call->group);
	call->left = own_group(call);
	call->deadline = kernel_now_ms() + grace_ms;
	dying++;
	send_signal(call, SIGHUP);
	send_signal(call, SIGCONT);
}

void calls_end(void)
{
	for (struct call *call = all; call; call = call->next)
		if (call->connection >= 0)
			lose_launcher(call);
}

/* A message that does not get through (a launcher that does not read) is a launcher that is gone. */
static void tell(struct call *call, const void *packet, size_t size)
{
	if (call->connection >= 0 && wire_send(call->connection, packet, size, NULL, 0) < 0)
		lose_launcher(call);
}

static void pass_signal(struct call *call, const struct wire_signal *message)
{
	struct wire_header continued = wire_header(WIRE_CONTINUED);
	bool by_kernel = message->flags & WIRE_BY_KERNEL;

	if (message->number == SIGCONT && message->flags & WIRE_IN_FOREGROUND)
		claim_terminal(call);
	if (terminal_own() && by_kernel && message->number == SIGWINCH)
		terminal_resize(); /* the kernel signals the pty's foreground itself */
	else if (terminal_own() && by_kernel &&
		 (message->number == SIGINT || message->number == SIGQUIT || message->number == SIGTSTP)) {
		if (speaks_for_group(call))
			terminal_signal(message->number);
	} else {
		send_signal(call, message->number);
	}
	if (message->number == SIGCONT)
		tell(call, &continued, sizeof continued);
}

static struct call *find(pid_t process)
{
	struct call *call = all;

	while (call && (call->process != process || call->ended))
		call = call->next;
	return call;
}

void calls_prepare(const struct options *options)
{
	grace_ms = (int64_t)options->grace * 1000;
	last_use = kernel_now_ms();
}

void calls_add(int epoll, pid_t process, int connection, const struct wire_call *told, int names)
{
	bool filtered = names >= 0 && relay_filter(names);
	/* A process is one call's: two would be told of its end by one wait, and one of them never. */
	struct call *call = find(process) ? NULL : malloc(sizeof *call);
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = call };
	int flags = fcntl(connection, F_GETFL);

	if (!call || fcntl(connection, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &event) < 0) {
		/* Nobody could be told how it ends: it must not run. */
		kill(process, SIGKILL);
		close(connection);
		free(call);
		return;
	}
	*call = (struct call){
		.source = SOURCE_CALL, .next = all, .epoll = epoll, .connection = connection, .process = process,
		.group = told->group, .hook = told->hook, .filtered = filtered,
	};
	all = call;
	if (!call->next)
		next_look = kernel_now_ms() + LOOK_MS;
	if (told->foreground && terminal_own())
		foreground = told->group; /* the worker has claimed it already */
}

/* The only things that a launcher has to say are signals and where it is; anything else is as good as its end. */
void calls_hear(struct call *call)
{
	_Alignas(8) unsigned char packet[WIRE_PACKET_MAX];
	int received[WIRE_DESCRIPTORS_MAX];
	struct wire_signal message = { .number = 0 };
	size_t count;
	long size = wire_receive(call->connection, packet, sizeof packet, received, WIRE_DESCRIPTORS_MAX, &count);

	if (size < 0 && errno == EAGAIN)
		return;
	if (size > 0)
		memcpy(&message, packet, sizeof message < (size_t)size ? sizeof message : (size_t)size);
	if (message.header.type == WIRE_SIGNAL && count == 0 && message.number >= 1 && message.number <= KERNEL_SIGNALS) {
		pass_signal(call, &message);
	} else if (message.header.type == WIRE_PONG && count == 0) {
		thaw(call);
	} else if (message.header.type == WIRE_FOREGROUND && count == 0) {
		claim_terminal(call);
		send_signal(call, SIGCONT);
	} else {
		lose_launcher(call);
	}
	while (count > 0)
		close(received[--count]);
}

static void report(struct call *call, int status)
{
	if (WIFSTOPPED(status) && call->frozen)
		return;
	call->stopped = WIFSTOPPED(status);
	call->stop = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
	if (!WIFSTOPPED(status) && !WIFCONTINUED(status)) {
		call->ended = true;
		call->status = status;
	}
	if (!WIFCONTINUED(status))
		release_terminal(call->group);
}

/* Whether somebody of the group of a call that lost its launcher has neither ended nor left it. */
static bool is_survived(const struct call *call)
{
	return call->deadline && call->left && kill(-call->left, 0) == 0;
}

void calls_tell(void)
{
	for (struct call *call = all, *next; call; call = next) {
		struct wire_number exited = { wire_header(WIRE_EXITED), call->status };
		struct wire_number stopped = { wire_header(WIRE_STOPPED), call->stop };
		next = call->next;
		if (call->stop) {
			call->stop = 0;
			tell(call, &stopped, sizeof stopped);
		}
		if (!call->ended || is_survived(call))
			continue;
		if (call->connection >= 0)
			wire_send(call->connection, &exited, sizeof exited, NULL, 0);
		forget(call);
	}
}

bool calls_in_foreground(void)
{
	return foreground != 0;
}

bool calls_want_text(void)
{
	for (const struct call *call = all; call; call = call->next)
		if (call->filtered && !call->ended)
			return true;
	return false;
}

bool calls_run(void)
{
	return all != NULL;
}

void calls_abandon(void)
{
	all = NULL;
	dying = 0;
	foreground = 0;
}

bool calls_reap(void)
{
	for (;;) {
		int status;
		pid_t process = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED);
		if (process < 0 && errno == EINTR)
			continue;
		if (process <= 0)
			return process == 0;
		struct call *call = find(process);
		if (!call) {
			pool_hear_all();
			call = find(process);
		}
		if (call)
			report(call, status);
		else if (WIFEXITED(status) || WIFSIGNALED(status))
			keeper_ended(process);
	}
}

int calls_timeout(void)
{
	int64_t nearest = next_look;

	if (!all)
		return -1;
	for (const struct call *call = dying ? all : NULL; call; call = call->next)
		if (call->deadline && call->deadline < nearest)
			nearest = call->deadline;
	int64_t now = kernel_now_ms();
	return nearest <= now ? 0 : (int)(nearest - now);
}

void calls_look(void)
{
	int64_t now = all ? kernel_now_ms() : 0;

	for (struct call *call = dying ? all : NULL; call; call = call->next) {
		if (call->deadline && call->deadline <= now) {
			call->deadline = 0;
			dying--;
			if (!call->ended)
				send_signal(call, SIGKILL);
			else if (call->left)
				kill(-call->left, SIGKILL);
		}
	}
	if (!all || now < next_look)
		return;
	for (struct call *call = all; call; call = call->next)
		look_after(call, now);
	next_look = now + LOOK_MS;
}
