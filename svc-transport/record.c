#include "svc-transport/record.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/log.h"

#define IV_SIZE 12

static void init(struct record *r, const uint8_t key[RECORD_KEY], int sealing)
{
	r->count = 0;
	r->ctx = EVP_CIPHER_CTX_new();
	if (r->ctx == NULL ||
	    EVP_CipherInit_ex(r->ctx, EVP_chacha20_poly1305(), NULL, key, NULL, sealing) != 1)
		fatal("record", "libcrypto has no ChaCha20-Poly1305");
}

void record_init_seal(struct record *r, const uint8_t key[RECORD_KEY])
{
	init(r, key, 1);
}

void record_init_open(struct record *r, const uint8_t key[RECORD_KEY])
{
	init(r, key, 0);
}

void record_clear(struct record *r)
{
	EVP_CIPHER_CTX_free(r->ctx);
	*r = (struct record){0};
}

/* Noise nonces: 32 zero bits, then the counter, little endian. The value 2^64-1 is reserved. */
static bool next_nonce(struct record *r)
{
	uint8_t iv[IV_SIZE] = {0};

	if (r->count == UINT64_MAX)
		return false;
	for (unsigned i = 0; i < 8; i++)
		iv[4 + i] = (uint8_t)(r->count >> (8 * i));
	r->count++;
	return EVP_CipherInit_ex(r->ctx, NULL, NULL, NULL, iv, -1) == 1;
}

static size_t sum(const struct bytes *pieces, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += pieces[i].len;
	return total;
}

long record_seal(struct record *r, const struct bytes *pieces, size_t count, uint8_t *out)
{
	size_t plain = sum(pieces, count), body = plain + RECORD_TAG;
	uint8_t *at = out + RECORD_HEADER;
	int n;

	if (plain == 0 || plain > RECORD_PLAIN_MAX)
		panic("record", "%zu bytes to seal", plain);
	if (!next_nonce(r))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].len == 0)
			continue;
		if (EVP_EncryptUpdate(r->ctx, at, &n, pieces[i].data, (int)pieces[i].len) != 1)
			return -1;
		at += n;
	}
	if (EVP_EncryptFinal_ex(r->ctx, at, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(r->ctx, EVP_CTRL_AEAD_GET_TAG, RECORD_TAG, at) != 1)
		return -1;
	out[0] = (uint8_t)(body >> 8);
	out[1] = (uint8_t)body;
	return (long)(body + RECORD_HEADER);
}

long record_size(const uint8_t *p, size_t n)
{
	size_t body;

	if (n < RECORD_HEADER)
		return 0;
	body = (size_t)p[0] << 8 | p[1];
	return body < RECORD_TAG ? -1 : (long)(RECORD_HEADER + body);
}

long record_open(struct record *r, const uint8_t *p, size_t size, uint8_t *out)
{
	size_t plain = size - RECORD_OVERHEAD;
	uint8_t tag[RECORD_TAG];
	int n = 0;

	if (size < RECORD_OVERHEAD || size > RECORD_MAX)
		panic("record", "a record of %zu bytes", size);
	if (!next_nonce(r))
		return -1;
	memcpy(tag, p + size - RECORD_TAG, RECORD_TAG);
	if (plain > 0 && EVP_DecryptUpdate(r->ctx, out, &n, p + RECORD_HEADER, (int)plain) != 1)
		return -1;
	if (EVP_CIPHER_CTX_ctrl(r->ctx, EVP_CTRL_AEAD_SET_TAG, RECORD_TAG, tag) != 1 ||
	    EVP_DecryptFinal_ex(r->ctx, out + n, &n) != 1)
		return -1;
	return (long)plain;
}
