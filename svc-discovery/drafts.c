#include "svc-discovery/drafts.h"

#include <stdlib.h>

#include "base/alloc.h"

static struct draft *find(struct drafts *d, uint32_t request)
{
	for (size_t i = 0; i < DRAFTS_MAX; i++)
		if (d->rows[i].request == request)
			return &d->rows[i];
	return NULL;
}

const struct draft *drafts_add(
    struct drafts *d, uint64_t seqno, const void *data, size_t len, uint64_t now)
{
	struct draft *row = find(d, 0);

	if (row == NULL)
		return NULL;
	d->last = d->last % INT32_MAX + 1;
	*row = (struct draft){
	    .request = d->last,
	    .seqno = seqno,
	    .deadline = now + DRAFTS_WAIT_MS,
	    .data = {xmemdup(data, len), len},
	};
	return row;
}

const struct draft *drafts_find(const struct drafts *d, uint32_t request)
{
	for (size_t i = 0; i < DRAFTS_MAX && request != 0; i++)
		if (d->rows[i].request == request)
			return &d->rows[i];
	return NULL;
}

static void clear(struct draft *row)
{
	free((void *)(uintptr_t)row->data.data);
	*row = (struct draft){0};
}

void drafts_remove(struct drafts *d, uint32_t request)
{
	struct draft *row = request != 0 ? find(d, request) : NULL;

	if (row != NULL)
		clear(row);
}

void drafts_expire(struct drafts *d, uint64_t now)
{
	for (size_t i = 0; i < DRAFTS_MAX; i++)
		if (d->rows[i].request != 0 && d->rows[i].deadline <= now)
			clear(&d->rows[i]);
}

bool drafts_empty(const struct drafts *d)
{
	for (size_t i = 0; i < DRAFTS_MAX; i++)
		if (d->rows[i].request != 0)
			return false;
	return true;
}
