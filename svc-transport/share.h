/* What each peer, and each address, has of the streams that are served here, over all its
 * connections: a peer with many connections gets no more than one with a single one, and a machine
 * with many keys no more than a peer that asks for much. No I/O. */
#ifndef SVC_TRANSPORT_SHARE_H
#define SVC_TRANSPORT_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "proto/protocols.h"

struct shares; /* of peers, or of addresses */

struct share {
	struct bytes key; /* whose it is */
	unsigned connections;
	unsigned talking;                 /* inbound, no protocol agreed on yet */
	unsigned serving[PROTOCOL_COUNT]; /* inbound, by protocol */
	unsigned inbound;                 /* all of these */
	size_t unsent;                    /* bytes of services that wait for it to take them */
};

struct shares *shares_new(void);
void shares_free(struct shares *s); /* NULL is fine */

/* One more connection of that peer or address, one less; the key is copied. The share lives as long
 * as it has any. */
struct share *shares_enter(struct shares *s, struct bytes key);
void shares_leave(struct shares *s, struct share *share);

/* Who lets the most bytes wait; NULL when nobody does. */
struct share *shares_greediest(const struct shares *s);

/* May it open another stream to us; one of those that talk be served with this protocol? As a peer,
 * or (share_address_may_serve()) as an address: that may have as many as one peer, or
 * LIMIT_SERVED_ADDRESS. */
bool share_may_open(const struct share *share);
bool share_may_serve(const struct share *share, enum protocol protocol);
bool share_address_may_serve(const struct share *share, enum protocol protocol);

/* The life of one: opened, agreed on, over. PROTOCOL_NONE is over before it was agreed on. */
void share_opened(struct share *share);
void share_agreed(struct share *share, enum protocol protocol);
void share_over(struct share *share, enum protocol protocol);

#endif
