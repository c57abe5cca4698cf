/* One line of a log, as base/log.h writes it, and as people read it:
 *
 *	2026-01-31T23:59:59.123Z error svc-viewer http: viewer.http_addr is in use
 *	23:59:59 viewer     error: http: viewer.http_addr is in use
 */
#ifndef SUPERVISOR_LOGLINE_H
#define SUPERVISOR_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

#define LOGLINE_STAMP 24

struct logline {
	char stamp[LOGLINE_STAMP + 1];
	enum log_level level;
	char service[32];
	const char *text; /* subject and what it says; in the line that was given */
};

/* False when the line was not written by base/log.h. */
bool logline_parse(const char *line, struct logline *out);

/* The line that base/log.h would have written. Always terminated, without a newline. */
void logline_write(
    char *out, size_t size, enum log_level level, const char *service, const char *text);

/* "error", "warn", "info", "debug" */
const char *logline_level(enum log_level level);

/* For a terminal: local time, short name, colours when wanted. Without a newline. */
void logline_show(const struct logline *l, bool colour, char *out, size_t size);

#endif
