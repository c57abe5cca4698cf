#include "codec/pubkey.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "codec/crypto.pb-c.h"
#include "codec/pb.h"

#define RSA_BITS_MIN          2048
#define RSA_BITS_MAX          8192
#define RSA_EXPONENT_BITS_MAX 64
#define K1_POINT              33

int pubkey_parse(struct pubkey *key, const uint8_t *p, size_t n)
{
	uint8_t again[PUBKEY_MAX];
	struct pb pb;
	Crypto__PublicKey *m;
	int result = -1;

	if (n == 0 || n > PUBKEY_MAX)
		return -1;
	m = crypto__public_key__unpack(pb_init(&pb, 2 * PUBKEY_MAX), n, p);
	if (m == NULL)
		return -1;
	/* There is one serialisation of a key, else one key would have many peer ids. */
	if (crypto__public_key__get_packed_size(m) != n)
		goto out;
	crypto__public_key__pack(m, again);
	if (m->base.n_unknown_fields != 0 || memcmp(again, p, n) != 0)
		goto out;
	key->type = (enum pubkey_type)m->type;
	key->data = (struct bytes){p + n - m->data.len, m->data.len};
	result = 0;
out:
	crypto__public_key__free_unpacked(m, &pb.allocator);
	return result;
}

void pubkey_init(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

void pubkey_from_ed25519(const uint8_t raw[32], uint8_t out[PUBKEY_ED25519_SIZE])
{
	static const uint8_t head[] = {0x08, PUBKEY_ED25519, 0x12, 32};

	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), raw, 32);
}

/* DER SubjectPublicKeyInfo with nothing behind it, of the algorithm named. */
static EVP_PKEY *from_der(struct bytes der, const char *algorithm)
{
	const unsigned char *p = der.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)der.len);

	if (key == NULL)
		return NULL;
	if (p != der.data + der.len || !EVP_PKEY_is_a(key, algorithm)) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

/* One as large as the modulus makes each verification cost milliseconds. */
static bool has_small_exponent(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool small = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
	             BN_num_bits(e) <= RSA_EXPONENT_BITS_MAX;

	BN_free(e);
	return small;
}

static EVP_PKEY *rsa_key(struct bytes der)
{
	EVP_PKEY *key = from_der(der, "RSA");
	int bits = key == NULL ? 0 : EVP_PKEY_get_bits(key);

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || !has_small_exponent(key)) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static bool is_nist(const EVP_PKEY *key)
{
	static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1"};
	char text[32];
	size_t len;

	/* A curve written out parameter by parameter can be any curve. */
	if (EVP_PKEY_get_utf8_string_param(
		key, OSSL_PKEY_PARAM_EC_ENCODING, text, sizeof(text), &len) != 1 ||
	    strcmp(text, OSSL_PKEY_EC_ENCODING_GROUP) != 0)
		return false;
	if (EVP_PKEY_get_group_name(key, text, sizeof(text), &len) != 1)
		return false;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(text, curves[i]) == 0)
			return true;
	return false;
}

static EVP_PKEY *ecdsa_key(struct bytes der)
{
	EVP_PKEY *key = from_der(der, "EC");

	if (key != NULL && !is_nist(key)) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static EVP_PKEY *k1_key(struct bytes point)
{
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"secp256k1"}, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data, point.len),
	    OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL;

	if (point.len != K1_POINT || (point.data[0] != 2 && point.data[0] != 3))
		return NULL;
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* All three kinds sign the SHA-256 of the message. Takes the key. */
static int verify_sha256(EVP_PKEY *key, const uint8_t *message, size_t n, struct bytes signature)
{
	EVP_MD_CTX *ctx;
	int result = -1;

	if (key == NULL)
		return -1;
	ctx = EVP_MD_CTX_new();
	if (ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, signature.data, signature.len, message, n) == 1)
		result = 0;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return result;
}

static int verify_ed25519(
    struct bytes key, const uint8_t *message, size_t n, struct bytes signature)
{
	if (key.len != crypto_sign_PUBLICKEYBYTES || signature.len != crypto_sign_BYTES)
		return -1;
	return crypto_sign_verify_detached(signature.data, message, n, key.data);
}

int pubkey_verify(const struct pubkey *key, const uint8_t *message, size_t n,
    const uint8_t *signature, size_t signature_len)
{
	struct bytes sig = {signature, signature_len};

	switch (key->type) {
	case PUBKEY_ED25519: return verify_ed25519(key->data, message, n, sig);
	case PUBKEY_RSA: return verify_sha256(rsa_key(key->data), message, n, sig);
	case PUBKEY_ECDSA: return verify_sha256(ecdsa_key(key->data), message, n, sig);
	case PUBKEY_SECP256K1: return verify_sha256(k1_key(key->data), message, n, sig);
	}
	return -1;
}
