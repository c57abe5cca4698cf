#include "svc-transport/noise.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/log.h"
#include "codec/noise.pb-c.h"
#include "codec/pb.h"
#include "codec/pubkey.h"

#define NAME          "Noise_XX_25519_ChaChaPoly_SHA256"
#define PREFIX        "noise-libp2p-static-key:"
#define YAMUX         "/yamux/1.0.0"
#define HASH          32
#define TAG           16
#define UNPACK_BUDGET 32768 /* memory for the peer's payload, unpacked */

struct noise {
	const struct noise_self *self;
	struct peer_id expected; /* len 0: any */
	struct peer_id peer;
	enum noise_result state;
	const char *error;
	bool initiator, has_key, has_ephemeral, agreed_yamux;
	unsigned heard; /* messages from the peer */
	uint64_t nonce;
	uint8_t hash[HASH], chain[HASH], key[NOISE_KEY];
	uint8_t ephemeral[NOISE_KEY], ephemeral_public[NOISE_KEY];
	uint8_t remote_ephemeral[NOISE_KEY], remote_static[NOISE_KEY];
	uint8_t keys[2][NOISE_KEY]; /* of the initiator's records, of the responder's */
	size_t in_len;
	uint8_t in[2 + NOISE_MESSAGE_MAX];
};

/* --- the symmetric state: noiseprotocol.org, section 5.2 ---------------------------------------
 */

static void mix_hash(struct noise *n, const uint8_t *p, size_t len)
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, n->hash, HASH);
	crypto_hash_sha256_update(&s, p, len);
	crypto_hash_sha256_final(&s, n->hash);
}

static void hmac(uint8_t out[HASH], const uint8_t key[HASH], const uint8_t *p, size_t len,
    const uint8_t *last, size_t last_len)
{
	crypto_auth_hmacsha256_state s;

	crypto_auth_hmacsha256_init(&s, key, HASH);
	crypto_auth_hmacsha256_update(&s, p, len);
	crypto_auth_hmacsha256_update(&s, last, last_len);
	crypto_auth_hmacsha256_final(&s, out);
	sodium_memzero(&s, sizeof(s));
}

/* HKDF with two outputs, which may not overlap `chain`. */
static void derive(
    const uint8_t chain[HASH], const uint8_t *ikm, size_t len, uint8_t a[HASH], uint8_t b[HASH])
{
	uint8_t t[HASH];

	hmac(t, chain, ikm, len, NULL, 0);
	hmac(a, t, (const uint8_t *)"\1", 1, NULL, 0);
	hmac(b, t, a, HASH, (const uint8_t *)"\2", 1);
	sodium_memzero(t, sizeof(t));
}

static void mix_key(struct noise *n, const uint8_t *ikm, size_t len)
{
	uint8_t chain[HASH];

	derive(n->chain, ikm, len, chain, n->key);
	memcpy(n->chain, chain, HASH);
	sodium_memzero(chain, sizeof(chain));
	n->nonce = 0;
	n->has_key = true;
}

static void next_nonce(struct noise *n, uint8_t nonce[12])
{
	memset(nonce, 0, 12);
	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(n->nonce >> (8 * i));
	n->nonce++;
}

/* Writes len + TAG bytes to `out`. A key is always there: XX encrypts nothing before `ee`. */
static void encrypt_and_hash(struct noise *n, const uint8_t *p, size_t len, uint8_t *out)
{
	unsigned long long out_len;
	uint8_t nonce[12];

	next_nonce(n, nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(
	    out, &out_len, p, len, n->hash, HASH, NULL, nonce, n->key);
	mix_hash(n, out, out_len);
}

/* Writes len - TAG bytes to `out`; len >= TAG. */
static int decrypt_and_hash(struct noise *n, const uint8_t *p, size_t len, uint8_t *out)
{
	uint8_t nonce[12];

	next_nonce(n, nonce);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(
		out, NULL, NULL, p, len, n->hash, HASH, nonce, n->key) != 0)
		return -1;
	mix_hash(n, p, len);
	return 0;
}

