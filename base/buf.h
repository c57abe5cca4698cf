/* A queue of bytes with a hard maximum: put at the end, consume from the front. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to somebody else. `data` may be NULL only when `len` is 0. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

/* Embedded by value; fields are private to buf.c. A zeroed struct with `max` set is a valid empty
 * buffer. */
struct buf {
	uint8_t *base; /* allocation, or NULL */
	size_t cap;    /* its size */
	size_t off;    /* first byte not yet consumed */
	size_t len;    /* bytes from `off` on */
	size_t max;    /* `len` never exceeds this */
};

/* An empty buffer that will never hold more than `max` bytes. Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);

/* Releases the memory; the buffer is empty and usable again, with the same maximum. */
void buf_clear(struct buf *b);

/* The bytes held, lent until the next call that takes a non-const buf. */
const uint8_t *buf_data(const struct buf *b);
size_t buf_len(const struct buf *b);

/* How many more bytes fit. */
size_t buf_room(const struct buf *b);

/* Appends `n` bytes. Returns 0, or -1 (nothing appended) when they exceed the maximum. */
int buf_put(struct buf *b, const void *p, size_t n);
int buf_puts(struct buf *b, const char *s); /* without the terminating zero */
int buf_putf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_put_u8(struct buf *b, uint8_t v);

/* Room for `n` bytes at the end, to be filled and then made part of the buffer by buf_commit().
 * NULL when they exceed the maximum. Lent until the next call. */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* Drops `n` bytes from the front (n <= buf_len) or keeps only the first `n`. */
void buf_consume(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t n);

/* Gives the allocation away: the caller owns the returned memory (free(3)); `*n` bytes of content
 * begin at it. The buffer is empty afterwards. NULL when it was empty. */
uint8_t *buf_take(struct buf *b, size_t *n);

#endif
