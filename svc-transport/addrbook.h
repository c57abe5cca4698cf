/* Where peers can be reached: addresses by peer, each with who said so and until when. No I/O;
 * the time is an argument. Bounded: LIMIT_BOOK_PEERS peers of LIMIT_BOOK_ADDRS addresses; when
 * full, peers that nobody but they themselves told of give way, then what would end soonest. */
#ifndef SVC_TRANSPORT_ADDRBOOK_H
#define SVC_TRANSPORT_ADDRBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/multiaddr.h"
#include "codec/peer_id.h"

/* A source that the transport itself is: what the peer's own identify said. The others are
 * discovery's (proto/messages.h, ADDRS) and mean nothing here but "another voice". */
#define ADDRBOOK_IDENTIFY 255

struct addrbook;

struct addrbook *addrbook_new(void);
void addrbook_free(struct addrbook *b); /* NULL is fine */

/* What `source` now says about the peer: replaces all it said before, for ttl_ms from now; a TTL
 * of 0 or no addresses takes its word back. Kept are only addresses that can be dialled (see
 * multiaddr_to_sockaddr()) and that do not name another peer; a trailing /p2p is dropped. */
void addrbook_set(struct addrbook *b, const struct peer_id *peer, uint8_t source, uint64_t ttl_ms,
    const struct multiaddr *addrs, size_t count, uint64_t now);

/* Fills up to `max` addresses in the order in which to dial them: private IPv4, private IPv6,
 * public IPv4, public IPv6, and loopback last (another host's loopback is not where it is; only a
 * peer on this very host is met there). Within a rank, the freshest first. Returns the number. */
size_t addrbook_get(const struct addrbook *b, const struct peer_id *peer, uint64_t now,
    struct multiaddr *out, size_t max);

/* Drops what has run out. To be called now and then. */
void addrbook_sweep(struct addrbook *b, uint64_t now);

size_t addrbook_count(const struct addrbook *b); /* peers */

#endif
