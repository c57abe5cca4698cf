/* The last lines of what happened, for the administrator's page. */
#ifndef SVC_RENDEZVOUS_JOURNAL_H
#define SVC_RENDEZVOUS_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_LINES 500

struct journal {
	char *lines[JOURNAL_LINES];
	size_t next; /* the oldest, once all are there */
};

/* Adds a line with its time. */
void journal_add(struct journal *j, int64_t wall_ms, const char *text);
void journal_clear(struct journal *j);

/* The i-th line, the newest first; NULL when there are fewer. */
const char *journal_line(const struct journal *j, size_t i);

/* A JSON array of strings, the oldest first, for free(3). */
char *journal_to_json(const struct journal *j);

#endif
