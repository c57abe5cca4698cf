#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

#define FIRST_CAP 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_clear(struct buf *b)
{
	free(b->base);
	buf_init(b, b->max);
}

const uint8_t *buf_data(const struct buf *b)
{
	return b->base == NULL ? NULL : b->base + b->off;
}

size_t buf_len(const struct buf *b)
{
	return b->len;
}

size_t buf_room(const struct buf *b)
{
	return b->max - b->len;
}

static void to_front(struct buf *b)
{
	if (b->off == 0)
		return;
	memmove(b->base, b->base + b->off, b->len);
	b->off = 0;
}

/* Moves to fresh memory instead of growing in place, so that consumed bytes are not copied. */
static void grow(struct buf *b, size_t need)
{
	size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
	uint8_t *base;

	while (cap < need && cap <= SIZE_MAX / 2)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	if (cap < need)
		cap = need;
	if (b->off == 0) {
		b->base = xrealloc(b->base, cap);
	} else {
		base = xmalloc(cap);
		memcpy(base, b->base + b->off, b->len);
		free(b->base);
		b->base = base;
		b->off = 0;
	}
	b->cap = cap;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	if (n > b->max - b->len)
		return NULL;
	if (b->base == NULL || b->len + n > b->cap)
		grow(b, b->len + n);
	else if (n > b->cap - b->off - b->len) {
		/* Moving is cheap only while little is held: else each put would move it all. */
		if (b->len <= b->cap / 2)
			to_front(b);
		else
			grow(b, b->cap < b->max ? b->cap + 1 : b->cap);
	}
	return b->base + b->off + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
	if (n > b->cap - b->off - b->len)
		panic("buf", "commit of %zu bytes without room", n);
	b->len += n;
}

int buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *to = buf_reserve(b, n);

	if (to == NULL)
		return -1;
	if (n > 0)
		memcpy(to, p, n);
	b->len += n;
	return 0;
}

int buf_puts(struct buf *b, const char *s)
{
	return buf_put(b, s, strlen(s));
}

int buf_putf(struct buf *b, const char *format, ...)
{
	char *text = NULL;
	va_list ap;
	int n, r;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		fatal("memory", "out of memory formatting text");
	r = buf_put(b, text, (size_t)n);
	free(text);
	return r;
}

int buf_put_u8(struct buf *b, uint8_t v)
{
	return buf_put(b, &v, 1);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		panic("buf", "consume of %zu bytes where %zu are held", n, b->len);
	b->len -= n;
	b->off = b->len == 0 ? 0 : b->off + n;
}

void buf_truncate(struct buf *b, size_t n)
{
	if (n > b->len)
		panic("buf", "truncate to %zu bytes where %zu are held", n, b->len);
	b->len = n;
	if (n == 0)
		b->off = 0;
}

uint8_t *buf_take(struct buf *b, size_t *n)
{
	uint8_t *base = b->base;

	*n = b->len;
	if (b->len == 0) {
		buf_clear(b);
		return NULL;
	}
	to_front(b);
	buf_init(b, b->max);
	return base;
}
