/* What the files of the node share: node.c (connections, streams, life), node_dial.c (addresses and
 * dialling), node_identify.c (what we and peers say about ourselves). */
#ifndef SVC_TRANSPORT_NODE_PRIVATE_H
#define SVC_TRANSPORT_NODE_PRIVATE_H

#include "base/log.h"
#include "svc-transport/addrbook.h"
#include "svc-transport/dial.h"
#include "svc-transport/identify_stream.h"
#include "svc-transport/limits.h"
#include "svc-transport/node.h"

struct node {
	struct loop *loop;
	const struct identity *identity;
	const struct node_events *events;
	void *arg;
	struct noise_self noise;
	struct conns *conns;
	struct stream_table *table;
	struct peers *peers;
	struct addrbook *book;
	struct dialer *dialer;
	struct timer *dialing, *tick, *push;
	struct timer *last_words;   /* of services that have gone: they may still be on the bus */
	struct before_sleep *leave; /* NULL unless node_leave() was called */
	bool has_left;
	struct log_limit silent; /* of peers that say nothing about themselves */
	struct identify_stream_owner identify;

	struct multiaddr addrs[IDENTIFY_ADDRS_MAX];
	size_t addr_count;
	struct buf record; /* the sealed peer record with these */
};

/* node_dial.c */

extern const struct dial_io node_dial_io; /* `arg` is the node */
/* Begins a dial, unless one is under way. */
void node_dial(struct node *n, const struct peer_id *id);
/* For the timer `dialing`: does what is due. */
void node_dial_tick(void *arg);
/* Has that done in the next turn of the loop. */
void node_dial_soon(struct node *n);

/* node_identify.c */

/* Sets n->identify; its `arg` is the node. */
void node_identify_init(struct node *n);
/* For the timer `push`: tells all peers that hear pushes. */
void node_identify_push(void *arg);

#endif
