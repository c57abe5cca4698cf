/* Peer ids: the multihash of a serialised public key.
 * Source: libp2p specs, peer-ids. */
#ifndef CODEC_PEER_ID_H
#define CODEC_PEER_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PEER_ID_MAX  44 /* bytes of the multihash: identity of a key of at most 42, or sha2-256 */
#define PEER_ID_TEXT 64 /* room for base58btc text with its zero */
#define PEER_ID_CID  72 /* room for the CIDv1 base36 text with its zero */

struct peer_id {
	uint8_t len;
	uint8_t bytes[PEER_ID_MAX];
};

/* From the serialised PublicKey message (codec/pubkey.h). Returns 0, or -1 when it is empty. */
int peer_id_from_key(struct peer_id *id, const uint8_t *key, size_t n);

/* From a binary multihash: identity or sha2-256 only. Returns 0 or -1. */
int peer_id_from_bytes(struct peer_id *id, const uint8_t *p, size_t n);

/* From text: base58btc ("12D3Koo...", "Qm...") or CIDv1 in base32, base36 or base58. 0 or -1. */
int peer_id_from_text(struct peer_id *id, const char *text, size_t n);

/* base58btc. */
void peer_id_to_text(const struct peer_id *id, char out[PEER_ID_TEXT]);

/* CIDv1, codec libp2p-key, base36 lower case ("k51..."): fits a DNS label for Ed25519 ids. */
void peer_id_to_cid36(const struct peer_id *id, char out[PEER_ID_CID]);

bool peer_id_equal(const struct peer_id *a, const struct peer_id *b);
/* Order of the binary form, as memcmp(3). */
int peer_id_compare(const struct peer_id *a, const struct peer_id *b);

/* The PublicKey message inside an identity multihash, lent by `id`; len 0 when it is hashed. */
struct bytes peer_id_key(const struct peer_id *id);

#endif
