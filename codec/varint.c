#include "codec/varint.h"

size_t varint_put(uint8_t *out, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	return n;
}

int varint_get(const uint8_t *p, size_t n, uint64_t *v)
{
	uint64_t value = 0;

	for (size_t i = 0; i < VARINT_MAX; i++) {
		if (i == n)
			return 0;
		value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if ((p[i] & 0x80) != 0)
			continue;
		/* A last group of zero adds nothing: not the shortest form. */
		if (p[i] == 0 && i > 0)
			return -1;
		*v = value;
		return (int)i + 1;
	}
	return -1;
}
