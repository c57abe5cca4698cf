#include "../testing.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "codec/pubkey.h"
#include "keys.h"

#define PUBSUB_PREIMAGE                                                                            \
	"6c69627032702d7075627375623a0a260024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cac" \
	"f6010f"                                                                                   \
	"0e42d474fce27e120568656c6c6f1a0817c0ffee00000001220474657374"
#define PUBSUB_SIG                                                                                 \
	"2c5221ed31420312f90238a59f18ee266d57ec84a464b4769886f614c0db05d690d658605efc83d2a33cf684" \
	"5b1cbb"                                                                                   \
	"b68c7fe1836721b119dedd8e625e564708"

/* Signed by other implementations. `message` is text, or hex when `hex` is set. */
static const struct sample {
	const char *key, *message, *sig;
	enum pubkey_type type;
	bool hex;
} SAMPLES[] = {
    {KEY_A, PUBSUB_PREIMAGE, PUBSUB_SIG, PUBKEY_ED25519, true},
    {KEY_RSA, BEST_MESSAGE, RSA_SIG, PUBKEY_RSA, false},
    {GO_K1, BEST_MESSAGE, GO_K1_SIG, PUBKEY_SECP256K1, false},
    {GO_P256, BEST_MESSAGE, GO_P256_SIG, PUBKEY_ECDSA, false},
    {GO_P384, GO_P384_MESSAGE, GO_P384_SIG, PUBKEY_ECDSA, false},
    {P521, P521_MESSAGE, P521_SIG, PUBKEY_ECDSA, false},
};

#define SAMPLE_COUNT (sizeof(SAMPLES) / sizeof(SAMPLES[0]))

/* A sample with its bytes. */
struct raw {
	uint8_t *key, *message, *sig;
	size_t key_len, message_len, sig_len;
};

static struct raw raw_of(const struct sample *s)
{
	struct raw r;

	r.key = unhex(s->key, &r.key_len);
	r.sig = unhex(s->sig, &r.sig_len);
	if (s->hex) {
		r.message = unhex(s->message, &r.message_len);
	} else {
		r.message = (uint8_t *)strdup(s->message);
		r.message_len = strlen(s->message);
	}
	return r;
}

static void raw_free(struct raw *r)
{
	free(r->key);
	free(r->message);
	free(r->sig);
}

static int verify(const struct raw *r)
{
	struct pubkey key;

	if (pubkey_parse(&key, r->key, r->key_len) != 0)
		return -2;
	return pubkey_verify(&key, r->message, r->message_len, r->sig, r->sig_len);
}

static void signatures_of_every_kind_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct raw r = raw_of(&SAMPLES[i]);
		struct pubkey key;
		assert_int_equal(pubkey_parse(&key, r.key, r.key_len), 0);
		assert_int_equal(key.type, SAMPLES[i].type);
		assert_ptr_equal(key.data.data + key.data.len, r.key + r.key_len);
		assert_int_equal(verify(&r), 0);
		raw_free(&r);
	}
}

static void another_message_does_not_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct raw r = raw_of(&SAMPLES[i]);
		r.message[r.message_len - 1] ^= 1;
		assert_int_equal(verify(&r), -1);
		r.message[r.message_len - 1] ^= 1;
		r.message_len--;
		assert_int_equal(verify(&r), -1);
		raw_free(&r);
	}
}

static void a_key_of_another_kind_does_not_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct raw r = raw_of(&SAMPLES[i]);
		for (uint8_t type = 0; type < 9; type++) {
			if (type == SAMPLES[i].type)
				continue;
			r.key[1] = type;
			assert_int_equal(verify(&r), -1);
		}
		raw_free(&r);
	}
}

static void flipped_signature(const uint8_t *p, size_t n, void *arg)
{
	struct raw r = *(struct raw *)arg;

	r.sig = (uint8_t *)(uintptr_t)p;
	r.sig_len = n;
	assert_int_equal(verify(&r), -1);
}

static void a_cut_or_flipped_signature_does_not_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct raw r = raw_of(&SAMPLES[i]);
		cut_every_length(r.sig, r.sig_len, flipped_signature, &r);
		/* Of the long ones a few bits are enough. */
		flip_every_bit(r.sig, r.sig_len < 80 ? r.sig_len : 0, flipped_signature, &r);
		raw_free(&r);
	}
}

static void flipped_key(const uint8_t *p, size_t n, void *arg)
{
	struct raw r = *(struct raw *)arg;

	r.key = (uint8_t *)(uintptr_t)p;
	r.key_len = n;
	assert_int_not_equal(verify(&r), 0);
}

static void a_cut_or_flipped_key_does_not_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct raw r = raw_of(&SAMPLES[i]);
		cut_every_length(r.key, r.key_len, flipped_key, &r);
		flip_every_bit(r.key, r.key_len < 100 ? r.key_len : 40, flipped_key, &r);
		raw_free(&r);
	}
}

