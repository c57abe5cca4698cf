#include "base/map.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/log.h"

#define FIRST_SLOTS 8

struct entry {
	uint64_t hash;
	void *value;
	size_t len;
	uint8_t key[];
};

/* Open addressing with linear probing. A removed entry leaves GONE behind, so that nothing moves
 * while somebody walks; adding cleans up. */
struct map {
	struct entry **slots;
	size_t size;  /* a power of two */
	size_t count; /* entries */
	size_t used;  /* entries and GONE */
	uint64_t seed[2];
};

static struct entry gone_entry;
#define GONE (&gone_entry)

static uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein 2012, the variant of fewer rounds for hash tables). Words are
 * read in the machine's order: the hash never leaves the process. */
static uint64_t hash_key(const struct map *m, const void *key, size_t len)
{
	uint64_t v[4] = {m->seed[0] ^ 0x736f6d6570736575, m->seed[1] ^ 0x646f72616e646f6d,
	    m->seed[0] ^ 0x6c7967656e657261, m->seed[1] ^ 0x7465646279746573};
	uint64_t word, last = (uint64_t)len << 56;
	const uint8_t *p = key;
	size_t n = len;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < n; i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(void)
{
	struct map *m = xcalloc(1, sizeof(*m));

	if (getrandom(m->seed, sizeof(m->seed), 0) != (ssize_t)sizeof(m->seed))
		fatal("map", "getrandom: no random numbers: %m");
	m->size = FIRST_SLOTS;
	m->slots = xcalloc(m->size, sizeof(struct entry *));
	return m;
}

void map_free(struct map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->size; i++)
		if (m->slots[i] != GONE)
			free(m->slots[i]);
	free(m->slots);
	free(m);
}

size_t map_count(const struct map *m)
{
	return m->count;
}

/* The slot of the key, or NULL. */
static struct entry **find(const struct map *m, uint64_t hash, const void *key, size_t len)
{
	struct entry *e;

	for (size_t i = hash & (m->size - 1); (e = m->slots[i]) != NULL;
	     i = (i + 1) & (m->size - 1))
		if (e != GONE && e->hash == hash && e->len == len &&
		    (len == 0 || memcmp(e->key, key, len) == 0))
			return &m->slots[i];
	return NULL;
}

static void place(struct map *m, struct entry *e)
{
	size_t i = e->hash & (m->size - 1);

	while (m->slots[i] != NULL)
		i = (i + 1) & (m->size - 1);
	m->slots[i] = e;
	m->used++;
}

/* Room for one more: at least a quarter of the slots stays empty, so that find() ends. */
static void make_room(struct map *m)
{
	struct entry **old = m->slots;
	size_t old_size = m->size;

	if ((m->used + 1) * 4 <= m->size * 3)
		return;
	m->size = FIRST_SLOTS;
	while (m->size < (m->count + 1) * 2)
		m->size *= 2;
	m->slots = xcalloc(m->size, sizeof(struct entry *));
	m->used = 0;
	for (size_t i = 0; i < old_size; i++)
		if (old[i] != NULL && old[i] != GONE)
			place(m, old[i]);
	free(old);
}

void *map_get(const struct map *m, const void *key, size_t len)
{
	struct entry **slot = find(m, hash_key(m, key, len), key, len);

	return slot == NULL ? NULL : (*slot)->value;
}

void *map_set(struct map *m, const void *key, size_t len, void *value)
{
	uint64_t hash = hash_key(m, key, len);
	struct entry **slot = find(m, hash, key, len);
	struct entry *e;
	void *old;

	if (value == NULL)
		panic("map", "NULL is no value");
	if (slot != NULL) {
		old = (*slot)->value;
		(*slot)->value = value;
		return old;
	}
	e = xmalloc(sizeof(*e) + len);
	*e = (struct entry){.hash = hash, .value = value, .len = len};
	if (len > 0)
		memcpy(e->key, key, len);
	make_room(m);
	place(m, e);
	m->count++;
	return NULL;
}

void *map_remove(struct map *m, const void *key, size_t len)
{
	struct entry **slot = find(m, hash_key(m, key, len), key, len);
	void *value;

	if (slot == NULL)
		return NULL;
	value = (*slot)->value;
	free(*slot);
	*slot = GONE;
	m->count--;
	return value;
}

void *map_gets(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}

void *map_sets(struct map *m, const char *key, void *value)
{
	return map_set(m, key, strlen(key), value);
}

void *map_removes(struct map *m, const char *key)
{
	return map_remove(m, key, strlen(key));
}

void *map_getn(const struct map *m, uint32_t key)
{
	return map_get(m, &key, sizeof(key));
}

void *map_setn(struct map *m, uint32_t key, void *value)
{
	return map_set(m, &key, sizeof(key), value);
}

void *map_removen(struct map *m, uint32_t key)
{
	return map_remove(m, &key, sizeof(key));
}

void *map_next(const struct map *m, size_t *at, const void **key, size_t *len)
{
	struct entry *e;

	while (*at < m->size) {
		e = m->slots[(*at)++];
		if (e == NULL || e == GONE)
			continue;
		if (key != NULL)
			*key = e->key;
		if (len != NULL)
			*len = e->len;
		return e->value;
	}
	return NULL;
}
