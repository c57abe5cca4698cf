/* Small work on strings. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies at most size - 1 bytes and terminates. Returns true when all of `from` fitted. */
bool str_copy(char *to, size_t size, const char *from);

/* Whether `s` begins, or ends, so; any string does with "". */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Decimal digits only, whole string, within [min, max]. Returns false and leaves *out alone
 * otherwise. */
bool str_to_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms) without zero. */
bool str_is_utf8(const void *p, size_t n);

/* The length of the well-formed UTF-8 sequence at `p`, 0 when there is none (or a zero byte). */
size_t str_utf8_len(const void *p, size_t n);

/* Hex in lower case: `out` takes 2 * n + 1 bytes. */
void str_to_hex(const void *p, size_t n, char *out);

/* The reverse; returns the number of bytes, or -1 for bad digits, odd length or too long. */
long str_from_hex(const char *hex, void *out, size_t size);

/* The value of one hex digit, -1 for any other character. */
int str_hex_digit(char c);

/* Replaces control characters, quotes and backslashes by \xNN so that the text fits in one log
 * line. `out` is always terminated; cut with "..." when it does not fit. */
void str_escape(const void *p, size_t n, char *out, size_t size);

#endif
