#include "base/str.h"

#include <stdio.h>
#include <string.h>

bool str_copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);
	size_t n;

	if (size == 0)
		return false;
	n = len < size ? len : size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
	return n == len;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool str_to_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

/* Unicode 15, table 3-7. */
size_t str_utf8_len(const void *at, size_t n)
{
	const uint8_t *p = at;
	uint8_t low = 0x80, high = 0xbf;
	size_t len;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return p[0] != 0;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (len > n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool str_is_utf8(const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = str_utf8_len(b + i, n - i);
		if (len == 0)
			return false;
	}
	return true;
}

void str_to_hex(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[b[i] >> 4];
		*out++ = digits[b[i] & 15];
	}
	*out = '\0';
}

int str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

long str_from_hex(const char *hex, void *out, size_t size)
{
	size_t len = strlen(hex);
	uint8_t *to = out;
	int high, low;

	if (len % 2 != 0 || len / 2 > size)
		return -1;
	for (size_t i = 0; i < len / 2; i++) {
		high = str_hex_digit(hex[2 * i]);
		low = str_hex_digit(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return -1;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return (long)(len / 2);
}

/* One character of the escaped text into `unit`; returns how many bytes of p it stands for. */
static size_t escape_one(const uint8_t *p, size_t n, char unit[8])
{
	size_t len = str_utf8_len(p, n);
	bool c1 = len == 2 && p[0] == 0xc2 && p[1] < 0xa0;
	bool plain = len > 1 ? !c1 : p[0] >= 0x20 && p[0] < 0x7f && strchr("\"'\\", p[0]) == NULL;

	if (!plain) {
		snprintf(unit, 8, "\\x%02x", p[0]);
		/* The rest of a C1 control is no sequence by itself: its turn comes next. */
		return 1;
	}
	memcpy(unit, p, len);
	unit[len] = '\0';
	return len;
}

void str_escape(const void *p, size_t n, char *out, size_t size)
{
	const uint8_t *b = p;
	size_t at = 0, cut = 0, len;
	char unit[8];

	if (size == 0)
		return;
	for (size_t i = 0; i < n;) {
		i += escape_one(b + i, n - i, unit);
		len = strlen(unit);
		if (at + len >= size) {
			snprintf(out + cut, size - cut, "...");
			return;
		}
		memcpy(out + at, unit, len);
		at += len;
		/* The last place from which "..." would still fit. */
		if (at + 3 < size)
			cut = at;
	}
	out[at] = '\0';
}
