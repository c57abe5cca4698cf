/* Signed envelopes and peer records.
 * Source: libp2p RFC 0002 and 0003 with the payload type bytes that implementations really use
 * (03 01 for a peer record, domain "libp2p-peer-record"). */
#ifndef CODEC_ENVELOPE_H
#define CODEC_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/multiaddr.h"
#include "codec/peer_id.h"

/* Appends to `out` the bytes that are signed for an envelope: each part with its length in front.
 * Returns 0, or -1 when it does not fit. */
int envelope_preimage(struct buf *out, const char *domain, const uint8_t *payload_type,
    size_t type_len, const uint8_t *payload, size_t payload_len);

/* A serialised PeerRecord. */
int envelope_peer_record(struct buf *out, const struct peer_id *id, uint64_t seq,
    const struct multiaddr *addrs, size_t count);

/* A serialised Envelope around it. */
int envelope_seal(struct buf *out, const uint8_t *public_key, size_t key_len,
    const uint8_t *payload_type, size_t type_len, const uint8_t *payload, size_t payload_len,
    const uint8_t *signature, size_t signature_len);

/* Opens a sealed peer record: verifies the signature, then that peer_id is the signer's. Fills up
 * to `max` addresses (unparsable ones are left out). Returns their number, or -1. */
int envelope_open_peer_record(const uint8_t *p, size_t n, struct peer_id *id, uint64_t *seq,
    struct multiaddr *addrs, size_t max);

#endif
