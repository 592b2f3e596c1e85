/*
 * The wire format: what launcher, agent and environment server say to each other on agent.sock.
 *
 * The socket is AF_UNIX SOCK_SEQPACKET: one packet is one message, packets never mix, the end of a peer
 * is the end of the stream. Numbers are in the machine's byte order: both ends are on one machine and from
 * one build. Every packet begins with a wire_header; a packet whose magic or version differ, or whose size is
 * not the one its type asks for, costs its sender the connection and nothing else.
 *
 * A connection is one of four things, decided by its first message:
 *
 *   a call     launcher: SPAWN [DESCRIPTORS ...] then SIGNAL, FOREGROUND and PONG ...
 *              agent:    STOPPED / CONTINUED / PING ..., then EXITED; or FAILED
 *              The end of the connection is the end of the caller: the program gets HUP and CONT, then KILL.
 *   a terminal launcher: TERMINAL
 *              agent:    STARTED: calls of that terminal are taken on a socket of its own (WIRE_TERMINAL_NAME); or FAILED
 *   questions  anyone:   EXISTS, GLOB or WATCH, again and again
 *              agent:    one ANSWER each
 *   a look     anyone:   ACTIVITY
 *              agent:    ACTIVE, about the calls of this socket
 *
 * Text of any length (arguments, variables, paths, listings) travels in a sealed memfd beside the packet: a packet has a
 * limit, ARG_MAX does not respect it, and a sealed file cannot change while it is read. A request that is short, as nearly all
 * are, follows in the SPAWN packet itself, which saves both sides 40 microseconds.
 */
#ifndef CLEANENV_WIRE_H
#define CLEANENV_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WIRE_MAGIC 0x766e6c63u /* "clnv" */
#define WIRE_VERSION 1
#define WIRE_PACKET_MAX 256      /* bytes; every message but SPAWN fits */
#define WIRE_INLINE_MAX 16384    /* bytes of a request in the SPAWN packet */
#define WIRE_PROCESSORS 1024
#define WIRE_DESCRIPTORS_MAX 250 /* per packet; the kernel's SCM_MAX_FD is 253 */

enum wire_type {
	/* to the agent */
	WIRE_SPAWN = 1,       /* struct wire_spawn, request; descriptors: the request unless it is here, the program's */
	WIRE_DESCRIPTORS = 2, /* header only; more descriptors of the program */
	WIRE_SIGNAL = 3,      /* struct wire_signal: a signal for the program's process group */
	WIRE_EXISTS = 4,      /* header only; descriptor: the paths, each ended by NUL */
	WIRE_GLOB = 5,        /* header only; descriptor: the patterns, each ended by NUL */
	WIRE_WATCH = 6,       /* header only; descriptor: the patterns, each ended by NUL */
	WIRE_TERMINAL = 7,    /* struct wire_terminal; descriptors: the terminal, its session's leader (a pidfd) if it lives */
	WIRE_PONG = 10,       /* header only: the answer to a PING */
	WIRE_CALL = 9,        /* struct wire_call; descriptors: its connection, names (WIRE_TEXT). From a worker's child that becomes a program */
	WIRE_STRANGER = 11,   /* header only; descriptor: a connection that a worker who is the user already cannot serve */
	WIRE_ACTIVITY = 12,   /* header only. Asked by anybody; and from a worker, with the connection of who asks */
	WIRE_FOREGROUND = 8,  /* header only: the call is in the foreground of its terminal: so shall its program be */

	/* from the agent */
	WIRE_STARTED = 16,   /* header only: the terminal's socket is there; from a worker: its caller keeps it waiting */
	WIRE_STOPPED = 17,   /* struct wire_number: the stopping signal */
	WIRE_CONTINUED = 18, /* header only: a SIGCONT was handed on; what was said of a stop before it is of the past */
	WIRE_EXITED = 19,    /* struct wire_number: a wait status, as waitpid(2) gives it */
	WIRE_FAILED = 20,    /* struct wire_failure: the program was never started */
	WIRE_ANSWER = 21,    /* header only; descriptor: the answer */
	WIRE_ACTIVE = 23,    /* struct wire_active */
	WIRE_PING = 22,      /* header only: a launcher that is stopped (SIGSTOP cannot be caught) does not answer */
};

