/* The records of a Noise connection after its handshake: u16 length, ChaCha20-Poly1305 ciphertext.
 * Source: libp2p specs, noise ("Wire Format"); noiseprotocol.org, revision 34, section 12.
 *
 * No I/O and no allocation per record. What a record's borders mean to the reader: nothing, the
 * plaintext is one stream of bytes. */
#ifndef SVC_TRANSPORT_RECORD_H
#define SVC_TRANSPORT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define RECORD_KEY       32
#define RECORD_HEADER    2
#define RECORD_TAG       16
#define RECORD_OVERHEAD  (RECORD_HEADER + RECORD_TAG)
#define RECORD_PLAIN_MAX (65535 - RECORD_TAG) /* 65519 */
#define RECORD_MAX       (RECORD_HEADER + 65535)

/* One direction. Embedded by value; fields are private to record.c. */
struct record {
	struct evp_cipher_ctx_st *ctx;
	uint64_t count; /* records so far: the nonce of the next */
};

/* `key` is copied. */
void record_init_seal(struct record *r, const uint8_t key[RECORD_KEY]);
void record_init_open(struct record *r, const uint8_t key[RECORD_KEY]);
void record_clear(struct record *r); /* wipes; a zeroed struct is fine */

/* Seals the pieces, 1 to RECORD_PLAIN_MAX bytes together, into one record at `out`, which has room
 * for their sum + RECORD_OVERHEAD and does not overlap them. Returns the bytes written; or -1 when
 * the key is used up: the connection has to end. */
long record_seal(struct record *r, const struct bytes *pieces, size_t count, uint8_t *out);

/* The whole size of the record that begins at `p`, RECORD_OVERHEAD to RECORD_MAX, as soon as its
 * length is there (n >= 2); 0 before that; -1 when it is too short to be one. */
long record_size(const uint8_t *p, size_t n);

/* Opens the record of `size` bytes (as record_size() told) that lies at `p` in full. The plaintext,
 * size - RECORD_OVERHEAD bytes, goes to `out`: either `p + RECORD_HEADER` (in place), or memory
 * apart from the record. Returns its length (0 is possible); or -1 when it is forged or the key is
 * used up: the connection has to end, and what lies in `out` must not be used. */
long record_open(struct record *r, const uint8_t *p, size_t size, uint8_t *out);

#endif
