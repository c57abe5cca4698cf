#include "proto/msg.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"

#define TYPE_SIZE 2

/* Room for `n` more bytes at the end. What we write ourselves always fits: a message over its
 * maximum is our own mistake, seen by whoever sends it. */
static uint8_t *extend(struct msg *m, size_t n)
{
	uint8_t *at;

	if (n > m->cap - m->size) {
		if (n > SIZE_MAX / 2 - m->size)
			panic("msg", "%s of %zu bytes more", msg_name(m->type), n);
		m->cap = m->size + n < 2 * m->cap ? 2 * m->cap : m->size + n;
		m->base = xrealloc(m->base, m->cap);
	}
	at = m->base + m->size;
	m->size += n;
	return at;
}

static void put_be(struct msg *m, uint64_t v, size_t n)
{
	uint8_t *to = extend(m, n);

	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static void put_raw(struct msg *m, const void *p, size_t n)
{
	uint8_t *to = extend(m, n);

	if (n > 0)
		memcpy(to, p, n);
}

void msg_begin(struct msg *m, enum msg_type type, size_t hint)
{
	*m = (struct msg){.type = (uint16_t)type};
	m->cap = TYPE_SIZE + (hint > 0 ? hint : 62);
	m->base = xmalloc(m->cap);
	put_be(m, type, TYPE_SIZE);
}

void msg_drop(struct msg *m)
{
	free(m->base);
	*m = (struct msg){.bad = true};
}

void msg_put_u8(struct msg *m, uint8_t v)
{
	put_be(m, v, 1);
}

void msg_put_u16(struct msg *m, uint16_t v)
{
	put_be(m, v, 2);
}

void msg_put_u32(struct msg *m, uint32_t v)
{
	put_be(m, v, 4);
}

void msg_put_u64(struct msg *m, uint64_t v)
{
	put_be(m, v, 8);
}

void msg_put_i64(struct msg *m, int64_t v)
{
	put_be(m, (uint64_t)v, 8);
}

void msg_put_str(struct msg *m, const char *s)
{
	msg_put_strn(m, s, s == NULL ? 0 : strlen(s));
}

/* What strangers call themselves need not be UTF-8; the other side would take a raw copy for a bad
 * message, so they travel escaped. */
static void put_escaped(struct msg *m, const void *p, size_t n)
{
	size_t size = 4 * n + 1;
	char *text = xmalloc(size);

	str_escape(p, n, text, size);
	msg_put_str(m, text);
	free(text);
}

void msg_put_strn(struct msg *m, const void *p, size_t n)
{
	if (n > UINT16_MAX) {
		m->bad = true;
		return;
	}
	if (!str_is_utf8(p, n)) {
		put_escaped(m, p, n);
		return;
	}
	put_be(m, n, 2);
	put_raw(m, p, n);
}

void msg_put_bytes(struct msg *m, const void *p, size_t n)
{
	if (n > UINT32_MAX) {
		m->bad = true;
		return;
	}
	put_be(m, n, 4);
	put_raw(m, p, n);
}

void msg_put_rest(struct msg *m, const void *p, size_t n)
{
	put_raw(m, p, n);
}

uint8_t *msg_put_room(struct msg *m, size_t n)
{
	return extend(m, n);
}

void msg_trim_room(struct msg *m, size_t room, size_t n)
{
	if (n > room || room > m->size - TYPE_SIZE)
		panic("msg", "%s trimmed from %zu to %zu bytes", msg_name(m->type), room, n);
	m->size -= room - n;
}

unsigned msg_type_of(const void *p, size_t n)
{
	const uint8_t *b = p;

	return n < TYPE_SIZE ? 0 : (unsigned)(b[0] << 8 | b[1]);
}

int msg_open(struct msg *m, const void *p, size_t n)
{
	/* Lent for reading only: no getter writes through it. */
	*m = (struct msg){.base = (uint8_t *)(uintptr_t)p, .size = n};
	m->type = msg_get_u16(m);
	if (m->bad || n > msg_max(m->type)) {
		m->bad = true;
		return -1;
	}
	return 0;
}

/* The next `n` bytes, or NULL. */
static const uint8_t *next(struct msg *m, size_t n)
{
	const uint8_t *p = m->base + m->pos;

	if (m->bad || n > m->size - m->pos) {
		m->bad = true;
		return NULL;
	}
	m->pos += n;
	return p;
}

static uint64_t get_be(struct msg *m, size_t n)
{
	const uint8_t *p = next(m, n);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t msg_get_u8(struct msg *m)
{
	return (uint8_t)get_be(m, 1);
}

uint16_t msg_get_u16(struct msg *m)
{
	return (uint16_t)get_be(m, 2);
}

uint32_t msg_get_u32(struct msg *m)
{
	return (uint32_t)get_be(m, 4);
}

uint64_t msg_get_u64(struct msg *m)
{
	return get_be(m, 8);
}

int64_t msg_get_i64(struct msg *m)
{
	return (int64_t)get_be(m, 8);
}

static struct bytes get_counted(struct msg *m, size_t n)
{
	const uint8_t *p = next(m, n);

	return p == NULL ? (struct bytes){0} : (struct bytes){p, n};
}

struct bytes msg_get_str(struct msg *m)
{
	struct bytes s = get_counted(m, msg_get_u16(m));

	if (!str_is_utf8(s.data, s.len)) {
		m->bad = true;
		return (struct bytes){0};
	}
	return s;
}

struct bytes msg_get_bytes(struct msg *m)
{
	return get_counted(m, msg_get_u32(m));
}

struct bytes msg_get_rest(struct msg *m)
{
	return get_counted(m, m->size - m->pos);
}

void msg_get_cstr(struct msg *m, char *out, size_t size)
{
	struct bytes s = msg_get_str(m);

	if (s.len >= size) {
		m->bad = true;
		s.len = 0;
	}
	if (s.len > 0)
		memcpy(out, s.data, s.len);
	out[s.len] = '\0';
}

bool msg_end(const struct msg *m)
{
	return !m->bad && m->pos == m->size;
}
