#include "supervisor/logs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "base/str.h"
#include "supervisor/logline.h"
#include "supervisor/plain.h"
#include "supervisor/rotate.h"
#include "supervisor/terminal.h"

#define SELF      "goop-supervisor"
#define READ_MAX  16384
#define READS_MAX 4  /* before other descriptors get their turn */
#define DRAIN_MAX 64 /* of a dead process: a pipe holds 64 KiB */
#define GRAVE_STAYS                                                                                \
	2000 /* ms: for so long a lesser line does not take the place of a graver one              \
	      */

struct logs {
	struct loop *loop;
	int terminal;
	bool colour;
	enum log_level level;
	struct rotate *own;
	struct log_limit lost;
};

struct log_source {
	struct logs *logs;
	const char *service;
	struct rotate *file;
	struct watch *watch;
	int fd;
	char line[LOGS_LINE]; /* not yet ended */
	size_t len;
	bool cut; /* it did not fit: the rest is skipped */
	char last[LOGS_LINE];
	enum log_level last_level;
	uint64_t last_at;
};

struct logs *logs_new(struct loop *loop, int terminal, bool colour, enum log_level level)
{
	struct logs *logs = xcalloc(1, sizeof(*logs));

	/* When it cannot be made, every line tells why it is lost. */
	owner_mkdir("log", 0700);
	logs->loop = loop;
	logs->terminal = terminal;
	logs->colour = colour;
	logs->level = level;
	logs->own = rotate_new("log/supervisor.log");
	return logs;
}

void logs_free(struct logs *logs)
{
	if (logs == NULL)
		return;
	rotate_free(logs->own);
	free(logs);
}

int logs_detach(struct logs *logs)
{
	logs->terminal = -1;
	return rotate_is_stderr(logs->own);
}

static void show(const struct logs *logs, const struct logline *l)
{
	char out[LOGS_LINE + 64];

	if (logs->terminal < 0 || l->level > logs->level)
		return;
	logline_show(l, logs->colour, out, sizeof(out));
	terminal_line(logs->terminal, out);
}

static void keep(struct logs *logs, struct rotate *file, const char *line)
{
	if (rotate_write(file, line, strlen(line)) < 0 && logs->terminal >= 0 &&
	    log_allowed(&logs->lost, 1, "log"))
		log_warn("log", "log files cannot be written: %m");
}

void logs_say(struct logs *logs, enum log_level level, const char *format, ...)
{
	char text[LOG_LINE], plain[LOG_LINE], line[LOGS_LINE];
	struct logline parsed;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	plain_copy(plain, sizeof(plain), text, strlen(text));
	logline_write(line, sizeof(line), level, SELF, plain);
	keep(logs, logs->own, line);
	if (logline_parse(line, &parsed))
		show(logs, &parsed);
}

struct log_source *logs_source(struct logs *logs, const char *service)
{
	struct log_source *s = xcalloc(1, sizeof(*s));
	char *path = xasprintf("log/%s.log", service);

	s->logs = logs;
	s->service = service;
	s->file = rotate_new(path);
	s->fd = -1;
	free(path);
	return s;
}

static void let_go(struct log_source *s)
{
	watch_free(s->watch);
	s->watch = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void log_source_free(struct log_source *s)
{
	if (s == NULL)
		return;
	let_go(s);
	rotate_free(s->file);
	free(s);
}

/* "conn: what happened" is the reason, not the time and the name in front of it. */
static void remember(struct log_source *s, const struct logline *l)
{
	uint64_t now = clock_mono_ms();

	if (l->level > s->last_level && s->last[0] != '\0' && now - s->last_at < GRAVE_STAYS)
		return;
	str_copy(s->last, sizeof(s->last), l->text);
	s->last_level = l->level;
	s->last_at = now;
}

static void take_line(struct log_source *s)
{
	char plain[LOGS_LINE - 128], line[LOGS_LINE];
	struct logline l;

	plain_copy(plain, sizeof(plain), s->line, s->len);
	s->len = 0;
	s->cut = false;
	if (plain[0] == '\0')
		return;
	str_copy(line, sizeof(line), plain);
	/* Nobody speaks in another's name. */
	if (!logline_parse(line, &l) || strcmp(l.service, s->service) != 0) {
		logline_write(line, sizeof(line), LOG_LEVEL_WARN, s->service, plain);
		if (!logline_parse(line, &l))
			return;
	}
	remember(s, &l);
	keep(s->logs, s->file, line);
	show(s->logs, &l);
}

static void take_bytes(struct log_source *s, const char *p, size_t n)
{
	while (n > 0) {
		const char *end = memchr(p, '\n', n);
		size_t part = end != NULL ? (size_t)(end - p) : n;
		size_t room = sizeof(s->line) - s->len;

		if (!s->cut) {
			s->cut = part > room;
			memcpy(s->line + s->len, p, part > room ? room : part);
			s->len += part > room ? room : part;
		}
		if (end == NULL)
			return;
		take_line(s);
		n -= part + 1;
		p = end + 1;
	}
}

/* Returns false at the end of the pipe. */
static bool read_some(struct log_source *s, unsigned times)
{
	char bytes[READ_MAX];
	ssize_t n = 1;

	while (times-- > 0 && (n = read(s->fd, bytes, sizeof(bytes))) > 0)
		take_bytes(s, bytes, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void on_words(void *arg, int events)
{
	struct log_source *s = arg;

	(void)events;
	if (!read_some(s, READS_MAX))
		let_go(s);
}

void log_source_attach(struct log_source *s, int fd)
{
	let_go(s);
	s->len = 0;
	s->cut = false;
	s->last[0] = '\0';
	s->fd = fd;
	s->watch = watch_new(s->logs->loop, fd, on_words, s);
	watch_set(s->watch, WATCH_READ);
}

int log_source_fd(const struct log_source *s)
{
	return s->fd;
}

const char *log_source_finish(struct log_source *s)
{
	if (s->fd >= 0)
		read_some(s, DRAIN_MAX);
	let_go(s);
	if (s->len > 0)
		take_line(s);
	return s->last;
}
