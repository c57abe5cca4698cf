#include "codec/multiaddr.h"

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"
#include "codec/multiaddr_table.h"
#include "codec/varint.h"

static const struct multiaddr_protocol PROTOCOLS[] = {
    {MULTIADDR_IP4, "ip4", KIND_IP4},
    {MULTIADDR_TCP, "tcp", KIND_PORT},
    {MULTIADDR_IP6, "ip6", KIND_IP6},
    {MULTIADDR_IP6ZONE, "ip6zone", KIND_NAME},
    {MULTIADDR_P2P, "p2p", KIND_PEER},
    {MULTIADDR_P2P, "ipfs", KIND_PEER}, /* old name, read only */
    {MULTIADDR_CIRCUIT, "p2p-circuit", KIND_NONE},
    {53, "dns", KIND_NAME},
    {54, "dns4", KIND_NAME},
    {55, "dns6", KIND_NAME},
    {56, "dnsaddr", KIND_NAME},
    {273, "udp", KIND_PORT},
    {280, "webrtc-direct", KIND_NONE},
    {281, "webrtc", KIND_NONE},
    {400, "unix", KIND_PATH},
    {448, "tls", KIND_NONE},
    {449, "sni", KIND_NAME},
    {454, "noise", KIND_NONE},
    {460, "quic", KIND_NONE},
    {461, "quic-v1", KIND_NONE},
    {465, "webtransport", KIND_NONE},
    {466, "certhash", KIND_HASH},
    {477, "ws", KIND_NONE},
    {478, "wss", KIND_NONE},
    {480, "http", KIND_NONE},
    {777, "memory", KIND_U64},
};

#define PROTOCOL_COUNT (sizeof(PROTOCOLS) / sizeof(PROTOCOLS[0]))

const struct multiaddr_protocol *multiaddr_by_code(uint64_t code)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++)
		if (PROTOCOLS[i].code == code)
			return &PROTOCOLS[i];
	return NULL;
}

const struct multiaddr_protocol *multiaddr_by_name(const char *name, size_t n)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++)
		if (strlen(PROTOCOLS[i].name) == n && memcmp(PROTOCOLS[i].name, name, n) == 0)
			return &PROTOCOLS[i];
	return NULL;
}

long multiaddr_fixed_size(enum multiaddr_kind kind)
{
	switch (kind) {
	case KIND_NONE: return 0;
	case KIND_PORT: return 2;
	case KIND_IP4: return 4;
	case KIND_U64: return 8;
	case KIND_IP6: return 16;
	case KIND_NAME:
	case KIND_PATH:
	case KIND_PEER:
	case KIND_HASH: break;
	}
	return -1;
}

/* Code, length, digest: the length must say exactly what follows. */
static bool is_multihash(struct bytes v)
{
	uint64_t code, len;
	int n = varint_get(v.data, v.len, &code);
	int m;

	if (n <= 0)
		return false;
	m = varint_get(v.data + n, v.len - (size_t)n, &len);
	return m > 0 && len > 0 && len == v.len - (size_t)n - (size_t)m;
}

static bool value_is_good(enum multiaddr_kind kind, struct bytes v)
{
	struct peer_id id;

	switch (kind) {
	case KIND_NAME:
		return v.len > 0 && memchr(v.data, '/', v.len) == NULL &&
		       str_is_utf8(v.data, v.len);
	case KIND_PATH: return v.len > 1 && v.data[0] == '/' && str_is_utf8(v.data, v.len);
	case KIND_PEER: return peer_id_from_bytes(&id, v.data, v.len) == 0;
	case KIND_HASH: return is_multihash(v);
	default: return (long)v.len == multiaddr_fixed_size(kind);
	}
}

long multiaddr_part_get(struct multiaddr_part *part, const uint8_t *p, size_t n)
{
	uint64_t code, len;
	size_t at;
	int used = varint_get(p, n, &code);

	if (used <= 0)
		return -1;
	at = (size_t)used;
	part->protocol = multiaddr_by_code(code);
	if (part->protocol == NULL)
		return -1;
	if (multiaddr_fixed_size(part->protocol->kind) >= 0) {
		len = (uint64_t)multiaddr_fixed_size(part->protocol->kind);
	} else {
		used = varint_get(p + at, n - at, &len);
		if (used <= 0)
			return -1;
		at += (size_t)used;
	}
	if (len > n - at)
		return -1;
	part->value = (struct bytes){p + at, len};
	return value_is_good(part->protocol->kind, part->value) ? (long)(at + len) : -1;
}

