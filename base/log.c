#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

/* The only global state of the house. */
static struct {
	const char *service;
	enum log_level max;
	unsigned long lost;
} state = {.max = LOG_LEVEL_INFO};

static const char *const level_names[] = {"error", "warn ", "info ", "debug"};

void log_init(const char *service, enum log_level max)
{
	state.service = service;
	state.max = max;
}

void log_set_level(enum log_level max)
{
	state.max = max;
}

bool log_enabled(enum log_level level)
{
	return level <= state.max;
}

/* A pipe that polls writable takes PIPE_BUF (4096) bytes whole, so this does not block, and nobody
 * has to change the flags of a descriptor that other processes share. */
static bool write_line(const char *line, size_t len)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT))
		return false;
	return write(STDERR_FILENO, line, len) == (ssize_t)len;
}

/* Appends text. Control characters (C0, DEL, and C1 in UTF-8) and what is not UTF-8 are escaped.
 * Stops at the limit, which leaves the place for the newline. */
static size_t append(char *line, size_t at, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t left = strlen(text), len;

	for (; left > 0; p += len, left -= len) {
		len = str_utf8_len(p, left);
		if (len == 0 || *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
			if (at + 4 >= LOG_LINE)
				break;
			at += (size_t)snprintf(line + at, 5, "\\x%02x", *p);
			len = 1;
			continue;
		}
		if (at + len >= LOG_LINE)
			break;
		memcpy(line + at, p, len);
		at += len;
	}
	return at;
}

static size_t head(char *line, enum log_level level, const char *subject)
{
	const char *service = state.service ? state.service : program_invocation_short_name;
	char stamp[25];
	size_t at;

	clock_format(clock_wall_ms(), stamp);
	at = append(line, 0, stamp);
	at = append(line, at, " ");
	at = append(line, at, level_names[level]);
	at = append(line, at, " ");
	at = append(line, at, service);
	at = append(line, at, " ");
	at = append(line, at, subject);
	return append(line, at, ": ");
}

static bool confess(void)
{
	char line[LOG_LINE], text[64];
	size_t at;

	snprintf(text, sizeof(text), "%lu lines were lost here", state.lost);
	at = head(line, LOG_LEVEL_WARN, "log");
	at = append(line, at, text);
	line[at++] = '\n';
	return write_line(line, at);
}

static void vlog(enum log_level level, const char *subject, const char *format, va_list ap)
{
	char line[LOG_LINE], text[LOG_LINE];
	int saved = errno;
	size_t at;

	if (vsnprintf(text, sizeof(text), format, ap) < 0)
		snprintf(text, sizeof(text), "(a line that could not be formatted: %s)", format);
	at = head(line, level, subject);
	at = append(line, at, text);
	line[at++] = '\n';
	if (state.lost > 0 && confess())
		state.lost = 0;
	if (state.lost > 0 || !write_line(line, at))
		state.lost++;
	errno = saved;
}

#define LOG_FUNCTION(name, LEVEL)                                                                  \
	void name(const char *subject, const char *format, ...)                                    \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		if (!log_enabled(LEVEL))                                                           \
			return;                                                                    \
		va_start(ap, format);                                                              \
		vlog(LEVEL, subject, format, ap);                                                  \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

bool log_allowed(struct log_limit *limit, unsigned burst, const char *subject)
{
	uint64_t now = clock_mono_ms();
	unsigned refused;

	if (now - limit->window >= 60000) {
		limit->window = now;
		limit->passed = 0;
	}
	if (limit->passed >= burst) {
		limit->refused++;
		return false;
	}
	limit->passed++;
	refused = limit->refused;
	limit->refused = 0;
	if (refused > 0)
		log_info(subject, "%u lines of this kind were left out", refused);
	return true;
}

void fatal(const char *subject, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vlog(LOG_LEVEL_ERROR, subject, format, ap);
	va_end(ap);
	exit(1);
}

void panic(const char *subject, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vlog(LOG_LEVEL_ERROR, subject, format, ap);
	va_end(ap);
	abort();
}
