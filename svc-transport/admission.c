#include "svc-transport/admission.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "svc-transport/bucket.h"
#include "svc-transport/limits.h"

struct place {
	size_t connections;
	size_t handshakes;  /* of those, inbound and under way */
	struct bucket pace; /* of inbound handshakes */
};

static const struct bucket_size pace = {LIMIT_HANDSHAKES_BURST, LIMIT_HANDSHAKES_SECOND};

struct admission {
	size_t connections;
	size_t handshakes;
	struct map *places; /* struct place by admission_key */
};

struct admission *admission_new(void)
{
	struct admission *a = xcalloc(1, sizeof *a);

	a->places = map_new();
	return a;
}

void admission_free(struct admission *a)
{
	struct place *p;

	if (a == NULL)
		return;
	MAP_FOREACH (a->places, at, p)
		free(p);
	map_free(a->places);
	free(a);
}

struct admission_key admission_key_of(const struct sockaddr *sa)
{
	struct admission_key key = {0};

	if (sa->sa_family == AF_INET) {
		const struct in_addr *ip = &((const struct sockaddr_in *)sa)->sin_addr;

		key.bytes[0] = 4;
		memcpy(key.bytes + 1, ip, 4);
		key.len = 5;
		key.loopback = ntohl(ip->s_addr) >> 24 == 127;
	} else if (sa->sa_family == AF_INET6) {
		const struct in6_addr *ip = &((const struct sockaddr_in6 *)sa)->sin6_addr;

		key.bytes[0] = 6;
		memcpy(key.bytes + 1, ip, 7);
		key.len = 8;
		key.loopback = IN6_IS_ADDR_LOOPBACK(ip);
	}
	return key;
}

static struct place *place_get(const struct admission *a, const struct admission_key *key)
{
	return map_get(a->places, key->bytes, key->len);
}

/* Too many at a time, or too fast. */
static bool is_tiring(const struct place *p, const struct admission_key *key, uint64_t now)
{
	if (p == NULL || key->loopback)
		return false;
	return p->handshakes >= LIMIT_HANDSHAKES_ADDRESS || !bucket_has(&p->pace, &pace, 1, now);
}

enum admission_verdict admission_ask(
    const struct admission *a, const struct admission_key *key, bool inbound, uint64_t now)
{
	const struct place *p = place_get(a, key);
	size_t most = key->loopback ? LIMIT_CONNECTIONS_LOOPBACK : LIMIT_CONNECTIONS_ADDRESS;

	if (p != NULL && p->connections - p->handshakes >= most)
		return ADMISSION_NO;
	if (!inbound)
		return a->connections < LIMIT_CONNECTIONS ? ADMISSION_YES : ADMISSION_NO;
	if (is_tiring(p, key, now))
		return ADMISSION_NO;
	return a->handshakes < LIMIT_HANDSHAKES &&
	               a->connections < LIMIT_CONNECTIONS_IN + LIMIT_HANDSHAKES
	           ? ADMISSION_YES
	           : ADMISSION_CROWDED;
}

/* Forgets places without connections: those that are rested, or, when that is not enough, all. */
static void sweep(struct admission *a, uint64_t now)
{
	for (int all = 0; all <= 1 && map_count(a->places) >= LIMIT_PLACES; all++) {
		const void *key;
		size_t at = 0, len;
		struct place *p;

		while ((p = map_next(a->places, &at, &key, &len)) != NULL)
			if (p->connections == 0 && (all || bucket_is_full(&p->pace, now)))
				free(map_remove(a->places, key, len));
	}
}

static struct place *place_need(struct admission *a, const struct admission_key *key, uint64_t now)
{
	struct place *p = place_get(a, key);

	if (p != NULL)
		return p;
	if (map_count(a->places) >= LIMIT_PLACES)
		sweep(a, now);
	p = xcalloc(1, sizeof *p);
	map_set(a->places, key->bytes, key->len, p);
	return p;
}

void admission_enter(
    struct admission *a, const struct admission_key *key, bool handshake, uint64_t now)
{
	struct place *p = place_need(a, key, now);

	p->connections++;
	a->connections++;
	if (!handshake)
		return;
	p->handshakes++;
	a->handshakes++;
	bucket_take(&p->pace, &pace, 1, now);
}

void admission_upgraded(struct admission *a, const struct admission_key *key)
{
	struct place *p = place_get(a, key);

	if (p == NULL || p->handshakes == 0)
		panic("admission", "an upgrade that was not counted");
	p->handshakes--;
	a->handshakes--;
}

void admission_leave(struct admission *a, const struct admission_key *key, bool handshake)
{
	struct place *p = place_get(a, key);

	if (p == NULL || p->connections == 0)
		panic("admission", "a leave that was not counted");
	if (handshake)
		admission_upgraded(a, key);
	a->connections--;
	p->connections--;
}

bool admission_is_over(const struct admission *a)
{
	return a->connections - a->handshakes > LIMIT_CONNECTIONS_IN;
}

size_t admission_count(const struct admission *a)
{
	return a->connections;
}

size_t admission_handshakes(const struct admission *a)
{
	return a->handshakes;
}
