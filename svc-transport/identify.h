/* The identify message: what two peers tell each other about themselves. Bytes in, struct out; the
 * streams it flows on are in identify_stream.h.
 * Source: libp2p specs, identify. */
#ifndef SVC_TRANSPORT_IDENTIFY_H
#define SVC_TRANSPORT_IDENTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/multiaddr.h"
#include "codec/peer_id.h"
#include "proto/protocols.h"

#define IDENTIFY_ADDRS_MAX 32
#define IDENTIFY_AGENT_MAX 128
#define IDENTIFY_AGENT     "goop-c/" GOOP_VERSION
#define IDENTIFY_VERSION   "ipfs/0.1.0"

/* What we say about ourselves. All lent. */
struct identify_self {
	struct bytes public_key; /* serialised */
	const struct multiaddr *addrs;
	size_t addr_count;
	uint32_t protocols;               /* 1 << enum protocol, for each that is served now */
	const struct multiaddr *observed; /* where we see the peer, or NULL */
	struct bytes record;              /* sealed peer record with just these addrs, or empty */
};

/* Appends one message with its length in front, at most `max` bytes in all; to fit, first the
 * record is left out, then the last addresses. Returns 0, or -1 when even that is too long. */
int identify_encode(struct buf *out, const struct identify_self *self, size_t max);

/* What a peer says about itself. By value. */
struct identify_info {
	uint32_t protocols; /* of ours, those that it serves: 1 << enum protocol */
	bool has_protocols; /* the message listed some */
	char agent[IDENTIFY_AGENT_MAX];
	struct multiaddr addrs[IDENTIFY_ADDRS_MAX];
	size_t addr_count;
	bool has_addrs;
	struct multiaddr observed; /* our address as it sees it; len 0 when it did not say */
};

/* Collects the messages of one stream. */
struct identify_reader {
	struct buf in;   /* of the message under way */
	struct buf body; /* all messages whole so far; protobuf merges what is joined */
	unsigned count;
};

/* Empty; and released, to be initialised again before use. */
void identify_reader_init(struct identify_reader *r);
void identify_reader_clear(struct identify_reader *r);

/* Feeds bytes. Returns 0; or -1 when a message is longer than LIMIT_IDENTIFY_MESSAGE, its length is
 * malformed, or there are more than LIMIT_IDENTIFY_COUNT. */
int identify_reader_feed(struct identify_reader *r, const uint8_t *p, size_t n);

/* Whole messages so far. */
unsigned identify_reader_count(const struct identify_reader *r);

/* Decodes what was collected, as said by `peer` (whom the handshake proved). Addresses come from
 * the signed record when that is there and right, otherwise from the plain list. Returns 0; or -1
 * when it is malformed or the public key in it is another peer's. */
int identify_decode(
    const struct identify_reader *r, const struct peer_id *peer, struct identify_info *info);

/* Leaves only the addresses that make sense for a peer met at `remote`, as go-libp2p does: all for
 * loopback, no loopback for a private address, only public ones for a public one. */
void identify_filter(struct identify_info *info, const struct multiaddr *remote);

#endif
