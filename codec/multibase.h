/* Bytes as text in base 58, 36, 32 and 64.
 * Source: multiformats multibase; base58btc; RFC 4648. */
#ifndef CODEC_MULTIBASE_H
#define CODEC_MULTIBASE_H

#include <stddef.h>
#include <stdint.h>

/* Named by the prefix that multibase puts in front of the text. */
enum multibase {
	MULTIBASE_58BTC = 'z',
	MULTIBASE_36 = 'k',   /* lower case */
	MULTIBASE_32 = 'b',   /* lower case, no padding */
	MULTIBASE_64URL = 'u' /* no padding */
};

#define MULTIBASE_BYTES_MAX 256 /* longest accepted: bases 58 and 36 take quadratic time */

/* The text without a prefix, terminated. Returns 0, or -1 when it does not fit in `size`. */
int multibase_encode(enum multibase base, const uint8_t *p, size_t n, char *out, size_t size);

/* The reverse, of text without a prefix. Returns the number of bytes, or -1 for a base that is none
 * of those above, a character outside its alphabet, bits left over, or more than `size` bytes. */
long multibase_decode(enum multibase base, const char *text, size_t n, uint8_t *out, size_t size);

#endif
