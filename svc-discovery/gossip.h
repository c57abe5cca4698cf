/* GossipSub v1.1 and v1.0, and floodsub towards peers that speak nothing newer. No I/O: bytes and
 * the present time (monotonic milliseconds) go in, bytes and events come out.
 * Source: libp2p specs, pubsub, gossipsub v1.0, v1.1; parameters of go-libp2p-pubsub. Beyond them:
 * own messages go to every subscribed peer (networks are small, presence must reach everybody), and
 * scoring is local and simple: who sends what cannot be honest is ignored for some minutes.
 *
 * State is kept by peer, not by connection: one outbound stream that we write, one inbound stream
 * that the peer writes. Back-off and score outlive the peer's connections. Topics are to be joined
 * before peers come: what a peer said earlier about a topic unknown here is not remembered. */
#ifndef SVC_DISCOVERY_GOSSIP_H
#define SVC_DISCOVERY_GOSSIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/peer_id.h"

#define GOSSIP_HEARTBEAT_MS 1000
#define GOSSIP_PEERS_MAX    512 /* more are refused */
#define GOSSIP_TOPICS_MAX   8

/* What the peer agreed to on our outbound stream. */
enum gossip_protocol { GOSSIP_FLOODSUB, GOSSIP_MESHSUB_10, GOSSIP_MESHSUB_11 };

/* What the user thinks of a message whose signature is right. */
enum gossip_verdict {
	GOSSIP_ACCEPT, /* passed on to other peers */
	GOSSIP_IGNORE, /* not passed on; nobody is to blame */
	GOSSIP_REJECT  /* not passed on; its author's score falls, and a little that of who sent it
	                */
};

/* None of these may call a function of this header, gossip_next_seqno() apart. */
struct gossip_events {
	/* Open our outbound stream to the peer: protocols in order meshsub 1.1, 1.0, floodsub.
	 * Answered by gossip_out_opened() or gossip_out_closed() later. Returns 0, or -1 when it
	 * cannot even be tried (it is tried again later). */
	int (*open)(void *arg, const struct peer_id *peer);
	/* Write to the outbound stream. Returns how many bytes were taken; fewer than `n` promise a
	 * gossip_out_writable(). */
	size_t (*send)(void *arg, const struct peer_id *peer, const uint8_t *p, size_t n);
	/* Our outbound stream is stuck: reset it. No gossip_out_closed() is to follow. */
	void (*reset)(void *arg, const struct peer_id *peer);
	/* The peer's stream holds on to an unfinished RPC for too long, or to the most bytes when
	 * there is no room: reset it. No gossip_in_closed() is to follow. */
	void (*refuse)(void *arg, const struct peer_id *peer);
	/* A message of a joined topic, signed by `from`, heard for the first time; `sender` is the
	 * connected peer that brought it. */
	enum gossip_verdict (*message)(void *arg, const struct peer_id *sender,
	    const struct peer_id *from, const char *topic, struct bytes data);
	/* The peer can be reached in the topic from now on: time to tell it what it should know.
	 * May be NULL. */
	void (*joined)(void *arg, const struct peer_id *peer, const char *topic);
};

struct gossip_config {
	struct peer_id self;
	uint64_t seqno; /* the first message gets the next one: Unix time in nanoseconds */
	uint64_t random;
	const struct gossip_events *events;
	void *arg;
};

struct gossip;

/* Copies the configuration; `events` is lent. */
struct gossip *gossip_new(const struct gossip_config *config);
void gossip_free(struct gossip *g); /* NULL is fine; resets nothing */

/* Subscribes and tells the peers. Returns 0, or -1 when the name is empty or too long or there are
 * too many topics. Leaving and joining again are fine. */
int gossip_join(struct gossip *g, const char *topic, uint64_t now);
void gossip_leave(struct gossip *g, const char *topic, uint64_t now);

/* A peer that speaks pubsub is connected, by however many connections. Returns 0, or -1 when there
 * are too many. Down: its last connection has gone; its streams are forgotten. */
int gossip_peer_up(struct gossip *g, const struct peer_id *peer, uint64_t now);
void gossip_peer_down(struct gossip *g, const struct peer_id *peer, uint64_t now);

/* What became of the outbound stream. Calls about unknown peers are ignored, here and below. */
void gossip_out_opened(
    struct gossip *g, const struct peer_id *peer, enum gossip_protocol protocol, uint64_t now);
void gossip_out_closed(struct gossip *g, const struct peer_id *peer, uint64_t now);
void gossip_out_writable(struct gossip *g, const struct peer_id *peer, uint64_t now);

/* The peer opened its stream; makes the peer known. Of two the newer counts: reset the older one
 * and do not report that. Returns 0, or -1: reset it. Never write to it nor end our direction. */
int gossip_in_opened(struct gossip *g, const struct peer_id *peer, uint64_t now);
void gossip_in_closed(struct gossip *g, const struct peer_id *peer, uint64_t now);
/* Bytes of that stream, all of them consumed. Returns 0, or -1: reset the stream (and do not report
 * that). */
int gossip_in_data(
    struct gossip *g, const struct peer_id *peer, const uint8_t *p, size_t n, uint64_t now);

/* To be called every GOSSIP_HEARTBEAT_MS. */
void gossip_tick(struct gossip *g, uint64_t now);

/* The sequence number of the next own message, never the same twice. It is signed together with
 * self, topic and data (8 bytes, big endian), and given to gossip_publish() with the signature. */
uint64_t gossip_next_seqno(struct gossip *g);

/* Sends an own message to every peer in the topic. Returns 0, or -1 when the topic is not joined or
 * the message too long. The signature is not checked. */
int gossip_publish(struct gossip *g, const char *topic, uint64_t seqno, struct bytes data,
    struct bytes signature, uint64_t now);

/* Counters since gossip_new(). */
struct gossip_count {
	uint64_t published, received, relayed;
	uint64_t duplicates;
	uint64_t unsigned_;  /* no or wrong signature */
	uint64_t rejected;   /* by the user */
	uint64_t malformed;  /* RPCs */
	uint64_t over_limit; /* messages, ids and RPCs left unread */
	uint64_t from_ignored;
	uint64_t served;  /* by IWANT */
	uint64_t dropped; /* out of full queues */
	uint64_t ignored; /* peers that fell below the threshold */
};
struct gossip_count gossip_counted(const struct gossip *g);

/* For reports: each peer in no particular order. */
struct gossip_peer_info {
	const struct peer_id *peer;
	bool inbound, outbound;
	enum gossip_protocol protocol; /* when outbound */
	unsigned topics, meshes; /* joined topics it is in, and those where it is in the mesh */
	size_t queued;           /* bytes */
	int score;
	bool ignored;
};
typedef void gossip_peer_fn(void *arg, const struct gossip_peer_info *info);
void gossip_each_peer(const struct gossip *g, gossip_peer_fn *fn, void *arg, uint64_t now);

/* Peers in the topic that can be reached now. */
size_t gossip_reach(const struct gossip *g, const char *topic, uint64_t now);

#endif
