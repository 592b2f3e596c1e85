#include "agent/terminal.h"

#include "agent/copies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef EXTPROC /* musl does not know it */
#define EXTPROC 0200000
#endif
#ifndef TIOCSIG
#define TIOCSIG 0x40045436
#endif

#define GROUPS 64 /* process groups of one terminal that are remembered at a time */

/*
 * Which group inside stands for which group of the host. Workers of a pipeline write it at the same time, each in its
 * own process: one word an entry, host in the upper half.
 */
struct groups {
	_Atomic uint64_t entries[GROUPS];
};

static struct terminal own = { -1, -1, -1, -1 };
static struct groups *groups;
static pid_t abandoned; /* the group inside whose launchers are gone; 0: none */

const struct terminal *terminal_own(void)
{
	return own.inner >= 0 ? &own : NULL;
}

/* The program's settings are the terminal's, but for who edits lines. */
static void copy_settings(void)
{
	struct termios settings;

	if (tcgetattr(own.host, &settings) < 0)
		return;
	settings.c_lflag |= EXTPROC;
	tcsetattr(own.inner, TCSANOW, &settings);
}

int terminal_open(int host, int leader, uid_t owner)
{
	int unlock = 0, packets = 1;
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	setsid();
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -1;
	int inner = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	groups = mmap(NULL, sizeof *groups, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (inner < 0 || groups == MAP_FAILED || ioctl(inner, TIOCSCTTY, 0) < 0)
		return -1;
	/* As login(1) does: whoever has its name can open it. An agent that is not root is the owner. */
	if (fchown(inner, owner, (gid_t)-1) < 0 && geteuid() == 0)
		return -1;
	if (copies_except(inner) < 0)
		return -1;
	own = (struct terminal){ host, master, inner, leader };
	copy_settings();
	terminal_resize();
	/* Last: what was set until here is not news. */
	return ioctl(master, TIOCPKT, &packets);
}

int terminal_join(pid_t group, bool foreground)
{
	_Atomic uint64_t *entry = &groups->entries[(unsigned int)group % GROUPS];
	uint64_t known = atomic_load(entry);

	for (;;) {
		pid_t inner = (pid_t)(uint32_t)known;
		if ((pid_t)(known >> 32) == group && (inner == getpid() || setpgid(0, inner) == 0))
			break;
		/* Nobody of it is left: this process is the first of a new one. */
		if (setpgid(0, 0) < 0)
			return -1;
		if (atomic_compare_exchange_strong(entry, &known, (uint64_t)group << 32 | (uint32_t)getpid()))
			break;
	}
	if (foreground)
		terminal_claim(getpgrp());
	return 0;
}

void terminal_claim(pid_t group)
{
	/* Another program of the group has it, and may just have changed the settings. */
	if (tcgetpgrp(own.inner) == group)
		return;
	copy_settings();
	terminal_resize();
	tcsetpgrp(own.inner, group);
}

void terminal_release(void)
{
	abandoned = 0;
	tcsetpgrp(own.inner, getpgrp());
}

void terminal_abandon(void)
{
	abandoned = tcgetpgrp(own.inner);
}

void terminal_resize(void)
{
	struct winsize size;

	if (ioctl(own.host, TIOCGWINSZ, &size) == 0)
		ioctl(own.inner, TIOCSWINSZ, &size);
}

struct termios terminal_settings(void)
{
	struct termios settings = { 0 };

	tcgetattr(own.inner, &settings);
	return settings;
}

void terminal_follow_settings(void)
{
	struct termios settings = terminal_settings(), before;

	if (tcgetattr(own.host, &before) < 0 || (abandoned && tcgetpgrp(own.inner) == abandoned))
		return;
	if (!(settings.c_lflag & EXTPROC)) {
		/* It was not copied from what it had read: stty sane, or settings made up from nothing. */
		settings.c_lflag |= EXTPROC;
		tcsetattr(own.inner, TCSANOW, &settings);
	}
	settings.c_lflag = (settings.c_lflag & ~(tcflag_t)EXTPROC) | (before.c_lflag & EXTPROC);
	tcsetattr(own.host, TCSANOW, &settings);
	/* Who makes a terminal like this one wants every byte of this one right after. */
	if (before.c_lflag & ICANON && !(settings.c_lflag & ICANON))
		copies_mend();
}

void terminal_signal(int number)
{
	ioctl(own.master, TIOCSIG, number);
}
