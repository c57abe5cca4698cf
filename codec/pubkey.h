/* libp2p PublicKey messages and signatures made with them.
 * Source: libp2p specs, peer-ids; wire-format of crypto.proto (Type, Data). */
#ifndef CODEC_PUBKEY_H
#define CODEC_PUBKEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum pubkey_type { PUBKEY_RSA = 0, PUBKEY_ED25519 = 1, PUBKEY_SECP256K1 = 2, PUBKEY_ECDSA = 3 };

#define PUBKEY_ED25519_SIZE 36 /* serialised */
#define PUBKEY_MAX          2048

struct pubkey {
	enum pubkey_type type;
	struct bytes data; /* lent: the Data field */
};

/* Before a process closes its walls: libcrypto will read no configuration file later on. */
void pubkey_init(void);

/* Splits a serialised PublicKey. Exactly two fields, in order, minimal. Returns 0 or -1. `key`
 * lends from `p`. */
int pubkey_parse(struct pubkey *key, const uint8_t *p, size_t n);

/* Serialises an Ed25519 public key. */
void pubkey_from_ed25519(const uint8_t raw[32], uint8_t out[PUBKEY_ED25519_SIZE]);

/* Verifies the signature over `message`. Returns 0, or -1 when it is wrong, or the key is of a
 * kind or size not accepted (RSA 2048..8192 bits, ECDSA on NIST curves, secp256k1, Ed25519). */
int pubkey_verify(const struct pubkey *key, const uint8_t *message, size_t n,
    const uint8_t *signature, size_t signature_len);

#endif