/* An upper bound for the text of a component, so that whatever is accepted can be printed whole. */
static size_t text_bound(const struct multiaddr_part *part)
{
	size_t name = 2 + strlen(part->protocol->name);

	switch (part->protocol->kind) {
	case KIND_NONE: return name;
	case KIND_PORT: return name + 5;
	case KIND_IP4: return name + 15;
	case KIND_U64: return name + 20;
	case KIND_IP6: return name + 45;
	case KIND_NAME:
	case KIND_PATH: return name + part->value.len;
	case KIND_PEER:
	case KIND_HASH: break;
	}
	return name + 3 + part->value.len * 11 / 8; /* base 58 */
}

static bool is_printable(const uint8_t *p, size_t n)
{
	struct multiaddr_part part;
	size_t text = 0;

	for (size_t at = 0; at < n;) {
		long used = multiaddr_part_get(&part, p + at, n - at);
		if (used < 0)
			return false;
		at += (size_t)used;
		text += text_bound(&part);
		/* A path has no end but that of the address. */
		if (text >= MULTIADDR_TEXT || (part.protocol->kind == KIND_PATH && at < n))
			return false;
	}
	return true;
}

int multiaddr_part_put(struct multiaddr *a, const struct multiaddr_part *part)
{
	uint8_t bytes[MULTIADDR_MAX + 2 * VARINT_MAX];
	size_t len = a->len;

	if (part->value.len > MULTIADDR_MAX)
		return -1;
	memcpy(bytes, a->bytes, len);
	len += varint_put(bytes + len, part->protocol->code);
	if (multiaddr_fixed_size(part->protocol->kind) < 0 && len < MULTIADDR_MAX)
		len += varint_put(bytes + len, part->value.len);
	if (len > MULTIADDR_MAX || part->value.len > MULTIADDR_MAX - len)
		return -1;
	if (part->value.len > 0)
		memcpy(bytes + len, part->value.data, part->value.len);
	return multiaddr_from_bytes(a, bytes, len + part->value.len);
}

int multiaddr_from_bytes(struct multiaddr *a, const uint8_t *p, size_t n)
{
	if (n == 0 || n > MULTIADDR_MAX || !is_printable(p, n))
		return -1;
	memcpy(a->bytes, p, n);
	a->len = (uint16_t)n;
	return 0;
}

bool multiaddr_equal(const struct multiaddr *a, const struct multiaddr *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Walks the components: *at starts at 0. False at the end. */
static bool next_part(const struct multiaddr *a, size_t *at, struct multiaddr_part *part)
{
	long used;

	if (*at >= a->len)
		return false;
	used = multiaddr_part_get(part, a->bytes + *at, a->len - *at);
	if (used < 0)
		return false;
	*at += (size_t)used;
	return true;
}

static int put(struct multiaddr *a, uint32_t code, const void *value, size_t n)
{
	struct multiaddr_part part = {multiaddr_by_code(code), {value, n}};

	return multiaddr_part_put(a, &part);
}

static int put_ip6(struct multiaddr *a, const struct sockaddr_in6 *in6)
{
	char zone[IF_NAMESIZE];

	if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) && in6->sin6_scope_id != 0) {
		if (if_indextoname(in6->sin6_scope_id, zone) == NULL)
			return -1;
		if (put(a, MULTIADDR_IP6ZONE, zone, strlen(zone)) != 0)
			return -1;
	}
	/* What a dual-stack socket shows of an IPv4 peer. */
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return put(a, MULTIADDR_IP4, in6->sin6_addr.s6_addr + 12, 4);
	return put(a, MULTIADDR_IP6, &in6->sin6_addr, sizeof(in6->sin6_addr));
}

int multiaddr_from_sockaddr(struct multiaddr *a, const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

	a->len = 0;
	if (sa->sa_family == AF_INET) {
		if (put(a, MULTIADDR_IP4, &in->sin_addr, sizeof(in->sin_addr)) != 0)
			return -1;
		return put(a, MULTIADDR_TCP, &in->sin_port, sizeof(in->sin_port));
	}
	if (sa->sa_family != AF_INET6 || put_ip6(a, in6) != 0)
		return -1;
	return put(a, MULTIADDR_TCP, &in6->sin6_port, sizeof(in6->sin6_port));
}

static uint32_t zone_index(struct bytes zone)
{
	char name[IF_NAMESIZE];

	if (zone.len >= sizeof(name))
		return 0;
	memcpy(name, zone.data, zone.len);
	name[zone.len] = '\0';
	return if_nametoindex(name);
}

static socklen_t fill_ip4(struct sockaddr_storage *out, struct bytes ip, struct bytes port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;

	in->sin_family = AF_INET;
	memcpy(&in->sin_addr, ip.data, ip.len);
	memcpy(&in->sin_port, port.data, port.len);
	return sizeof(*in);
}

