#include "codec/multibase.h"

#include <stdbool.h>
#include <string.h>

static const char BASE58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const char BASE36[] = "0123456789abcdefghijklmnopqrstuvwxyz";
static const char BASE32[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The alphabet; *bits is how many bits a digit holds, 0 when the base is no power of two. */
static const char *alphabet(enum multibase base, unsigned *bits)
{
	*bits = 0;
	switch (base) {
	case MULTIBASE_58BTC: return BASE58;
	case MULTIBASE_36: return BASE36;
	case MULTIBASE_32: *bits = 5; return BASE32;
	case MULTIBASE_64URL: *bits = 6; return BASE64;
	}
	return NULL;
}

static int digit_value(const char *digits, char c)
{
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* A big-endian number; every leading zero byte becomes one leading zero digit. */
static int number_encode(const char *digits, const uint8_t *p, size_t n, char *out, size_t size)
{
	unsigned radix = (unsigned)strlen(digits);
	size_t zeros = 0, len;

	while (zeros < n && p[zeros] == 0)
		zeros++;
	if (zeros >= size)
		return -1;
	memset(out, 0, zeros);
	len = zeros;
	for (size_t i = zeros; i < n; i++) {
		unsigned carry = p[i];
		/* Least significant digit first, turned round below. */
		for (size_t j = zeros; j < len; j++) {
			carry += (unsigned)(uint8_t)out[j] * 256;
			out[j] = (char)(carry % radix);
			carry /= radix;
		}
		for (; carry > 0; carry /= radix) {
			if (len + 1 >= size)
				return -1;
			out[len++] = (char)(carry % radix);
		}
	}
	for (size_t i = zeros, j = len; i < j; i++) {
		char low = out[i];
		out[i] = out[--j];
		out[j] = low;
	}
	for (size_t i = 0; i < len; i++)
		out[i] = digits[(uint8_t)out[i]];
	out[len] = '\0';
	return 0;
}

static long number_decode(const char *digits, const char *text, size_t n, uint8_t *out, size_t size)
{
	unsigned radix = (unsigned)strlen(digits);
	size_t zeros = 0, len;

	while (zeros < n && text[zeros] == digits[0])
		zeros++;
	if (zeros > size)
		return -1;
	memset(out, 0, zeros);
	len = zeros;
	for (size_t i = zeros; i < n; i++) {
		int value = digit_value(digits, text[i]);
		unsigned carry = (unsigned)value;
		if (value < 0)
			return -1;
		for (size_t j = zeros; j < len; j++) {
			carry += (unsigned)out[j] * radix;
			out[j] = (uint8_t)carry;
			carry >>= 8;
		}
		for (; carry > 0; carry >>= 8) {
			if (len == size)
				return -1;
			out[len++] = (uint8_t)carry;
		}
	}
	for (size_t i = zeros, j = len; i < j; i++) {
		uint8_t low = out[i];
		out[i] = out[--j];
		out[j] = low;
	}
	return (long)len;
}

static int bits_encode(
    const char *digits, unsigned bits, const uint8_t *p, size_t n, char *out, size_t size)
{
	size_t len = (n * 8 + bits - 1) / bits, at = 0;
	unsigned acc = 0, held = 0;

	if (len >= size)
		return -1;
	for (size_t i = 0; i < n; i++) {
		acc = (acc << 8 | p[i]) & 0xffff;
		for (held += 8; held >= bits; held -= bits)
			out[at++] = digits[acc >> (held - bits) & ((1u << bits) - 1)];
	}
	if (held > 0)
		out[at++] = digits[acc << (bits - held) & ((1u << bits) - 1)];
	out[at] = '\0';
	return 0;
}

static long bits_decode(
    const char *digits, unsigned bits, const char *text, size_t n, uint8_t *out, size_t size)
{
	size_t len = 0;
	unsigned acc = 0, held = 0;

	for (size_t i = 0; i < n; i++) {
		int value = digit_value(digits, text[i]);
		if (value < 0)
			return -1;
		acc = (acc << bits | (unsigned)value) & 0xffff;
		held += bits;
		if (held < 8)
			continue;
		if (len == size)
			return -1;
		held -= 8;
		out[len++] = (uint8_t)(acc >> held);
	}
	/* A whole digit too many, or bits that say something: two texts for the same bytes. */
	if (held >= bits || (acc & ((1u << held) - 1)) != 0)
		return -1;
	return (long)len;
}

int multibase_encode(enum multibase base, const uint8_t *p, size_t n, char *out, size_t size)
{
	unsigned bits;
	const char *digits = alphabet(base, &bits);

	if (digits == NULL || size == 0 || n > MULTIBASE_BYTES_MAX)
		return -1;
	if (bits == 0)
		return number_encode(digits, p, n, out, size);
	return bits_encode(digits, bits, p, n, out, size);
}

long multibase_decode(enum multibase base, const char *text, size_t n, uint8_t *out, size_t size)
{
	unsigned bits;
	const char *digits = alphabet(base, &bits);

	if (digits == NULL || n > 2 * MULTIBASE_BYTES_MAX)
		return -1;
	if (bits == 0)
		return number_decode(digits, text, n, out, size);
	return bits_decode(digits, bits, text, n, out, size);
}
