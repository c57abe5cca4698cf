/* Who was heard over mDNS, where, and until when that is good. No I/O; the time is an argument
 * (monotonic milliseconds). Bounded: MDNS_HEARD_MAX peers of MDNS_ADDRS_MAX addresses; when full,
 * the peer that has been silent longest gives way, so that real peers, who answer every question,
 * outlive a flood of invented ones. And one machine speaks of MDNS_HEARD_SOURCE_MAX peers: further
 * ones it cannot name before some of those are gone. A peer of which several machines speak counts
 * for the one that speaks of the fewest, so that nobody takes another's place by speaking of him.
 */
#ifndef SVC_DISCOVERY_MDNS_HEARD_H
#define SVC_DISCOVERY_MDNS_HEARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/multiaddr.h"
#include "codec/peer_id.h"
#include "svc-discovery/mdns.h"

#define MDNS_HEARD_MAX        1024
#define MDNS_HEARD_SOURCE_MAX 256
#define MDNS_HEARD_TTL_MAX    4500  /* seconds believed: RFC 6762, 10 recommends no more */
#define MDNS_HEARD_TELL_MS    10000 /* a peer with nothing new is told again this often */

/* A peer that was heard, lent. */
struct mdns_heard_peer {
	struct peer_id peer;
	const struct multiaddr *addrs; /* without /p2p, from all interfaces */
	size_t count;
	uint32_t ttl_ms; /* for how long they are good */
	uint64_t source; /* the machine for which it counts */
	bool fresh;      /* it was unknown, or one of the addresses is new */
};

struct mdns_heard_events {
	void (*heard)(void *arg, const struct mdns_heard_peer *peer);
	/* It said goodbye, its time ran out, or it gave way. */
	void (*gone)(void *arg, const struct peer_id *peer);
};

struct mdns_heard;

struct mdns_heard *mdns_heard_new(const struct mdns_heard_events *events, void *arg);
void mdns_heard_free(struct mdns_heard *h); /* NULL is fine */

/* What a packet said of a peer; `e->count` may be 0 when it said goodbye. `source` tells the
 * machine that sent it from others. */
void mdns_heard_take(
    struct mdns_heard *h, const struct mdns_entry *e, uint64_t source, uint64_t now);

/* Forgets whose time is over; returns when to call again (UINT64_MAX: nobody is known). */
uint64_t mdns_heard_expire(struct mdns_heard *h, uint64_t now);

/* Calls for each peer known, as `heard` does, with fresh set. */
void mdns_heard_each(const struct mdns_heard *h, uint64_t now,
    void (*fn)(void *arg, const struct mdns_heard_peer *peer), void *arg);

/* Peers known. */
size_t mdns_heard_count(const struct mdns_heard *h);

#endif