static socklen_t fill_ip6(
    struct sockaddr_storage *out, struct bytes ip, struct bytes port, uint32_t scope)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	in6->sin6_family = AF_INET6;
	memcpy(&in6->sin6_addr, ip.data, ip.len);
	memcpy(&in6->sin6_port, port.data, port.len);
	in6->sin6_scope_id = scope;
	return sizeof(*in6);
}

socklen_t multiaddr_to_sockaddr(const struct multiaddr *a, struct sockaddr_storage *out)
{
	struct multiaddr_part ip, tcp, rest;
	uint32_t scope = 0;
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	if (!next_part(a, &at, &ip))
		return 0;
	if (ip.protocol->code == MULTIADDR_IP6ZONE) {
		scope = zone_index(ip.value);
		if (scope == 0 || !next_part(a, &at, &ip) || ip.protocol->code != MULTIADDR_IP6)
			return 0;
	}
	if (!next_part(a, &at, &tcp) || tcp.protocol->code != MULTIADDR_TCP)
		return 0;
	if (next_part(a, &at, &rest) && rest.protocol->code != MULTIADDR_P2P)
		return 0;
	if (at != a->len)
		return 0;
	if (ip.protocol->code == MULTIADDR_IP4)
		return fill_ip4(out, ip.value, tcp.value);
	if (ip.protocol->code == MULTIADDR_IP6)
		return fill_ip6(out, ip.value, tcp.value, scope);
	return 0;
}

int multiaddr_peer(const struct multiaddr *a, struct peer_id *id)
{
	struct multiaddr_part part;
	int found = -1;

	for (size_t at = 0; next_part(a, &at, &part);)
		if (part.protocol->code == MULTIADDR_P2P)
			found = peer_id_from_bytes(id, part.value.data, part.value.len);
	return found;
}

void multiaddr_strip_peer(struct multiaddr *a)
{
	struct multiaddr_part part;
	size_t before = 0, last = 0;
	bool peer = false;

	for (size_t at = 0; next_part(a, &at, &part); before = at) {
		last = before;
		peer = part.protocol->code == MULTIADDR_P2P;
	}
	if (peer)
		a->len = (uint16_t)last;
}

/* The IP address of the first component, or of the second behind a zone: 4 or 16 bytes. */
static struct bytes first_ip(const struct multiaddr *a)
{
	struct multiaddr_part part;
	size_t at = 0;

	if (!next_part(a, &at, &part))
		return (struct bytes){NULL, 0};
	if (part.protocol->code == MULTIADDR_IP6ZONE && !next_part(a, &at, &part))
		return (struct bytes){NULL, 0};
	if (part.protocol->kind != KIND_IP4 && part.protocol->kind != KIND_IP6)
		return (struct bytes){NULL, 0};
	/* ::ffff:a.b.c.d is judged as the IPv4 address that it reaches. */
	if (part.value.len == 16 &&
	    memcmp(part.value.data, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0)
		return (struct bytes){part.value.data + 12, 4};
	return part.value;
}

bool multiaddr_is_loopback(const struct multiaddr *a)
{
	struct bytes ip = first_ip(a);

	/* Who connects to 0.0.0.0 or :: comes to this host as well. */
	if (ip.len == 4)
		return ip.data[0] == 127 || memcmp(ip.data, "\0\0\0", 4) == 0;
	return ip.len == 16 && (memcmp(ip.data, &in6addr_loopback, 16) == 0 ||
				   memcmp(ip.data, &in6addr_any, 16) == 0);
}

bool multiaddr_is_link_local(const struct multiaddr *a)
{
	struct bytes ip = first_ip(a);

	if (ip.len == 4)
		return ip.data[0] == 169 && ip.data[1] == 254;
	return ip.len == 16 && ip.data[0] == 0xfe && (ip.data[1] & 0xc0) == 0x80;
}

bool multiaddr_is_private(const struct multiaddr *a)
{
	struct bytes ip = first_ip(a);

	if (multiaddr_is_loopback(a) || multiaddr_is_link_local(a))
		return true;
	if (ip.len == 4)
		return ip.data[0] == 10 || (ip.data[0] == 172 && (ip.data[1] & 0xf0) == 16) ||
		       (ip.data[0] == 192 && ip.data[1] == 168);
	return ip.len == 16 && (ip.data[0] & 0xfe) == 0xfc;
}

bool multiaddr_is_ip4(const struct multiaddr *a)
{
	return a->len > 0 && a->bytes[0] == MULTIADDR_IP4;
}
