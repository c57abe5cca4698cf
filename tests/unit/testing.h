/* Help for unit tests: cmocka with its includes, hex, and the two cruelties every decoder gets. */
#ifndef TESTS_UNIT_TESTING_H
#define TESTS_UNIT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bytes from hex; blanks are allowed between them. Returns fresh memory for free(3). */
static inline uint8_t *unhex(const char *hex, size_t *n)
{
	uint8_t *out = malloc(strlen(hex) / 2 + 1);
	size_t len = 0;

	for (const char *p = hex; *p != '\0';) {
		unsigned v;
		if (*p == ' ' || *p == '\n') {
			p++;
			continue;
		}
		if (sscanf(p, "%2x", &v) != 1)
			abort();
		out[len++] = (uint8_t)v;
		p += 2;
	}
	*n = len;
	return out;
}

typedef void decode_fn(const uint8_t *p, size_t n, void *arg);

/* Calls `decode` with every proper prefix, each in memory of exactly that size, so that a sanitizer
 * sees any read past the end. `decode` asserts what it wants to hold. */
static inline void cut_every_length(const uint8_t *p, size_t n, decode_fn *decode, void *arg)
{
	for (size_t len = 0; len < n; len++) {
		uint8_t *copy = malloc(len > 0 ? len : 1);
		memcpy(copy, p, len);
		decode(copy, len, arg);
		free(copy);
	}
}

/* Calls `decode` with each single bit flipped. */
static inline void flip_every_bit(const uint8_t *p, size_t n, decode_fn *decode, void *arg)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	for (size_t bit = 0; bit < n * 8; bit++) {
		memcpy(copy, p, n);
		copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		decode(copy, n, arg);
	}
	free(copy);
}

#endif