struct wire_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
};

struct wire_number {
	struct wire_header header;
	int32_t value;
};

struct wire_signal {
	struct wire_header header;
	int32_t number;
	uint32_t flags; /* enum wire_signal_flag */
};

enum wire_signal_flag {
	WIRE_BY_KERNEL = 1,     /* nobody's kill(2): a key, the window's size, a hangup; every process of the group has got it */
	WIRE_IN_FOREGROUND = 2, /* with SIGCONT: the caller's process group is in its terminal's foreground */
};

/*
 * A terminal of the host: its device number (TIOCGDEV) and its session (0: none that controls it). One pty and one session inside
 * stand for it as long as the session lives (agent/keeper.h).
 */
struct wire_terminal {
	struct wire_header header;
	uint32_t device;
	int32_t session;
};

/* The process that sends this is the call's from now on. */
struct wire_call {
	struct wire_header header;
	int32_t group;       /* the caller's process group where the call has a terminal, else 0 */
	uint32_t foreground; /* whether it is in the foreground */
	uint32_t hook;       /* whether it is one of cleanenv's own */
};

/*
 * How much a socket is used. Whoever was there before this question counts: callers are taken in the order in which they came.
 */
struct wire_active {
	struct wire_header header;
	uint64_t calls;   /* that run, or whose request is being read */
	uint64_t idle_ms; /* since the last one ended, or since the start */
};

/* The name of a terminal's socket, beside the agent's: device and session. */
#define WIRE_TERMINAL_NAME "terminal-%u-%d.sock"

struct wire_spawn {
	struct wire_header header;
	uint32_t descriptors; /* how many the program gets, over all packets */
	uint32_t size;        /* of the request behind this; 0: it is the first descriptor */
};

#define WIRE_SPAWN_MAX (sizeof(struct wire_spawn) + WIRE_INLINE_MAX)

/* At which step a program could not be started. */
enum wire_stage {
	WIRE_STAGE_REQUEST = 1,   /* the request is malformed or not sealed */
	WIRE_STAGE_AGENT = 2,     /* fork, memory, descriptors: the agent's own failure */
	WIRE_STAGE_PRIVILEGE = 3, /* becoming the user */
	WIRE_STAGE_TERMINAL = 4,  /* opening the pty */
	WIRE_STAGE_DIRECTORY = 5, /* entering the working directory */
	WIRE_STAGE_EXECUTE = 6,   /* execve: ENOENT is 127 for the shell, everything else 126 */
	WIRE_STAGE_PERMISSION = 7, /* the host's agent: the program is not linked, or a descriptor is none to be given */
};

struct wire_failure {
	struct wire_header header;
	uint32_t stage;
	int32_t error; /* errno */
};

/*
 * The request of a SPAWN: this head, `descriptors` int32_t (the number in the program of
 * each descriptor, in the order in which they are sent), then `paths` + `arguments` + `variables` + 1 strings, each ended
 * by NUL: the candidates for the program in the order in which they are tried, its argv, its environ, its
 * working directory. A candidate is a pattern as in GLOB. `size` is the whole request's.
 */
struct wire_request {
	uint32_t magic;
	uint32_t version;
	uint64_t size;
	uint32_t descriptors;
	uint32_t paths;
	uint32_t arguments;
	uint32_t variables;
	uint32_t flags;     /* enum wire_flag */
	uint32_t terminals; /* bits 0, 1, 2: that descriptor becomes the pty; it is not among the ones sent */
	int32_t group;      /* the caller's process group: calls of one group on one terminal are one group inside */
	uint32_t umask;
	int32_t niceness;
	uint64_t blocked; /* the signal mask, bit n-1 for signal n */
	uint64_t ignored; /* the signals whose disposition is SIG_IGN */
	uint64_t limits[16][2]; /* soft and hard resource limit of RLIMIT_* n; UINT64_MAX is infinity */
	uint64_t processors[WIRE_PROCESSORS / 64]; /* those that the caller may run on, sched_getaffinity(2); none: not known */
};

