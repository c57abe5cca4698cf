#include "svc-viewer/backlog.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct backlog_piece {
	STAILQ_ENTRY(backlog_piece) entry;
	size_t at, end;
	uint8_t data[];
};

void backlog_init(struct backlog *b)
{
	STAILQ_INIT(&b->pieces);
	b->len = 0;
}

static void drop_first(struct backlog *b)
{
	struct backlog_piece *first = STAILQ_FIRST(&b->pieces);

	STAILQ_REMOVE_HEAD(&b->pieces, entry);
	free(first);
}

void backlog_clear(struct backlog *b)
{
	while (!STAILQ_EMPTY(&b->pieces))
		drop_first(b);
	b->len = 0;
}

void backlog_put(struct backlog *b, const void *p, size_t n)
{
	struct backlog_piece *piece;

	if (n == 0)
		return;
	piece = xmalloc(sizeof(*piece) + n);
	piece->at = 0;
	piece->end = n;
	memcpy(piece->data, p, n);
	STAILQ_INSERT_TAIL(&b->pieces, piece, entry);
	b->len += n;
}

size_t backlog_take(struct backlog *b, void *to, size_t max)
{
	size_t done = 0;

	while (done < max && !STAILQ_EMPTY(&b->pieces)) {
		struct backlog_piece *first = STAILQ_FIRST(&b->pieces);
		size_t n = first->end - first->at;
		if (n > max - done)
			n = max - done;
		memcpy((uint8_t *)to + done, first->data + first->at, n);
		first->at += n;
		done += n;
		if (first->at == first->end)
			drop_first(b);
	}
	b->len -= done;
	return done;
}

size_t backlog_len(const struct backlog *b)
{
	return b->len;
}