/* MixKey of a shared secret. -1 when it is all zero: the peer sent a point of small order. */
static int mix_dh(struct noise *n, const uint8_t secret[NOISE_KEY], const uint8_t public[NOISE_KEY])
{
	uint8_t shared[NOISE_KEY];
	int r = crypto_scalarmult_curve25519(shared, secret, public);

	if (r == 0)
		mix_key(n, shared, sizeof(shared));
	sodium_memzero(shared, sizeof(shared));
	return r;
}

/* The tokens `es` and `se`: one side's static key with the other's ephemeral key. */
static int mix_es(struct noise *n)
{
	return n->initiator ? mix_dh(n, n->ephemeral, n->remote_static)
	                    : mix_dh(n, n->self->secret, n->remote_ephemeral);
}

static int mix_se(struct noise *n)
{
	return n->initiator ? mix_dh(n, n->self->secret, n->remote_ephemeral)
	                    : mix_dh(n, n->ephemeral, n->remote_static);
}

/* --- the identity payload: libp2p specs, noise, "Static Key Authentication" ---------------------
 */

void noise_self_init(struct noise_self *self, const uint8_t *identity, size_t identity_len,
    noise_sign_fn *sign, void *arg, const uint8_t *static_secret)
{
	Noise__Extensions extensions = NOISE__EXTENSIONS__INIT;
	Noise__HandshakePayload payload = NOISE__HANDSHAKE_PAYLOAD__INIT;
	uint8_t signature[NOISE_SIGNATURE];
	char *muxers[] = {YAMUX};

	if (sodium_init() < 0)
		fatal("noise", "libsodium cannot be initialised");
	if (static_secret != NULL)
		memcpy(self->secret, static_secret, NOISE_KEY);
	else
		randombytes_buf(self->secret, NOISE_KEY);
	crypto_scalarmult_curve25519_base(self->public, self->secret);
	sign(arg, self->public, signature);
	extensions.stream_muxers = muxers;
	extensions.n_stream_muxers = 1;
	payload.extensions = &extensions;
	payload.has_identity_key = payload.has_identity_sig = true;
	payload.identity_key = pb_data(identity, identity_len);
	payload.identity_sig = pb_data(signature, sizeof(signature));
	self->payload_len = noise__handshake_payload__get_packed_size(&payload);
	if (self->payload_len > sizeof(self->payload))
		panic("noise", "an identity key of %zu bytes", identity_len);
	noise__handshake_payload__pack(&payload, self->payload);
}

void noise_self_clear(struct noise_self *self)
{
	sodium_memzero(self, sizeof(*self));
}

/* Returns what is wrong with the proof, or NULL. The id is compared before the signature is
 * checked: a stranger at an expected address costs no verification. */
static const char *check_identity(struct noise *n, const Noise__HandshakePayload *payload)
{
	struct bytes id = pb_bytes(&payload->identity_key);
	struct bytes signature = pb_bytes(&payload->identity_sig);
	uint8_t message[sizeof(PREFIX) - 1 + NOISE_KEY];
	struct pubkey key;

	if (!payload->has_identity_key || !payload->has_identity_sig)
		return "the payload has no identity key or signature";
	if (pubkey_parse(&key, id.data, id.len) != 0 ||
	    peer_id_from_key(&n->peer, id.data, id.len) != 0)
		return "the identity key is malformed";
	if (n->expected.len > 0 && !peer_id_equal(&n->expected, &n->peer))
		return "another peer than expected";
	memcpy(message, PREFIX, sizeof(PREFIX) - 1);
	memcpy(message + sizeof(PREFIX) - 1, n->remote_static, NOISE_KEY);
	if (pubkey_verify(&key, message, sizeof(message), signature.data, signature.len) != 0)
		return "the identity's signature is wrong";
	return NULL;
}

static bool names_yamux(const Noise__Extensions *extensions)
{
	if (extensions == NULL)
		return false;
	for (size_t i = 0; i < extensions->n_stream_muxers; i++)
		if (strcmp(extensions->stream_muxers[i], YAMUX) == 0)
			return true;
	return false;
}

static const char *check_payload(struct noise *n, const uint8_t *p, size_t len)
{
	Noise__HandshakePayload *payload;
	const char *wrong;
	struct pb pb;

	payload = noise__handshake_payload__unpack(pb_init(&pb, UNPACK_BUDGET), len, p);
	if (payload == NULL)
		return "the payload is malformed";
	wrong = check_identity(n, payload);
	/* We name yamux and nothing else, so the first common entry can only be that. */
	n->agreed_yamux = names_yamux(payload->extensions);
	noise__handshake_payload__free_unpacked(payload, &pb.allocator);
	return wrong;
}

