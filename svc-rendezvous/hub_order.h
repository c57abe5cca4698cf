/* Who is present, by the number of the event that last changed what they say: so a newcomer can be
 * told of everybody piece by piece, whatever changes meanwhile. No I/O. */
#ifndef SVC_RENDEZVOUS_HUB_ORDER_H
#define SVC_RENDEZVOUS_HUB_ORDER_H

#include <stddef.h>
#include <stdint.h>

struct hub_peer;

struct hub_order {
	struct hub_order_entry *entries; /* by number; those removed have no peer */
	size_t size, count, removed;
};

/* A zeroed struct is empty; cleared, it is that again. */
void hub_order_clear(struct hub_order *o);

/* The peer, lent, gets that number, greater than all before. */
void hub_order_add(struct hub_order *o, uint64_t number, const struct hub_peer *p);
/* Takes out who has that number, if anybody. */
void hub_order_remove(struct hub_order *o, uint64_t number);

/* The first with a number greater than *number, which becomes that. NULL when there is none. */
const struct hub_peer *hub_order_after(const struct hub_order *o, uint64_t *number);

#endif
