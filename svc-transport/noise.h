/* The Noise handshake of libp2p: Noise_XX_25519_ChaChaPoly_SHA256 with identity payloads.
 * Source: libp2p specs, noise; noiseprotocol.org, revision 34, sections 5 to 7.
 *
 * No I/O: bytes in, bytes out, then two keys for record.h. */
#ifndef SVC_TRANSPORT_NOISE_H
#define SVC_TRANSPORT_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/peer_id.h"

#define NOISE_KEY         32
#define NOISE_SIGNATURE   64   /* our own: Ed25519 */
#define NOISE_PAYLOAD_MAX 256  /* our own payload */
#define NOISE_MESSAGE_MAX 8192 /* longest handshake message that is accepted */

/* Signs "noise-libp2p-static-key:" and the static key with the identity key. */
typedef void noise_sign_fn(
    void *arg, const uint8_t static_key[NOISE_KEY], uint8_t signature[NOISE_SIGNATURE]);

/* Who we are, for every handshake of this process: a static X25519 key, unrelated to the identity,
 * and the payload in which the identity vouches for it. Fields are private to noise.c. */
struct noise_self {
	uint8_t secret[NOISE_KEY];
	uint8_t public[NOISE_KEY];
	uint8_t payload[NOISE_PAYLOAD_MAX];
	size_t payload_len;
};

/* `identity` is the serialised Ed25519 PublicKey (codec/pubkey.h). `static_secret` is drawn at
 * random when NULL; tests give one. Calls `sign` once. */
void noise_self_init(struct noise_self *self, const uint8_t *identity, size_t identity_len,
    noise_sign_fn *sign, void *arg, const uint8_t *static_secret);
void noise_self_clear(struct noise_self *self); /* wipes */

enum noise_result {
	NOISE_MORE,  /* feed more bytes */
	NOISE_DONE,  /* the peer has proved its id: fetch noise_peer() and noise_keys() */
	NOISE_FAILED /* close the connection without a word; see noise_error() */
};

struct noise;

/* One handshake; the side that dialled is the initiator. `self` is lent until noise_free().
 * `expected` (copied) is the only peer id accepted; NULL accepts any. */
struct noise *noise_new(
    const struct noise_self *self, bool initiator, const struct peer_id *expected);
void noise_free(struct noise *n); /* wipes; NULL is fine */

/* For test vectors and fuzzing: a fixed ephemeral key instead of a random one. Before any message.
 */
void noise_set_ephemeral(struct noise *n, const uint8_t secret[NOISE_KEY]);

/* The initiator's first message, appended to `out`. Returns 0, or -1 when it does not fit. */
int noise_start(struct noise *n, struct buf *out);

/* Feeds bytes. Takes as many as the handshake needs, never one behind its last message; *consumed
 * is set in every case. Messages to be sent are appended to `out` (at most 400 bytes in all). On
 * DONE, `out` still has to be sent before any record. */
enum noise_result noise_input(
    struct noise *n, const uint8_t *p, size_t len, size_t *consumed, struct buf *out);

/* After DONE: who the peer is, and whether it named /yamux/1.0.0 as we always do; then the first
 * plaintext byte already is yamux; otherwise multistream goes first. */
const struct peer_id *noise_peer(const struct noise *n);
bool noise_agreed_yamux(const struct noise *n);

/* After DONE: the keys of the records, to be wiped by the caller once they are in use. */
void noise_keys(const struct noise *n, uint8_t sending[NOISE_KEY], uint8_t receiving[NOISE_KEY]);

/* The handshake hash, after DONE: the same on both sides and different for every connection. */
const uint8_t *noise_hash(const struct noise *n);

/* Why it failed: a static sentence, "" while it has not. */
const char *noise_error(const struct noise *n);

#endif
