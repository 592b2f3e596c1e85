#include "launcher/text.h"

#include "kernel/descriptors.h"
#include "launcher/failure.h"
#include "launcher/stream.h"
#include "pathmap/names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const words[] = { [TABLE_TEXT_OFF] = "off", [TABLE_TEXT_STDERR] = "stderr",
				     [TABLE_TEXT_STDOUT] = "stdout", [TABLE_TEXT_BOTH] = "both" };

static enum table_text wanted(const struct program *program)
{
	const char *variable = getenv("CLEANENV_TEXT"), *said = program->text ? program->text : variable;

	if (program->on_host)
		return TABLE_TEXT_OFF; /* what the caller of the caller has asked for is done where that is shown */
	if (!said || (!*said && said == variable))
		return program->options ? (enum table_text)program->options->text : TABLE_TEXT_OFF;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(said, words[i]))
			return (enum table_text)i;
	fail(FAILURE_USAGE, join(program->text ? "--map-text=" : "CLEANENV_TEXT=", said, NULL), "there is no such value",
	     "say off, stderr, stdout or both");
}

static bool is_open(const struct descriptors *descriptors, int number)
{
	for (size_t i = 0; i < descriptors->count; i++)
		if (descriptors->numbers[i] == number)
			return true;
	return false;
}

/* A stream for each of 1 and 2 that is open and no terminal. What is a terminal stays one: the program may look. */
static void add_stream(struct text *text, const struct program *program, int number)
{
	struct text_stream *stream = &text->streams[text->count];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		fail(FAILURE_OWN, program->name, strerror(errno), NULL);
	*stream = (struct text_stream){ number, ends[0], ends[1], -1 };
	text->replaced[number] = ends[1];
	text->count++;
}

/* The same file or pipe, as after 2>&1: then one pipe for both keeps the order in which the program writes. */
static bool are_same(int one, int other)
{
	struct stat first, second;

	return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

struct text text_open(const struct program *program, const struct paths *paths, const struct descriptors *descriptors,
		      const struct terminal *terminal)
{
	struct text text = { .replaced = { -1, -1, -1 } };
	enum table_text streams = wanted(program);
	bool open[3], asked[3] = { false, streams & TABLE_TEXT_STDOUT, streams & TABLE_TEXT_STDERR };

	if (streams == TABLE_TEXT_OFF)
		return text;
	for (int number = 1; number < 3; number++) {
		text.on_terminal = text.on_terminal || (asked[number] && terminal->standard & (1u << number));
		open[number] = is_open(descriptors, number) && !isatty(number);
	}
	if (open[1] && open[2] && are_same(1, 2)) {
		add_stream(&text, program, 1);
		text.replaced[2] = text.replaced[1];
	} else {
		for (int number = 1; number < 3; number++)
			if (asked[number] && open[number])
				add_stream(&text, program, number);
	}
	if (text.count > 0 || text.on_terminal)
		pathmap_append_names(&text.names, &paths->map);
	if (text.names.failed)
		fail(FAILURE_OWN, program->name, "out of memory", NULL);
	return text;
}

void text_start(struct text *text)
{
	for (size_t i = 0; i < text->count; i++) {
		struct text_stream *stream = &text->streams[i];
		close(stream->writer);
		stream->control = stream_start(stream->reader, stream->number, pathmap_slice_of(&text->names));
		if (stream->control < 0)
			fail(FAILURE_OWN, "text", strerror(errno), NULL);
		close(stream->reader);
	}
}

/* Whether a signal came that would end a program; they are all blocked. */
static bool is_ended_by_signal(int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
		if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP ||
		    info.ssi_signo == SIGQUIT)
			return true;
	return false;
}

/* As the program's are: whoever reads one stream to its end before the other must see that end. */
static void close_streams(const struct text *text, int signals)
{
	int kept[TEXT_STREAMS + 1] = { signals };

	for (size_t i = 0; i < text->count; i++)
		kept[i + 1] = text->streams[i].control;
	kernel_close_all_but(kept, text->count + 1);
	for (int number = 0; number < 3; number++)
		close(number);
}

void text_settle(const struct text *text, int signals)
{
	close_streams(text, signals);
	for (size_t i = 0; i < text->count; i++)
		shutdown(text->streams[i].control, SHUT_WR);
	for (size_t i = 0; i < text->count; i++) {
		struct pollfd ready[] = { { .fd = text->streams[i].control, .events = POLLIN },
					  { .fd = signals, .events = POLLIN } };
		while (!ready[0].revents) {
			if (poll(ready, 2, -1) > 0 && ready[1].revents && is_ended_by_signal(signals))
				return;
		}
	}
}
