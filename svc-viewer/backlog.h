/* Bytes that have come and wait for the browser: a queue of pieces as they came, so that neither
 * putting nor taking ever moves what is held. */
#ifndef SVC_VIEWER_BACKLOG_H
#define SVC_VIEWER_BACKLOG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct backlog_piece;

/* Embedded by value; the fields are private to backlog.c. */
struct backlog {
	STAILQ_HEAD(, backlog_piece) pieces;
	size_t len;
};

void backlog_init(struct backlog *b);
void backlog_clear(struct backlog *b); /* empty and usable again */

/* Appends a copy. Whoever gives credit bounds how much that is. */
void backlog_put(struct backlog *b, const void *p, size_t n);

/* Moves up to `max` bytes from the front to `to`; returns how many. */
size_t backlog_take(struct backlog *b, void *to, size_t max);

/* Bytes held. */
size_t backlog_len(const struct backlog *b);

#endif
