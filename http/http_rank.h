/* Who has the most, found without looking at everybody: attackers decide how many there are.
 * Private to this room. */
#ifndef HTTP_RANK_H
#define HTTP_RANK_H

#include <stddef.h>
#include <sys/queue.h>

/* Embedded by value; zeroed, it has nothing and is not ranked. */
struct http_rank_entry {
	TAILQ_ENTRY(http_rank_entry) entry;
	size_t n;
};

TAILQ_HEAD(http_rank_list, http_rank_entry);

struct http_rank {
	struct http_rank_list *having; /* those with so many each, the longest unchanged first */
	size_t max, most;
};

/* For numbers up to `max`; greater ones count as that. Cleared, it is gone; entries are not its. */
void http_rank_init(struct http_rank *r, size_t max);
void http_rank_clear(struct http_rank *r);

/* The entry has `n` now. 0 takes it out. */
void http_rank_set(struct http_rank *r, struct http_rank_entry *e, size_t n);

/* The one with the most, of several the longest unchanged; NULL when nobody has any. */
struct http_rank_entry *http_rank_first(const struct http_rank *r);

#endif
