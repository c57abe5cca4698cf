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
	bool nameless;      /* came when there was no room: its pace is that of the others */
};

#define SWEEP_MS (1000 / LIMIT_HANDSHAKES_SECOND) /* in which one handshake is forgotten */

static const struct bucket_size pace = {LIMIT_HANDSHAKES_BURST, LIMIT_HANDSHAKES_SECOND};

struct admission {
	size_t connections;
	size_t handshakes;
	struct map *places;   /* struct place by admission_key */
	struct bucket others; /* the pace of all that found no room there */
	uint64_t swept_at;
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

static void set_v4(struct admission_key *key, const uint8_t ip[4])
{
	key->bytes[0] = 4;
	memcpy(key->bytes + 1, ip, 4);
	key->len = 5;
	key->loopback = ip[0] == 127;
}

struct admission_key admission_key_of(const struct sockaddr *sa)
{
	struct admission_key key = {0};

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;

		set_v4(&key, (const uint8_t *)&v4->sin_addr);
	} else if (sa->sa_family == AF_INET6) {
		const struct in6_addr *ip = &((const struct sockaddr_in6 *)sa)->sin6_addr;

		if (IN6_IS_ADDR_V4MAPPED(ip)) {
			set_v4(&key, ip->s6_addr + 12);
			return key;
		}
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

/* Forgets places that say no more than no place would. Each walk is paid for by a whole table. */
static void sweep(struct admission *a, uint64_t now)
{
	const void *key;
	size_t at = 0, len;
	struct place *p;

	if (map_count(a->places) < LIMIT_PLACES || now - a->swept_at < SWEEP_MS)
		return;
	a->swept_at = now;
	while ((p = map_next(a->places, &at, &key, &len)) != NULL)
		if (p->connections == 0 && bucket_is_full(&p->pace, now))
			free(map_remove(a->places, key, len));
}

/* Its own, if it has one or can get one; NULL is a full one. */
static struct bucket *pace_of(struct admission *a, struct place *p)
{
	if (p != NULL)
		return p->nameless ? &a->others : &p->pace;
	return map_count(a->places) < LIMIT_PLACES ? NULL : &a->others;
}

/* Too many at a time, or too fast. */
static bool is_tiring(
    struct admission *a, struct place *p, const struct admission_key *key, uint64_t now)
{
	const struct bucket *b;

	if (key->loopback)
		return false;
	if (p != NULL && p->handshakes >= LIMIT_HANDSHAKES_ADDRESS)
		return true;
	b = pace_of(a, p);
	return b != NULL && !bucket_has(b, &pace, 1, now);
}

/* Strangers leave room for our own dials, and these leave the handshakes theirs: without any at the
 * same time no newcomer would last long enough for an idle connection to give way to it. */
static bool has_place_for_handshake(const struct admission *a)
{
	if (a->handshakes < LIMIT_HANDSHAKES_OWN)
		return a->connections < LIMIT_CONNECTIONS;
	return a->handshakes < LIMIT_HANDSHAKES &&
	       a->connections < LIMIT_CONNECTIONS_IN + LIMIT_HANDSHAKES;
}

static bool has_place_for_dial(const struct admission *a)
{
	return a->connections < LIMIT_CONNECTIONS &&
	       a->connections - a->handshakes < LIMIT_CONNECTIONS - LIMIT_HANDSHAKES_OWN;
}

enum admission_verdict admission_ask(
    struct admission *a, const struct admission_key *key, bool inbound, uint64_t now)
{
	struct place *p = place_get(a, key);
	size_t most = key->loopback ? LIMIT_CONNECTIONS_LOOPBACK : LIMIT_CONNECTIONS_ADDRESS;

	if (p != NULL && p->connections - p->handshakes >= most)
		return ADMISSION_NO;
	if (!inbound)
		return has_place_for_dial(a) ? ADMISSION_YES : ADMISSION_NO;
	if (p == NULL)
		sweep(a, now);
	if (is_tiring(a, p, key, now))
		return ADMISSION_NO;
	return has_place_for_handshake(a) ? ADMISSION_YES : ADMISSION_CROWDED;
}

static struct place *place_need(struct admission *a, const struct admission_key *key)
{
	struct place *p = place_get(a, key);

	if (p != NULL)
		return p;
	p = xcalloc(1, sizeof *p);
	p->nameless = map_count(a->places) >= LIMIT_PLACES;
	map_set(a->places, key->bytes, key->len, p);
	return p;
}

void admission_enter(
    struct admission *a, const struct admission_key *key, bool handshake, uint64_t now)
{
	struct place *p = place_need(a, key);

	p->connections++;
	a->connections++;
	if (!handshake)
		return;
	p->handshakes++;
	a->handshakes++;
	bucket_take(pace_of(a, p), &pace, 1, now);
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
	if (--p->connections == 0 && p->nameless)
		free(map_remove(a->places, key->bytes, key->len));
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
