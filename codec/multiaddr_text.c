/* The text form of multiaddrs: /name/value/name/value... */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/multiaddr.h"
#include "codec/multiaddr_table.h"
#include "codec/multibase.h"

/* Segments between slashes. */
struct cursor {
	const char *p;
	size_t n;
};

/* Takes the next segment off the front: "/abc/..." gives "abc". False when there is none. */
static bool take_segment(struct cursor *c, struct cursor *segment)
{
	const char *slash;

	if (c->n < 2 || c->p[0] != '/')
		return false;
	slash = memchr(c->p + 1, '/', c->n - 1);
	segment->p = c->p + 1;
	segment->n = slash == NULL ? c->n - 1 : (size_t)(slash - segment->p);
	c->p = segment->p + segment->n;
	c->n -= 1 + segment->n;
	return segment->n > 0;
}

static bool to_number(struct cursor s, uint64_t max, uint64_t *v)
{
	char text[24];

	if (s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return strlen(text) == s.n && str_to_u64(text, 0, max, v);
}

static long parse_ip(int family, struct cursor s, uint8_t *out)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n >= sizeof(text))
		return -1;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (strlen(text) != s.n || inet_pton(family, text, out) != 1)
		return -1;
	return family == AF_INET ? 4 : 16;
}

static long parse_number(struct cursor s, size_t width, uint8_t *out)
{
	uint64_t v;

	if (!to_number(s, width == 2 ? UINT16_MAX : UINT64_MAX, &v))
		return -1;
	for (size_t i = 0; i < width; i++)
		out[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
	return (long)width;
}

static long parse_peer(struct cursor s, uint8_t *out)
{
	struct peer_id id;

	if (peer_id_from_text(&id, s.p, s.n) != 0)
		return -1;
	memcpy(out, id.bytes, id.len);
	return id.len;
}

static long parse_name(struct cursor s, uint8_t *out)
{
	if (s.n > MULTIADDR_MAX || !str_is_utf8(s.p, s.n))
		return -1;
	memcpy(out, s.p, s.n);
	return (long)s.n;
}

/* The binary value of a segment; `out` has MULTIADDR_MAX bytes. Returns its size or -1. */
static long parse_value(enum multiaddr_kind kind, struct cursor s, uint8_t *out)
{
	switch (kind) {
	case KIND_IP4: return parse_ip(AF_INET, s, out);
	case KIND_IP6: return parse_ip(AF_INET6, s, out);
	case KIND_PORT: return parse_number(s, 2, out);
	case KIND_U64: return parse_number(s, 8, out);
	case KIND_PEER: return parse_peer(s, out);
	case KIND_HASH:
		return multibase_decode(
		    (enum multibase)s.p[0], s.p + 1, s.n - 1, out, MULTIADDR_MAX);
	case KIND_NAME:
	case KIND_PATH: return parse_name(s, out);
	case KIND_NONE: break;
	}
	return 0;
}

/* The segment that holds the value; of a path, all that is left, its first slash included. */
static bool take_value(enum multiaddr_kind kind, struct cursor *c, struct cursor *value)
{
	if (kind == KIND_NONE)
		return true;
	if (kind != KIND_PATH)
		return take_segment(c, value);
	*value = *c;
	c->n = 0;
	return value->n > 1;
}

int multiaddr_from_text(struct multiaddr *a, const char *text, size_t n)
{
	struct cursor c = {text, n};
	uint8_t value[MULTIADDR_MAX];

	a->len = 0;
	do {
		struct cursor name, segment = {NULL, 0};
		struct multiaddr_part part;
		long len;

		if (!take_segment(&c, &name))
			return -1;
		part.protocol = multiaddr_by_name(name.p, name.n);
		if (part.protocol == NULL || !take_value(part.protocol->kind, &c, &segment))
			return -1;
		len = parse_value(part.protocol->kind, segment, value);
		if (len < 0)
			return -1;
		part.value = (struct bytes){value, (size_t)len};
		if (multiaddr_part_put(a, &part) != 0)
			return -1;
	} while (c.n > 1);
	/* A slash at the end is tolerated. */
	return 0;
}

static void print_number(struct bytes v, char *out, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < v.len; i++)
		number = number << 8 | v.data[i];
	snprintf(out, size, "%llu", (unsigned long long)number);
}

static void print_peer(struct bytes v, char *out)
{
	struct peer_id id;

	if (peer_id_from_bytes(&id, v.data, v.len) == 0)
		peer_id_to_text(&id, out);
}

/* The text of a value; `out` has MULTIADDR_TEXT bytes. */
static void print_value(const struct multiaddr_part *part, char *out)
{
	struct bytes v = part->value;

	out[0] = '\0';
	switch (part->protocol->kind) {
	case KIND_IP4: inet_ntop(AF_INET, v.data, out, MULTIADDR_TEXT); break;
	case KIND_IP6: inet_ntop(AF_INET6, v.data, out, MULTIADDR_TEXT); break;
	case KIND_PORT:
	case KIND_U64: print_number(v, out, MULTIADDR_TEXT); break;
	case KIND_PEER: print_peer(v, out); break;
	case KIND_HASH:
		out[0] = MULTIBASE_64URL;
		if (multibase_encode(MULTIBASE_64URL, v.data, v.len, out + 1, MULTIADDR_TEXT - 1) !=
		    0)
			out[0] = '\0';
		break;
	case KIND_NAME:
	case KIND_PATH:
		memcpy(out, v.data, v.len);
		out[v.len] = '\0';
		break;
	case KIND_NONE: break;
	}
}

void multiaddr_to_text(const struct multiaddr *a, char out[MULTIADDR_TEXT])
{
	char value[MULTIADDR_TEXT];
	size_t len = 0;

	out[0] = '\0';
	for (size_t at = 0; at < a->len && len < MULTIADDR_TEXT;) {
		struct multiaddr_part part;
		const char *slash;
		long used = multiaddr_part_get(&part, a->bytes + at, a->len - at);

		if (used < 0)
			return;
		at += (size_t)used;
		print_value(&part, value);
		/* A path brings its own. */
		slash = value[0] == '\0' || value[0] == '/' ? "" : "/";
		len += (size_t)snprintf(
		    out + len, MULTIADDR_TEXT - len, "/%s%s%s", part.protocol->name, slash, value);
	}
}
