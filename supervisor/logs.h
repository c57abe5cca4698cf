/* What services write to their standard error: into log/<service>.log, and in the foreground to our
 * own standard error as people read it. Lines of any other form than base/log.h's become warnings
 * of that service. The last line is kept: it is the reason when the service dies. */
#ifndef SUPERVISOR_LOGS_H
#define SUPERVISOR_LOGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "base/loop.h"

#define LOGS_LINE (2 * LOG_LINE) /* longer lines are cut */

struct logs;
struct log_source;

/* Files go to log/ in the working folder. `terminal` is a descriptor to show lines of at least
 * `level` on, or -1; it is never waited for. */
struct logs *logs_new(struct loop *loop, int terminal, bool colour, enum log_level level);
void logs_free(struct logs *logs); /* all sources first; NULL is fine */

/* We go to the background: no terminal any more, descriptor 2 becomes log/supervisor.log. Returns
 * 0, or -1 with errno. */
int logs_detach(struct logs *logs);

/* A line of the supervisor itself. */
void logs_say(struct logs *logs, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The log of a service. `service` is kept, not copied. */
struct log_source *logs_source(struct logs *logs, const char *service);
void log_source_free(struct log_source *s); /* NULL is fine */

/* Reads that pipe from now on, until its end; takes the (non-blocking) descriptor. */
void log_source_attach(struct log_source *s, int fd);

/* The pipe that is read now, or -1. */
int log_source_fd(const struct log_source *s);

/* The process has ended: reads what is left and lets go of the pipe. Returns the text of its last
 * line, "" when it said nothing; lent until the next call. An error is preferred to what was said
 * right after it. */
const char *log_source_finish(struct log_source *s);

#endif
