/* The libp2p protocols this system serves, and which service owns each. */
#ifndef PROTO_PROTOCOLS_H
#define PROTO_PROTOCOLS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/services.h"

/* P(number, NAME, id, owner, inbound streams allowed at once per peer)
 * The transport never parses what flows in a stream that another service owns. */
#define PROTOCOLS(P)                                                                               \
	P(1, IDENTIFY, "/ipfs/id/1.0.0", TRANSPORT, 8)                                             \
	P(2, IDENTIFY_PUSH, "/ipfs/id/push/1.0.0", TRANSPORT, 8)                                   \
	P(3, PING, "/ipfs/ping/1.0.0", TRANSPORT, 8)                                               \
	P(4, MESHSUB_11, "/meshsub/1.1.0", DISCOVERY, 8)                                           \
	P(5, MESHSUB_10, "/meshsub/1.0.0", DISCOVERY, 8)                                           \
	P(6, FLOODSUB, "/floodsub/1.0.0", DISCOVERY, 8)                                            \
	P(7, GOOP_CONTENT, "/goop/content/1.0.0", VIEWER, 16)                                      \
	P(8, GOOP_SITE, "/goop/site/1.0.0", VIEWER, 512)                                           \
	P(9, GOOP_AVATAR, "/goop/avatar/1.0.0", VIEWER, 16)                                        \
	P(10, GOOP_DATA, "/goop/data/1.0.0", DB, 128)

enum protocol {
	PROTOCOL_NONE = 0,
#define P(number, NAME, id, owner, limit) PROTOCOL_##NAME = number,
	PROTOCOLS(P)
#undef P
	    PROTOCOL_COUNT
};

/* The protocol id, or NULL for a number that is none. */
const char *protocol_id(enum protocol p);

/* The reverse; PROTOCOL_NONE when unknown. `id` need not be terminated. */
enum protocol protocol_by_id(const char *id, size_t len);

/* Columns of the list: the service that a protocol belongs to, and how many inbound streams of it
 * one peer may have at once. */
enum service_id protocol_owner(enum protocol p);
unsigned protocol_limit(enum protocol p);

#endif
