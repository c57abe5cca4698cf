/* The first byte chooses: two honest cores joined in memory with a meddler between them, who must
 * always be noticed; raw bytes for either side; or a payload of the fuzzer's inside an honest
 * handshake, from which no false identity may come. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/buf.h"
#include "codec/pubkey.h"
#include "svc-transport/noise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFIX "noise-libp2p-static-key:"

struct party {
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t identity[PUBKEY_ED25519_SIZE];
	struct noise_self self;
	struct noise *noise;
	struct buf out;
};

static struct party a, b;

static void sign(void *arg, const uint8_t static_key[NOISE_KEY], uint8_t signature[NOISE_SIGNATURE])
{
	struct party *p = arg;
	uint8_t message[sizeof(PREFIX) - 1 + NOISE_KEY];

	memcpy(message, PREFIX, sizeof(PREFIX) - 1);
	memcpy(message + sizeof(PREFIX) - 1, static_key, NOISE_KEY);
	crypto_sign_detached(signature, NULL, message, sizeof(message), p->secret);
}

static void party_init(struct party *p, uint8_t seed_byte)
{
	uint8_t seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES];

	memset(seed, seed_byte, sizeof(seed));
	crypto_sign_seed_keypair(public, p->secret, seed);
	pubkey_from_ed25519(public, p->identity);
	noise_self_init(&p->self, p->identity, sizeof(p->identity), sign, p, seed);
}

static void party_begin(struct party *p, bool initiator)
{
	uint8_t ephemeral[NOISE_KEY];

	p->noise = noise_new(&p->self, initiator, NULL);
	memset(ephemeral, initiator ? 3 : 4, sizeof(ephemeral));
	noise_set_ephemeral(p->noise, ephemeral);
	buf_init(&p->out, 4096);
	if (initiator && noise_start(p->noise, &p->out) != 0)
		abort();
}

static void party_end(struct party *p)
{
	noise_free(p->noise);
	buf_clear(&p->out);
}

static enum noise_result feed(struct party *p, const uint8_t *bytes, size_t n, size_t step)
{
	enum noise_result r = NOISE_MORE;
	size_t used = 0, once;

	while (used < n && r == NOISE_MORE) {
		size_t some = step < n - used ? step : n - used;
		r = noise_input(p->noise, bytes + used, some, &once, &p->out);
		if (once > some || (r == NOISE_MORE && once != some))
			abort();
		used += once;
	}
	if (r == NOISE_FAILED && noise_error(p->noise)[0] == '\0')
		abort();
	return r;
}

/* Four bytes of the input change one message: where (two), by what, how much is cut off. */
static bool meddle(struct buf *message, const uint8_t **data, size_t *size)
{
	const uint8_t *how = *data;
	size_t n = buf_len(message);

	if (*size < 4 || n == 0)
		return false;
	*data += 4;
	*size -= 4;
	((uint8_t *)buf_data(message))[((size_t)how[0] << 8 | how[1]) % n] ^= how[2];
	if (how[3] > 0)
		buf_truncate(message, n - (how[3] < n ? how[3] : n));
	return how[2] != 0 || how[3] != 0;
}

static enum noise_result pass(struct party *from, struct party *to)
{
	enum noise_result r = feed(to, buf_data(&from->out), buf_len(&from->out), 61);

	buf_truncate(&from->out, 0);
	return r;
}

static void joined(const uint8_t *data, size_t size)
{
	bool touched = meddle(&a.out, &data, &size);
	enum noise_result r_a, r_b;

	pass(&a, &b);
	touched |= meddle(&b.out, &data, &size);
	r_a = pass(&b, &a);
	touched |= meddle(&a.out, &data, &size);
	r_b = pass(&a, &b);
	if ((r_a == NOISE_DONE && r_b == NOISE_DONE) == touched)
		abort();
}

static void raw(struct party *p, bool initiator, const uint8_t *data, size_t size)
{
	enum noise_result whole = feed(p, data, size, size);

	if (whole == NOISE_DONE)
		abort();
	party_end(p);
	party_begin(p, initiator);
	if (feed(p, data, size, 1) != whole)
		abort();
}

static void foreign_payload(const uint8_t *data, size_t size)
{
	struct noise_self honest = b.self;
	struct peer_id id;

	b.self.payload_len = size < NOISE_PAYLOAD_MAX ? size : NOISE_PAYLOAD_MAX;
	memcpy(b.self.payload, data, b.self.payload_len);
	pass(&a, &b);
	peer_id_from_key(&id, b.identity, sizeof(b.identity));
	if (pass(&b, &a) == NOISE_DONE && !peer_id_equal(noise_peer(a.noise), &id))
		abort();
	b.self = honest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (a.self.payload_len == 0) {
		if (sodium_init() < 0)
			abort();
		party_init(&a, 1);
		party_init(&b, 2);
	}
	if (size < 2)
		return 0;
	party_begin(&a, true);
	party_begin(&b, false);
	switch (data[0] % 4) {
	case 0: joined(data + 1, size - 1); break;
	case 1: raw(&a, true, data + 1, size - 1); break;
	case 2: raw(&b, false, data + 1, size - 1); break;
	default: foreign_payload(data + 1, size - 1); break;
	}
	party_end(&a);
	party_end(&b);
	return 0;
}
