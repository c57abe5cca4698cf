/* The state of gossip and the calls between its files; for gossip*.c only. */
#ifndef SVC_DISCOVERY_GOSSIP_CORE_H
#define SVC_DISCOVERY_GOSSIP_CORE_H

#include <sys/queue.h>

#include "base/map.h"
#include "svc-discovery/gossip.h"
#include "svc-discovery/gossip_cache.h"
#include "svc-discovery/gossip_queue.h"
#include "svc-discovery/gossip_rpc.h"
#include "svc-discovery/gossip_standing.h"

/* go-libp2p-pubsub's figures */
#define GOSSIP_D             6
#define GOSSIP_D_LOW         5
#define GOSSIP_D_HIGH        12
#define GOSSIP_LAZY          6 /* peers that hear of messages by IHAVE, or a quarter */
#define GOSSIP_PRUNE_MS      (60 * 1000)
#define GOSSIP_LEAVE_MS      (10 * 1000)
#define GOSSIP_BACKOFF_MAX_S 3600 /* more is not believed */
#define GOSSIP_SEEN_MS       (120 * 1000)
#define GOSSIP_ASKED_MS      (3 * 1000) /* an id asked for is not asked for again meanwhile */

/* Of one peer between two heartbeats. */
#define GOSSIP_IHAVES_MAX   10   /* RPCs with IHAVE */
#define GOSSIP_ASKED_MAX    1000 /* ids asked for */
#define GOSSIP_SERVED_IDS   1000 /* messages given by IWANT */
#define GOSSIP_VERIFIED_MAX 500  /* signatures checked */

#define GOSSIP_IN_BUDGET  (32 * 1024 * 1024) /* bytes of unfinished RPCs, all peers */
#define GOSSIP_IN_MS      (30 * 1000)        /* an RPC is complete by then, or never */
#define GOSSIP_STUCK_MS   (30 * 1000)        /* a stream that takes nothing for so long is reset */
#define GOSSIP_REOPEN_MS  1000               /* doubles with each failure */
#define GOSSIP_REOPEN_MAX (60 * 1000)

enum gossip_out { GOSSIP_OUT_NONE, GOSSIP_OUT_OPENING, GOSSIP_OUT_OPEN };

struct gossip_peer {
	TAILQ_ENTRY(gossip_peer) next;
	struct peer_id id;
	struct gossip_standing *standing; /* held */
	bool inbound;
	enum gossip_out out;
	enum gossip_protocol protocol;
	bool heard;                         /* it has had a stream to us */
	unsigned subscribed, mesh, invited; /* bit i: topic i */
	struct buf in;
	uint64_t in_since; /* when the unfinished RPC in it began */
	struct gossip_queue queue;
	uint64_t moved; /* when the queue last was empty or shrank */
	uint64_t opened, reopen_at;
	unsigned failures;
	unsigned ihaves, asked, served, verified; /* since the heartbeat */
};

struct gossip_topic {
	char *name;
	bool joined;
};

struct gossip {
	struct peer_id self;
	const struct gossip_events *events;
	void *arg;
	uint64_t seqno, random;
	struct gossip_topic topics[GOSSIP_TOPICS_MAX];
	unsigned topic_count;
	struct map *by_id;
	TAILQ_HEAD(gossip_peers, gossip_peer) peers;
	struct gossip_standings *standings;
	struct gossip_seen *seen, *asked;
	struct gossip_cache *cache;
	size_t in_bytes;
	struct gossip_count count;
};

/* --- gossip.c */

/* The number of a topic that was ever joined, or of one that is joined now, or -1. */
int gossip_topic_find(const struct gossip *g, struct bytes name);
int gossip_topic_joined(const struct gossip *g, struct bytes name);
struct bytes gossip_topic_name(const struct gossip *g, unsigned topic);

/* from || seqno, as go-libp2p-pubsub. `out` takes GOSSIP_MESSAGE_ID bytes. */
#define GOSSIP_MESSAGE_ID (PEER_ID_MAX + GOSSIP_SEQNO)
struct bytes gossip_message_id(const Gossip__Message *m, uint8_t out[GOSSIP_MESSAGE_ID]);

/* A number below `n` (> 0). */
size_t gossip_random_below(struct gossip *g, size_t n);

/* --- gossip_peer.c */

void gossip_peer_free(struct gossip *g, struct gossip_peer *p);
/* Lowers a peer's score, be it connected or not; an ignored one leaves all meshes. */
void gossip_peer_blame(struct gossip *g, const struct peer_id *peer, int points, uint64_t now);
/* To be called when the peer has told that it is in the topic, and when our stream to it opened. */
void gossip_peer_joined(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now);
/* The heartbeat of one peer. */
void gossip_peer_tick(struct gossip *g, struct gossip_peer *p, uint64_t now);

/* --- gossip_send.c: to peers whose outbound stream is open; to others nothing is sent */

bool gossip_send_can(const struct gossip_peer *p, uint64_t now); /* open, and not ignored */
/* Queues and writes what the stream takes. */
void gossip_send_frame(struct gossip *g, struct gossip_peer *p, struct gossip_frame *frame,
    enum gossip_frame_kind kind, uint64_t now);
void gossip_send_subscription(
    struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now);
/* With a GRAFT in the same RPC. */
void gossip_send_invitation(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now);
void gossip_send_graft(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now);
void gossip_send_prune(
    struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t backoff_ms, uint64_t now);
/* As many RPCs as it takes. */
void gossip_send_ihave(struct gossip *g, struct gossip_peer *p, unsigned topic,
    const struct bytes *ids, size_t count, uint64_t now);
void gossip_send_iwant(
    struct gossip *g, struct gossip_peer *p, const struct bytes *ids, size_t count, uint64_t now);
void gossip_send_flush(struct gossip *g, struct gossip_peer *p, uint64_t now);
/* Forgets the outbound stream; it is tried again later. */
void gossip_send_closed(struct gossip_peer *p, uint64_t now);

/* --- gossip_receive.c */

/* One RPC of the peer. Returns 0, or -1 when it was malformed. */
int gossip_receive(struct gossip *g, struct gossip_peer *p, struct bytes rpc, uint64_t now);

/* --- gossip_mesh.c */

void gossip_mesh_graft(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now);
/* Takes the peer out of the mesh and says so. */
void gossip_mesh_prune(
    struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t backoff_ms, uint64_t now);
/* GRAFT and PRUNE from the peer. */
void gossip_mesh_grafted(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now);
void gossip_mesh_pruned(
    struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t backoff_s, uint64_t now);
/* Whether the peer, who hears of our subscription only now, is to hear GRAFT with it: then it goes
 * into the mesh, or is invited until it says that it is in the topic. So whatever it publishes when
 * it hears of us comes here at once, not by its next heartbeat. */
bool gossip_mesh_invites(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now);
/* A peer came into the topic: grafted at once while the mesh is small. */
void gossip_mesh_welcome(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now);
/* The heartbeat of one joined topic. */
void gossip_mesh_tick(struct gossip *g, unsigned topic, uint64_t now);

#endif
