/* GossipSub between the streams of the transport and the gossip core: one outbound stream for each
 * connected peer that speaks it, on which we write, and the peer's own, which we only read. Also
 * the messages that wait for their signature.
 * Source: libp2p specs, pubsub and gossipsub v1.1. */
#ifndef SVC_DISCOVERY_PUBSUB_H
#define SVC_DISCOVERY_PUBSUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"
#include "codec/peer_id.h"
#include "proto/stream.h"
#include "svc-discovery/gossip.h"

#define PUBSUB_OPEN_MS 10000 /* for a peer to accept our stream */

struct pubsub_events {
	/* A message has come that `from` has signed; `itself`: on a connection of its own. */
	enum gossip_verdict (*heard)(
	    void *arg, const struct peer_id *from, bool itself, struct bytes data);
	/* Somebody new listens to our topic. */
	void (*newcomer)(void *arg);
	/* Have this signed and bring the answer to pubsub_signed(). Returns 0, or -1 when nobody
	 * can sign now: then the message is dropped. */
	int (*sign)(void *arg, uint32_t request, uint64_t seqno, struct bytes data);
	/* No message waits for its signature any more. */
	void (*published)(void *arg);
	/* After pubsub_finish(): every peer has read to the end, or is gone. */
	void (*finished)(void *arg);
};

struct pubsub;

/* NULL, with the reason logged, when `topic` can be none. It is lent. */
struct pubsub *pubsub_new(
    struct loop *loop, const char *topic, const struct pubsub_events *events, void *arg);
void pubsub_free(struct pubsub *p); /* NULL is fine */

/* The transport is there: who we are, and its streams (lent). */
void pubsub_begin(struct pubsub *p, const struct peer_id *self, struct streams *streams);
/* It is gone: so are all connections. */
void pubsub_end(struct pubsub *p);

/* A peer is connected; `speaks`: its identify listed a protocol of pubsub. May be said again. */
void pubsub_up(struct pubsub *p, const struct peer_id *peer, bool speaks);
void pubsub_down(struct pubsub *p, const struct peer_id *peer);

/* A stream that a peer opened for pubsub; result and `user` as for stream_incoming_fn. */
const struct stream_events *pubsub_incoming(
    struct pubsub *p, struct stream *s, const char *peer, void **user);

/* Publishes on the topic, once it is signed. */
void pubsub_publish(struct pubsub *p, const void *data, size_t len);
void pubsub_signed(struct pubsub *p, uint32_t request, struct bytes signature);

/* Ends all our streams in order; `finished` follows. */
void pubsub_finish(struct pubsub *p);

/* Whether the transport has a connection to the peer. */
bool pubsub_connected(const struct pubsub *p, const struct peer_id *peer);

struct pubsub_count {
	size_t connected; /* peers */
	size_t reach;     /* of them in our topic */
	struct gossip_count gossip;
};
struct pubsub_count pubsub_counted(const struct pubsub *p);

#endif
