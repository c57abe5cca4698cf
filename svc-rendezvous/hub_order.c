#include "svc-rendezvous/hub_order.h"

#include <stdlib.h>

#include "base/alloc.h"

#define FIRST_SIZE 64

struct hub_order_entry {
	uint64_t number;
	const struct hub_peer *peer;
};

void hub_order_clear(struct hub_order *o)
{
	free(o->entries);
	*o = (struct hub_order){0};
}

static void close_gaps(struct hub_order *o)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->count; i++)
		if (o->entries[i].peer != NULL)
			o->entries[kept++] = o->entries[i];
	o->count = kept;
	o->removed = 0;
}

void hub_order_add(struct hub_order *o, uint64_t number, const struct hub_peer *p)
{
	/* When half are gaps, to close them costs no more than what made them. */
	if (o->count == o->size && o->removed > 0 && o->removed >= o->size / 2)
		close_gaps(o);
	if (o->count == o->size) {
		o->size = o->size == 0 ? FIRST_SIZE : 2 * o->size;
		o->entries = xreallocarray(o->entries, o->size, sizeof(o->entries[0]));
	}
	o->entries[o->count++] = (struct hub_order_entry){.number = number, .peer = p};
}

/* The first place with a number of at least that. */
static size_t find(const struct hub_order *o, uint64_t number)
{
	size_t low = 0, high = o->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (o->entries[middle].number >= number)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void hub_order_remove(struct hub_order *o, uint64_t number)
{
	size_t i = find(o, number);

	if (i == o->count || o->entries[i].number != number || o->entries[i].peer == NULL)
		return;
	o->entries[i].peer = NULL;
	o->removed++;
}

const struct hub_peer *hub_order_after(const struct hub_order *o, uint64_t *number)
{
	size_t i = *number == UINT64_MAX ? o->count : find(o, *number + 1);

	while (i < o->count && o->entries[i].peer == NULL)
		i++;
	if (i == o->count)
		return NULL;
	*number = o->entries[i].number;
	return o->entries[i].peer;
}
