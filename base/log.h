/* One line per event on standard error: time, level, service, subject, text.
 *
 *	2026-01-31T23:59:59.123Z info  svc-transport conn: 12D3KooW… connected from /ip4/…
 *
 * Control characters in what is logged are escaped, so strangers cannot forge lines. A line is cut
 * at LOG_LINE bytes. Writing never blocks: when standard error is full, lines are dropped and the
 * next one that fits says how many. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LINE 2048

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `service` is kept, not copied. */
void log_init(const char *service, enum log_level max);
void log_set_level(enum log_level max);
bool log_enabled(enum log_level level);

#define LOG_PRINTF __attribute__((format(printf, 2, 3)))
void log_error(const char *subject, const char *format, ...) LOG_PRINTF;
void log_warn(const char *subject, const char *format, ...) LOG_PRINTF;
void log_info(const char *subject, const char *format, ...) LOG_PRINTF;
void log_debug(const char *subject, const char *format, ...) LOG_PRINTF;

/* For what strangers can trigger: true at most `burst` times per minute; when it lets one through
 * after refusing others, it logs how many were left out. A zeroed struct is ready. */
struct log_limit {
	uint64_t window; /* start of this minute, ms */
	unsigned passed;
	unsigned refused;
};
bool log_allowed(struct log_limit *limit, unsigned burst, const char *subject);

/* The environment makes going on impossible: logs, then exits with status 1. */
_Noreturn void fatal(const char *subject, const char *format, ...) LOG_PRINTF;

/* A broken invariant of our own: logs, then aborts. */
_Noreturn void panic(const char *subject, const char *format, ...) LOG_PRINTF;

#endif