/* --- messages --------------------------------------------------------------------------------- */

/* Room for a message of `len` bytes, with its length in front, at the end of `out`. */
static uint8_t *message_begin(struct buf *out, size_t len)
{
	uint8_t *p = buf_reserve(out, 2 + len);

	if (p == NULL)
		return NULL;
	p[0] = (uint8_t)(len >> 8);
	p[1] = (uint8_t)len;
	return p + 2;
}

static void put_ephemeral(struct noise *n, uint8_t *to)
{
	if (!n->has_ephemeral)
		randombytes_buf(n->ephemeral, NOISE_KEY);
	crypto_scalarmult_curve25519_base(n->ephemeral_public, n->ephemeral);
	memcpy(to, n->ephemeral_public, NOISE_KEY);
	mix_hash(n, to, NOISE_KEY);
}

/* The tokens `s, es` and `s, se` with the payload behind them. */
static int put_static(struct noise *n, uint8_t *to, int (*mix)(struct noise *))
{
	encrypt_and_hash(n, n->self->public, NOISE_KEY, to);
	if (mix(n) != 0)
		return -1;
	encrypt_and_hash(n, n->self->payload, n->self->payload_len, to + NOISE_KEY + TAG);
	return 0;
}

static const char *get_static(
    struct noise *n, const uint8_t *p, size_t len, int (*mix)(struct noise *))
{
	uint8_t payload[NOISE_MESSAGE_MAX];

	if (len < NOISE_KEY + TAG + TAG)
		return "a message is too short";
	if (decrypt_and_hash(n, p, NOISE_KEY + TAG, n->remote_static) != 0)
		return "the static key cannot be decrypted";
	p += NOISE_KEY + TAG;
	len -= NOISE_KEY + TAG;
	if (mix(n) != 0)
		return "a key of small order";
	if (decrypt_and_hash(n, p, len, payload) != 0)
		return "the payload cannot be decrypted";
	return check_payload(n, payload, len - TAG);
}

static void split(struct noise *n)
{
	derive(n->chain, NULL, 0, n->keys[0], n->keys[1]);
	sodium_memzero(n->chain, sizeof(n->chain));
	sodium_memzero(n->key, sizeof(n->key));
	sodium_memzero(n->ephemeral, sizeof(n->ephemeral));
	n->state = NOISE_DONE;
}

int noise_start(struct noise *n, struct buf *out)
{
	uint8_t *to = message_begin(out, NOISE_KEY);

	if (to == NULL)
		return -1;
	put_ephemeral(n, to);
	mix_hash(n, NULL, 0);
	buf_commit(out, 2 + NOISE_KEY);
	return 0;
}

/* Responder: -> e; <- e, ee, s, es */
static const char *hear_first(struct noise *n, const uint8_t *p, size_t len, struct buf *out)
{
	size_t answer = NOISE_KEY + NOISE_KEY + TAG + n->self->payload_len + TAG;
	uint8_t *to;

	/* With a payload it would be longer: libp2p forbids one where nothing is encrypted yet. */
	if (len != NOISE_KEY)
		return "the first message is not a bare key";
	memcpy(n->remote_ephemeral, p, NOISE_KEY);
	mix_hash(n, p, NOISE_KEY);
	mix_hash(n, NULL, 0);
	to = message_begin(out, answer);
	if (to == NULL)
		return "no room for the answer";
	put_ephemeral(n, to);
	if (mix_dh(n, n->ephemeral, n->remote_ephemeral) != 0 ||
	    put_static(n, to + NOISE_KEY, mix_es) != 0)
		return "a key of small order";
	buf_commit(out, 2 + answer);
	return NULL;
}

