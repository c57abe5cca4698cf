#include "svc-rendezvous/hub_clients.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"

#define PEER_WEIGHT 1024
/* So many are looked at for one to forget: a table full of holders grows past its maximum rather
 * than making each newcomer walk all of it. They are bounded by what they hold. */
#define LOOK_AT 16

void hub_clients_init(struct hub_clients *t, size_t max)
{
	*t = (struct hub_clients){.by_key = map_new(), .max = max};
	TAILQ_INIT(&t->list);
}

static void forget(struct hub_clients *t, struct hub_client *c)
{
	map_removes(t->by_key, c->key);
	TAILQ_REMOVE(&t->list, c, entry);
	free(c);
}

void hub_clients_clear(struct hub_clients *t)
{
	struct hub_client *c;

	while ((c = TAILQ_FIRST(&t->list)) != NULL)
		forget(t, c);
	map_free(t->by_key);
	*t = (struct hub_clients){0};
}

static bool holds_something(const struct hub_client *c)
{
	return c->peer_count + c->signer_count + c->subscribers + c->connections > 0;
}

static void make_room(struct hub_clients *t)
{
	struct hub_client *c = TAILQ_FIRST(&t->list), *next;

	for (int i = 0; i < LOOK_AT && c != NULL && map_count(t->by_key) >= t->max; i++) {
		next = TAILQ_NEXT(c, entry);
		if (!holds_something(c)) {
			forget(t, c);
		} else {
			TAILQ_REMOVE(&t->list, c, entry);
			TAILQ_INSERT_TAIL(&t->list, c, entry);
		}
		c = next;
	}
}

struct hub_client *hub_clients_get(struct hub_clients *t, const char *key)
{
	char cut[HUB_CLIENT_KEY];
	struct hub_client *c;

	str_copy(cut, sizeof(cut), key);
	c = map_gets(t->by_key, cut);
	if (c != NULL) {
		TAILQ_REMOVE(&t->list, c, entry);
	} else {
		make_room(t);
		c = xcalloc(1, sizeof(*c));
		str_copy(c->key, sizeof(c->key), cut);
		TAILQ_INIT(&c->peers);
		TAILQ_INIT(&c->signers);
		map_sets(t->by_key, c->key, c);
	}
	TAILQ_INSERT_TAIL(&t->list, c, entry);
	return c;
}

size_t hub_client_weight(const struct hub_client *c)
{
	return c->peer_count * PEER_WEIGHT + c->peer_bytes;
}

struct hub_client *hub_clients_heaviest(const struct hub_clients *t)
{
	struct hub_client *c, *most = NULL;

	TAILQ_FOREACH (c, &t->list, entry)
		if (c->peer_count > 0 &&
		    (most == NULL || hub_client_weight(c) > hub_client_weight(most)))
			most = c;
	return most;
}

struct hub_client *hub_clients_most_signers(const struct hub_clients *t)
{
	struct hub_client *c, *most = NULL;

	TAILQ_FOREACH (c, &t->list, entry)
		if (c->signer_count > 0 && (most == NULL || c->signer_count > most->signer_count))
			most = c;
	return most;
}