static void weak_and_foreign_keys_are_refused(void **state)
{
	static const struct sample refused[] = {
	    {WEAK_RSA, REFUSED_MESSAGE, WEAK_RSA_SIG, PUBKEY_RSA, false},
	    {EXPLICIT_EC, REFUSED_MESSAGE, EXPLICIT_EC_SIG, PUBKEY_ECDSA, false},
	    {OTHER_EC, REFUSED_MESSAGE, OTHER_EC_SIG, PUBKEY_ECDSA, false},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct raw r = raw_of(&refused[i]);
		assert_int_equal(verify(&r), -1);
		raw_free(&r);
	}
}

/* Makes an RSA key with that exponent, signs with it, and returns what comes of verifying it. */
static int verify_with_exponent(const char *hex)
{
	static const uint8_t message[] = "what was signed";
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY *pair = NULL;
	BIGNUM *e = NULL;
	uint8_t sig[256], key[512] = {0x08, PUBKEY_RSA, 0x12}, *der = key + 5;
	struct raw r = {.key = key, .message = (uint8_t *)message, .sig = sig};
	int n;

	assert_true(BN_hex2bn(&e, hex) > 0);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &pair), 1);
	n = i2d_PUBKEY(pair, NULL);
	assert_in_range(n, 128, sizeof(key) - 5);
	i2d_PUBKEY(pair, &der);
	key[3] = (uint8_t)(0x80 | (n & 0x7f));
	key[4] = (uint8_t)(n >> 7);
	r.key_len = 5 + (size_t)n;
	r.message_len = sizeof(message);
	r.sig_len = sizeof(sig);
	assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, pair), 1);
	assert_int_equal(EVP_DigestSign(md, sig, &r.sig_len, message, sizeof(message)), 1);
	EVP_PKEY_free(pair);
	EVP_PKEY_CTX_free(ctx);
	EVP_MD_CTX_free(md);
	BN_free(e);
	return verify(&r);
}

/* One as long as the modulus makes each verification a hundred times as dear. */
static void a_huge_exponent_is_refused(void **state)
{
	(void)state;
	assert_int_equal(verify_with_exponent("10001"), 0);
	assert_int_equal(verify_with_exponent("8000000000000003"), 0);   /* 64 bits */
	assert_int_equal(verify_with_exponent("10000000000000003"), -1); /* 65 */
}

/* The same key, with a byte behind the DER. */
static void bytes_behind_the_key_are_refused(void **state)
{
	struct raw r = raw_of(&SAMPLES[3]);

	(void)state;
	assert_int_equal(SAMPLES[3].type, PUBKEY_ECDSA);
	assert_int_equal(verify(&r), 0);
	r.key = realloc(r.key, r.key_len + 1);
	r.key[r.key_len++] = 0;
	r.key[3]++;
	assert_int_equal(verify(&r), -1);
	raw_free(&r);
}

static void only_one_serialisation_of_a_key_parses(void **state)
{
	static const char *const bad[] = {"", "0801", "080112",
	    "12010a0801",                                                 /* cut, or out of order */
	    "0801 1201aa 1801", "0801 0801 1201aa", "0801 1201aa 1201aa", /* something more */
	    "088100 1201aa", "0801 128100aa",                             /* not minimal */
	    "1201aa",                                                     /* no type */
	    "0801 1202aa"};                                               /* not all there */
	struct pubkey key;
	uint8_t huge[PUBKEY_MAX + 1] = {0x08, 0x00, 0x12, 0xfc, 0x0f};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t n;
		uint8_t *raw = unhex(bad[i], &n);
		assert_int_equal(pubkey_parse(&key, raw, n), -1);
		free(raw);
	}
	assert_int_equal(pubkey_parse(&key, huge, sizeof(huge)), -1);
	huge[3] = 0xfb;
	assert_int_equal(pubkey_parse(&key, huge, PUBKEY_MAX), 0);
}

static void an_ed25519_key_is_serialised_as_the_vector(void **state)
{
	size_t n;
	uint8_t *want = unhex(KEY_A, &n);
	uint8_t out[PUBKEY_ED25519_SIZE];

	(void)state;
	assert_int_equal(n, sizeof(out));
	pubkey_from_ed25519(want + 4, out);
	assert_memory_equal(out, want, n);
	free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signatures_of_every_kind_verify),
	    cmocka_unit_test(another_message_does_not_verify),
	    cmocka_unit_test(a_key_of_another_kind_does_not_verify),
	    cmocka_unit_test(a_cut_or_flipped_signature_does_not_verify),
	    cmocka_unit_test(a_cut_or_flipped_key_does_not_verify),
	    cmocka_unit_test(weak_and_foreign_keys_are_refused),
	    cmocka_unit_test(a_huge_exponent_is_refused),
	    cmocka_unit_test(bytes_behind_the_key_are_refused),
	    cmocka_unit_test(only_one_serialisation_of_a_key_parses),
	    cmocka_unit_test(an_ed25519_key_is_serialised_as_the_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