/* Initiator: <- e, ee, s, es; -> s, se */
static const char *hear_second(struct noise *n, const uint8_t *p, size_t len, struct buf *out)
{
	size_t answer = NOISE_KEY + TAG + n->self->payload_len + TAG;
	const char *wrong;
	uint8_t *to;

	if (len < NOISE_KEY)
		return "a message is too short";
	memcpy(n->remote_ephemeral, p, NOISE_KEY);
	mix_hash(n, p, NOISE_KEY);
	if (mix_dh(n, n->ephemeral, n->remote_ephemeral) != 0)
		return "a key of small order";
	wrong = get_static(n, p + NOISE_KEY, len - NOISE_KEY, mix_es);
	if (wrong != NULL)
		return wrong;
	to = message_begin(out, answer);
	if (to == NULL)
		return "no room for the answer";
	if (put_static(n, to, mix_se) != 0)
		return "a key of small order";
	buf_commit(out, 2 + answer);
	split(n);
	return NULL;
}

/* Responder: -> s, se */
static const char *hear_third(struct noise *n, const uint8_t *p, size_t len)
{
	const char *wrong = get_static(n, p, len, mix_se);

	if (wrong == NULL)
		split(n);
	return wrong;
}

static const char *hear(struct noise *n, struct buf *out)
{
	const uint8_t *p = n->in + 2;
	size_t len = n->in_len - 2;

	n->heard++;
	n->in_len = 0;
	if (n->initiator)
		return hear_second(n, p, len, out);
	return n->heard == 1 ? hear_first(n, p, len, out) : hear_third(n, p, len);
}

/* --- the outside ------------------------------------------------------------------------------ */

struct noise *noise_new(
    const struct noise_self *self, bool initiator, const struct peer_id *expected)
{
	struct noise *n = xmalloc(sizeof(*n));

	memset(n, 0, offsetof(struct noise, in));
	n->self = self;
	n->initiator = initiator;
	n->error = "";
	if (expected != NULL)
		n->expected = *expected;
	_Static_assert(sizeof(NAME) - 1 == HASH, "the name is used unhashed");
	memcpy(n->hash, NAME, HASH);
	memcpy(n->chain, NAME, HASH);
	mix_hash(n, NULL, 0); /* the empty prologue */
	return n;
}

void noise_free(struct noise *n)
{
	if (n == NULL)
		return;
	sodium_memzero(n, offsetof(struct noise, in));
	free(n);
}

void noise_set_ephemeral(struct noise *n, const uint8_t secret[NOISE_KEY])
{
	memcpy(n->ephemeral, secret, NOISE_KEY);
	n->has_ephemeral = true;
}

static void fail(struct noise *n, const char *why)
{
	n->state = NOISE_FAILED;
	n->error = why;
}

/* Bytes that the present message still lacks. */
static size_t lacking(const struct noise *n)
{
	size_t len = (size_t)n->in[0] << 8 | n->in[1];

	return n->in_len < 2 ? 2 - n->in_len : 2 + len - n->in_len;
}

static void take(struct noise *n, const uint8_t *p, size_t len)
{
	memcpy(n->in + n->in_len, p, len);
	n->in_len += len;
	if (n->in_len == 2 && lacking(n) > NOISE_MESSAGE_MAX)
		fail(n, "a message is too long");
}

enum noise_result noise_input(
    struct noise *n, const uint8_t *p, size_t len, size_t *consumed, struct buf *out)
{
	*consumed = 0;
	while (n->state == NOISE_MORE && *consumed < len) {
		size_t some = lacking(n);
		const char *wrong = NULL;

		if (some > len - *consumed)
			some = len - *consumed;
		take(n, p + *consumed, some);
		*consumed += some;
		if (n->state == NOISE_MORE && n->in_len >= 2 && lacking(n) == 0)
			wrong = hear(n, out);
		if (wrong != NULL)
			fail(n, wrong);
	}
	return n->state;
}

const struct peer_id *noise_peer(const struct noise *n)
{
	return &n->peer;
}

bool noise_agreed_yamux(const struct noise *n)
{
	return n->agreed_yamux;
}

void noise_keys(const struct noise *n, uint8_t sending[NOISE_KEY], uint8_t receiving[NOISE_KEY])
{
	memcpy(sending, n->keys[!n->initiator], NOISE_KEY);
	memcpy(receiving, n->keys[n->initiator], NOISE_KEY);
}

const uint8_t *noise_hash(const struct noise *n)
{
	return n->hash;
}

const char *noise_error(const struct noise *n)
{
	return n->error;
}
