/* The peers there are connections to, or that somebody waits for: which lanes lead there, and what
 * identify said. No I/O. */
#ifndef SVC_TRANSPORT_PEERS_H
#define SVC_TRANSPORT_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/peer_id.h"
#include "svc-transport/identify.h"
#include "svc-transport/stream_table.h"

struct peers;

struct peer {
	struct peer_id id;
	char text[PEER_ID_TEXT];
	struct lane **lanes; /* oldest first */
	size_t lane_count;
	bool known;         /* identify has said what is served */
	uint32_t protocols; /* 1 << enum protocol */
	char agent[IDENTIFY_AGENT_MAX];
	bool up;         /* discovery has heard PEER_UP */
	bool wanted;     /* discovery asked for a connection and has no answer yet */
	unsigned pushes; /* identify pushes heard since `pushed_at` */
	uint64_t pushed_at;
};

struct peers *peers_new(void);
void peers_free(struct peers *ps); /* NULL is fine */

/* Lent; the row lives until peers_drop_if_idle() takes it. NULL when there is none; peers_need()
 * makes one. */
struct peer *peers_get(const struct peers *ps, const struct peer_id *id);
struct peer *peers_need(struct peers *ps, const struct peer_id *id);

/* Forgets a peer without connections that nobody asked for. */
void peers_drop_if_idle(struct peers *ps, struct peer *p);

/* A connection to the peer is open, or gone; the lane is lent meanwhile. */
void peers_add_lane(struct peer *p, struct lane *l);
void peers_remove_lane(struct peer *p, const struct lane *l);

/* The lane for a new stream: of an open connection that still takes streams, one that is settled
 * before one that is not, then the oldest. NULL when there is none. */
struct lane *peers_lane(const struct peer *p);

/* May the peer push another identify? At most LIMIT_PUSHES in LIMIT_PUSHES_MS. */
bool peers_may_push(struct peer *p, uint64_t now);

/* Walks over all, as map_next() does. */
struct peer *peers_next(const struct peers *ps, size_t *at);

#endif
