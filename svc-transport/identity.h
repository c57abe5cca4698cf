/* The peer's identity: the only file that opens the key, and the only functions that sign with it.
 * There is deliberately no "sign these bytes": each signature is for one purpose, and what is
 * signed is built here, from fields.
 *
 * The file is go-libp2p's PrivateKey message, raw: 08 01 12 40, seed (32), public key (32); or the
 * legacy form of 100 bytes, 08 01 12 60, with the public key twice.
 * Source: libp2p specs, peer-ids, "Keys". */
#ifndef SVC_TRANSPORT_IDENTITY_H
#define SVC_TRANSPORT_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/multiaddr.h"
#include "codec/peer_id.h"
#include "codec/presence.h"

#define IDENTITY_SIGNATURE 64
#define IDENTITY_WHY       512

struct identity;

/* Reads the key file; when there is none, makes a key and writes the file (mode 0600, to a new
 * name, synced, then renamed; its folder is made when missing). A file that is there is never
 * replaced, whatever it holds. Returns NULL with a sentence in `why` that names the file, what was
 * found and what was expected. The caller owns the result. */
struct identity *identity_load(const char *path, char *why, size_t size);

/* Wipes the secret. NULL is fine. */
void identity_free(struct identity *id);

/* Lent for the life of the identity. The key is the serialised PublicKey message. */
const struct peer_id *identity_peer(const struct identity *id);
const char *identity_peer_text(const struct identity *id);
struct bytes identity_public_key(const struct identity *id);

/* Each writes a signature of IDENTITY_SIGNATURE bytes. */

/* "noise-libp2p-static-key:" and the X25519 key. Source: libp2p specs, noise, "Static key
 * authentication". */
void identity_sign_noise(
    const struct identity *id, const uint8_t static_key[32], uint8_t out[IDENTITY_SIGNATURE]);

/* "libp2p-pubsub:" and the Message {from = us, data, seqno, topic}. `topic` need not be
 * terminated. Source: libp2p specs, pubsub, "Message Signing" (key left out of the preimage, as all
 * implementations do). */
void identity_sign_publish(const struct identity *id, struct bytes topic, uint64_t seqno,
    struct bytes data, uint8_t out[IDENTITY_SIGNATURE]);

/* The presence message of this peer: p->peer must be ours. Returns 0, or -1 when it is not or a
 * field is too long. Source: docs/CONTRACT.md, "Presence". */
int identity_sign_presence(
    const struct identity *id, const struct presence *p, uint8_t out[IDENTITY_SIGNATURE]);

/* Appends a sealed peer record of ours with these addresses. Returns 0, or -1 when it does not fit
 * into `out`. Source: libp2p RFC 0003. */
int identity_peer_record(const struct identity *id, uint64_t seq, const struct multiaddr *addrs,
    size_t count, struct buf *out);

#endif
