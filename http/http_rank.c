#include "http/http_rank.h"

#include <stdlib.h>

#include "base/alloc.h"

void http_rank_init(struct http_rank *r, size_t max)
{
	*r = (struct http_rank){.max = max};
	r->having = xcalloc(max + 1, sizeof(r->having[0]));
	for (size_t i = 0; i <= max; i++)
		TAILQ_INIT(&r->having[i]);
}

void http_rank_clear(struct http_rank *r)
{
	free(r->having);
	*r = (struct http_rank){0};
}

void http_rank_set(struct http_rank *r, struct http_rank_entry *e, size_t n)
{
	if (e->n > 0)
		TAILQ_REMOVE(&r->having[e->n], e, entry);
	e->n = n < r->max ? n : r->max;
	if (e->n > 0)
		TAILQ_INSERT_TAIL(&r->having[e->n], e, entry);
	if (e->n > r->most)
		r->most = e->n;
	/* Downwards by no more steps than it went up. */
	while (r->most > 0 && TAILQ_EMPTY(&r->having[r->most]))
		r->most--;
}

struct http_rank_entry *http_rank_first(const struct http_rank *r)
{
	return r->most == 0 ? NULL : TAILQ_FIRST(&r->having[r->most]);
}
