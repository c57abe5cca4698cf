/* Unsigned varints: base 128, least significant group first.
 * Source: multiformats unsigned-varint (at most 9 bytes, shortest form only). */
#ifndef CODEC_VARINT_H
#define CODEC_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define VARINT_MAX 9

/* Writes `v` (below 2^63) to `out`, which has room for VARINT_MAX bytes. Returns the length. */
size_t varint_put(uint8_t *out, uint64_t v);

/* Reads one from `p`. Returns its length; 0 when more bytes are needed; -1 when it is not minimal
 * or longer than 9 bytes. */
int varint_get(const uint8_t *p, size_t n, uint64_t *v);

#endif
