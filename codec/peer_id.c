#include "codec/peer_id.h"

#include <string.h>

#include <sodium.h>

#include "codec/multibase.h"

#define HASH_IDENTITY 0x00
#define HASH_SHA256   0x12
#define SHA256_SIZE   32
#define KEY_INLINE    42 /* longest key that is its own hash */

/* CIDv1 and the multicodec libp2p-key, in front of the multihash. */
static const uint8_t CID_HEAD[] = {0x01, 0x72};

int peer_id_from_key(struct peer_id *id, const uint8_t *key, size_t n)
{
	if (n == 0)
		return -1;
	if (n <= KEY_INLINE) {
		id->bytes[0] = HASH_IDENTITY;
		id->bytes[1] = (uint8_t)n;
		memcpy(id->bytes + 2, key, n);
		id->len = (uint8_t)(2 + n);
		return 0;
	}
	id->bytes[0] = HASH_SHA256;
	id->bytes[1] = SHA256_SIZE;
	crypto_hash_sha256(id->bytes + 2, key, n);
	id->len = 2 + SHA256_SIZE;
	return 0;
}

int peer_id_from_bytes(struct peer_id *id, const uint8_t *p, size_t n)
{
	if (n < 3 || n > PEER_ID_MAX || p[1] != n - 2)
		return -1;
	if (p[0] != HASH_IDENTITY && !(p[0] == HASH_SHA256 && p[1] == SHA256_SIZE))
		return -1;
	memcpy(id->bytes, p, n);
	id->len = (uint8_t)n;
	return 0;
}

int peer_id_from_text(struct peer_id *id, const char *text, size_t n)
{
	uint8_t raw[sizeof(CID_HEAD) + PEER_ID_MAX];
	long len;

	if (n < 2)
		return -1;
	if (text[0] == '1' || (text[0] == 'Q' && text[1] == 'm')) {
		len = multibase_decode(MULTIBASE_58BTC, text, n, raw, sizeof(raw));
		return len < 0 ? -1 : peer_id_from_bytes(id, raw, (size_t)len);
	}
	if (text[0] == MULTIBASE_64URL)
		return -1;
	len = multibase_decode((enum multibase)text[0], text + 1, n - 1, raw, sizeof(raw));
	if (len < (long)sizeof(CID_HEAD) || memcmp(raw, CID_HEAD, sizeof(CID_HEAD)) != 0)
		return -1;
	return peer_id_from_bytes(id, raw + sizeof(CID_HEAD), (size_t)len - sizeof(CID_HEAD));
}

void peer_id_to_text(const struct peer_id *id, char out[PEER_ID_TEXT])
{
	if (multibase_encode(MULTIBASE_58BTC, id->bytes, id->len, out, PEER_ID_TEXT) != 0)
		out[0] = '\0';
}

void peer_id_to_cid36(const struct peer_id *id, char out[PEER_ID_CID])
{
	uint8_t raw[sizeof(CID_HEAD) + PEER_ID_MAX];

	memcpy(raw, CID_HEAD, sizeof(CID_HEAD));
	memcpy(raw + sizeof(CID_HEAD), id->bytes, id->len);
	out[0] = MULTIBASE_36;
	if (multibase_encode(
		MULTIBASE_36, raw, sizeof(CID_HEAD) + id->len, out + 1, PEER_ID_CID - 1) != 0)
		out[0] = '\0';
}

bool peer_id_equal(const struct peer_id *a, const struct peer_id *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

int peer_id_compare(const struct peer_id *a, const struct peer_id *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->bytes, b->bytes, n);

	return order != 0 ? order : (int)a->len - (int)b->len;
}

struct bytes peer_id_key(const struct peer_id *id)
{
	if (id->len < 2 || id->bytes[0] != HASH_IDENTITY)
		return (struct bytes){NULL, 0};
	return (struct bytes){id->bytes + 2, (size_t)id->len - 2};
}
