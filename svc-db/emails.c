#include "svc-db/emails.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"

struct person {
	uint32_t snapshot; /* the last that had him */
	char email[];
};

struct emails {
	struct map *people; /* only those with an address */
	uint32_t snapshot;
};

struct emails *emails_new(void)
{
	struct emails *e = xcalloc(1, sizeof *e);

	e->people = map_new();
	return e;
}

void emails_free(struct emails *e)
{
	struct person *p;

	if (e == NULL)
		return;
	MAP_FOREACH (e->people, at, p)
		free(p);
	map_free(e->people);
	free(e);
}

void emails_begin(struct emails *e)
{
	e->snapshot++;
}

void emails_remove(struct emails *e, const char *peer)
{
	free(map_removes(e->people, peer));
}

void emails_set(struct emails *e, const char *peer, const char *email)
{
	size_t n = strlen(email);
	struct person *p;

	if (n == 0) {
		emails_remove(e, peer);
		return;
	}
	if (map_count(e->people) >= EMAILS_MAX && map_gets(e->people, peer) == NULL)
		return;
	p = xmalloc(sizeof *p + n + 1);
	p->snapshot = e->snapshot;
	memcpy(p->email, email, n + 1);
	free(map_sets(e->people, peer, p));
}

void emails_all(struct emails *e)
{
	const void *key;
	struct person *p;
	size_t at = 0, len;

	while ((p = map_next(e->people, &at, &key, &len)) != NULL)
		if (p->snapshot != e->snapshot)
			free(map_remove(e->people, key, len));
}

const char *emails_get(const struct emails *e, const char *peer)
{
	const struct person *p = map_gets(e->people, peer);

	return p != NULL ? p->email : "";
}

size_t emails_count(const struct emails *e)
{
	return map_count(e->people);
}
