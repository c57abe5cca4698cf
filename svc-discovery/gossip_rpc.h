/* RPCs of pubsub: framing, parsing within bounds, and the signature of a message. No I/O.
 * Source: libp2p specs, pubsub ("The RPC", "Message Signing") and gossipsub v1.0, v1.1. */
#ifndef SVC_DISCOVERY_GOSSIP_RPC_H
#define SVC_DISCOVERY_GOSSIP_RPC_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/gossip.pb-c.h"
#include "codec/pb.h"
#include "codec/peer_id.h"

#define GOSSIP_RPC_IN_MAX   (1024 * 1024) /* as go-libp2p-pubsub accepts */
#define GOSSIP_RPC_OUT_MAX  (64 * 1024)   /* rust-libp2p refuses more */
#define GOSSIP_RPC_HEAD_MAX 3             /* length in front of what we send */
#define GOSSIP_TOPIC_MAX    256
#define GOSSIP_ID_MAX       128 /* longest message id looked at */
#define GOSSIP_SEQNO        8
/* Longest message, serialised, that we relay or publish. */
#define GOSSIP_MESSAGE_MAX (GOSSIP_RPC_OUT_MAX - 16)

/* Most entries of each kind in one RPC; ids are counted over all entries. */
#define GOSSIP_SUBSCRIPTIONS_MAX 5000
#define GOSSIP_MESSAGES_MAX      5000
#define GOSSIP_CONTROL_MAX       5000
#define GOSSIP_IDS_MAX           20000

/* The first RPC in what a peer has sent: *rpc lends from `p`, without its length, and may be empty.
 * Returns the bytes it takes; 0 when more are needed; -1 when it can be none, or is too long. */
long gossip_rpc_frame(const uint8_t *p, size_t n, struct bytes *rpc);

/* Unpacks one. Returns it for gossip_rpc_free(), or NULL when it is malformed, takes too much
 * memory or has too many entries. `pb` outlives it. */
Gossip__Rpc *gossip_rpc_parse(struct pb *pb, struct bytes rpc);
void gossip_rpc_free(struct pb *pb, Gossip__Rpc *rpc);

/* Appends the RPC with its length in front. Returns 0, or -1 when it is longer than
 * GOSSIP_RPC_OUT_MAX or does not fit. */
int gossip_rpc_put(struct buf *out, const Gossip__Rpc *rpc);

/* RPCs of one entry. `count` is at most what fits: gossip_rpc_ids_fit(). Each returns as
 * gossip_rpc_put(). */
int gossip_rpc_put_subscription(struct buf *out, struct bytes topic, bool subscribe);
int gossip_rpc_put_invitation(struct buf *out, struct bytes topic); /* subscription and GRAFT */
int gossip_rpc_put_message(struct buf *out, const Gossip__Message *m);
int gossip_rpc_put_graft(struct buf *out, struct bytes topic);
/* A back-off of 0 is left out (v1.0 knows none). */
int gossip_rpc_put_prune(struct buf *out, struct bytes topic, uint64_t backoff_s);
int gossip_rpc_put_ihave(
    struct buf *out, struct bytes topic, const struct bytes *ids, size_t count);
int gossip_rpc_put_iwant(struct buf *out, const struct bytes *ids, size_t count);

/* How many of the ids, from the first one on, fit into one RPC beside a topic. */
size_t gossip_rpc_ids_fit(const struct bytes *ids, size_t count);

/* Appends what the author signs: the prefix and the message as it was sent, unknown fields
 * included, without signature and key. Returns 0, or -1 when it does not fit. */
int gossip_rpc_preimage(struct buf *out, const Gossip__Message *m);

/* StrictSign: `from` is a peer id, seqno has 8 bytes, and the signature is that of the key which
 * `from` stands for (inside the id, or the key field). Returns 0 with *from set, or -1. */
int gossip_rpc_verify(const Gossip__Message *m, struct peer_id *from);

#endif