enum wire_flag {
	WIRE_SEARCH_PATH = 1,  /* the candidates are plain: with a slash a path, without one a name to find in PATH */
	WIRE_NAME_BY_PATH = 2, /* argv[0] is a path of the host to the program: it gets the directory where the program is found */
	WIRE_FOREGROUND_GROUP = 4, /* `group` is in its terminal's foreground */
	WIRE_HOOK = 8,  /* cleanenv's own call: it does not count as a use of the environment */
	WIRE_TEXT = 16, /* the last descriptor is no one of the program: it holds the names to find in what the terminal shows */
};

#define WIRE_REQUEST_MAX (64u << 20) /* bytes; ARG_MAX is 6 MB at most (execve(2)) */
#define WIRE_QUESTION_MAX (16u << 20)
#define WIRE_NAMES_MAX (64u << 10) /* bytes of names (pathmap/names.h) */

/*
 * An ANSWER to EXISTS: one byte a path, in order: '0' absent, '1' present, '2' a symbolic link (lstat).
 * An ANSWER to GLOB: for each match a wire_match and its path ended by NUL, in the order of the patterns, within a
 * pattern in the order of the names. Only regular files (after symbolic links) that the user may execute are
 * named. A pattern is glob(7) with a backslash in front of each literal special character; one that begins with "~/" begins in
 * the user's home. No match at all is an empty file.
 * An ANSWER to WATCH: an inotify descriptor (inotify(7)) that becomes readable when what GLOB says of the patterns may have
 * changed; directories that do not exist yet are watched from their nearest parent. Its events need no interpretation but
 * one: after IN_ISDIR, IN_IGNORED or IN_Q_OVERFLOW the question is to be asked again.
 */
struct wire_match {
	uint32_t pattern; /* index of the pattern */
	uint32_t mode;
	uint64_t size;
	int64_t seconds; /* mtime */
	uint32_t nanoseconds;
	uint32_t length; /* of the path, with its NUL */
};

/* Fill in a header. */
struct wire_header wire_header(enum wire_type type);

/* The expected size of a packet of this type (of a SPAWN, without the request), or 0 for an unknown type. */
size_t wire_packet_size(uint16_t type);

/*
 * Send one packet with descriptors (which stay the caller's). Returns 0, or -1 with errno. Blocks unless the socket
 * does not; never raises SIGPIPE.
 */
int wire_send(int socket, const void *packet, size_t size, const int *descriptors, size_t count);

/*
 * Receive one packet of at most `room` bytes. Returns its size, 0 at the end of the stream, or -1 with errno;
 * EPROTO when it is no valid packet of this version (truncated, wrong magic, version or size). Received descriptors are
 * close-on-exec and the caller's; in case of an error none is left open.
 */
long wire_receive(int socket, void *packet, size_t room, int *descriptors, size_t capacity, size_t *count);

/* The same on a socket with SO_PASSCRED (unix(7)): `sender` gets the process that the kernel names as the sender, 0 for none. */
long wire_receive_from(int socket, void *packet, size_t room, int *descriptors, size_t capacity, size_t *count, pid_t *sender);

/*
 * Map a received memfd of at most `limit` bytes for reading, after checking that it is sealed against every change.
 * Returns the mapping (unmap with munmap) or NULL with errno; an empty file is EPROTO.
 */
const void *wire_map(int descriptor, size_t limit, size_t *size);

/* A sealed memfd with these bytes. Returns the descriptor, or -1 with errno. */
int wire_seal(const void *bytes, size_t size);

#endif
