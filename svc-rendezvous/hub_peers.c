#include "svc-rendezvous/hub_peers.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"

#define EXPIRE_AT_ONCE 1000

void hub_peers_init(struct hub_peers *t, struct hub_clients *clients, size_t peers_max,
    size_t bytes_max, size_t signers_max)
{
	*t = (struct hub_peers){.clients = clients,
	    .by_id = map_new(),
	    .signers_by_id = map_new(),
	    .peers_max = peers_max,
	    .bytes_max = bytes_max,
	    .signers_max = signers_max};
	TAILQ_INIT(&t->list);
	TAILQ_INIT(&t->signers);
}

static void forget_signer(struct hub_peers *t, struct hub_signer *s)
{
	map_remove(t->signers_by_id, s->id.bytes, s->id.len);
	TAILQ_REMOVE(&t->signers, s, entry);
	TAILQ_REMOVE(&s->client->signers, s, of_client);
	s->client->signer_count--;
	free(s);
}

void hub_peers_clear(struct hub_peers *t)
{
	struct hub_peer *p;
	struct hub_signer *s;

	while ((p = TAILQ_FIRST(&t->list)) != NULL)
		hub_peers_remove(t, p);
	while ((s = TAILQ_FIRST(&t->signers)) != NULL)
		forget_signer(t, s);
	map_free(t->by_id);
	map_free(t->signers_by_id);
}

size_t hub_peers_count(const struct hub_peers *t)
{
	return map_count(t->by_id);
}

size_t hub_peers_signers(const struct hub_peers *t)
{
	return map_count(t->signers_by_id);
}

/* --- peers ------------------------------------------------------------------------------------ */

struct hub_peer *hub_peers_get(const struct hub_peers *t, const char *id)
{
	return map_gets(t->by_id, id);
}

bool hub_peers_fit(const struct hub_peers *t, const struct hub_client *newcomer, size_t len,
    bool is_new, struct hub_peer **victim)
{
	const struct hub_client *heaviest;

	*victim = NULL;
	if (t->bytes + len <= t->bytes_max && (!is_new || hub_peers_count(t) < t->peers_max))
		return true;
	heaviest = hub_clients_heaviest(t->clients);
	if (heaviest != NULL && heaviest != newcomer && heaviest->peer_count > 1 &&
	    hub_client_weight(heaviest) > hub_client_weight(newcomer) + len)
		*victim = TAILQ_LAST(&heaviest->peers, hub_peer_list);
	return false;
}

static void attach(struct hub_peer *p, struct hub_client *client)
{
	p->client = client;
	TAILQ_INSERT_TAIL(&client->peers, p, of_client);
	client->peer_count++;
	client->peer_bytes += p->len;
	p->sent_before = client->sent;
}

uint64_t hub_peer_received(const struct hub_peer *p)
{
	return p->received + (p->client->sent - p->sent_before);
}

static void detach(struct hub_peer *p)
{
	p->received = hub_peer_received(p);
	TAILQ_REMOVE(&p->client->peers, p, of_client);
	p->client->peer_count--;
	p->client->peer_bytes -= p->len;
}

struct hub_peer *hub_peers_add(
    struct hub_peers *t, const char *id, struct hub_client *client, int64_t now)
{
	struct hub_peer *p = xcalloc(1, sizeof(*p));

	str_copy(p->id, sizeof(p->id), id);
	p->heard = now;
	map_sets(t->by_id, p->id, p);
	TAILQ_INSERT_TAIL(&t->list, p, entry);
	attach(p, client);
	return p;
}

/* A message may come late (from another instance), so the place is looked for from the end. */
static void sort_in(struct hub_peers *t, struct hub_peer *p)
{
	struct hub_peer *before = TAILQ_LAST(&t->list, hub_peer_list);

	while (before != NULL && before->heard > p->heard)
		before = TAILQ_PREV(before, hub_peer_list, entry);
	if (before == NULL)
		TAILQ_INSERT_HEAD(&t->list, p, entry);
	else
		TAILQ_INSERT_AFTER(&t->list, before, p, entry);
}

void hub_peers_update(struct hub_peers *t, struct hub_peer *p, struct hub_client *client,
    struct hub_message *m, int64_t heard)
{
	t->bytes += m->len - p->len;
	p->client->peer_bytes += m->len - p->len;
	free(p->json);
	p->json = m->json;
	p->len = m->len;
	m->json = NULL;
	if (p->label == NULL || strcmp(p->label, m->p.content) != 0) {
		free(p->label);
		p->label = xstrdup(m->p.content);
	}
	memcpy(p->digest, m->digest, sizeof(p->digest));
	p->type = m->p.type;
	p->ts = m->p.ts;
	p->signed_ = m->p.signed_;
	p->bytes_published += m->len;
	p->heard = heard;
	TAILQ_REMOVE(&t->list, p, entry);
	sort_in(t, p);
	if (client != p->client) {
		detach(p);
		attach(p, client);
	}
}

void hub_peers_remove(struct hub_peers *t, struct hub_peer *p)
{
	map_removes(t->by_id, p->id);
	TAILQ_REMOVE(&t->list, p, entry);
	detach(p);
	t->bytes -= p->len;
	free(p->json);
	free(p->label);
	free(p);
}

/* --- signers ---------------------------------------------------------------------------------- */

struct hub_signer *hub_signers_get(const struct hub_peers *t, const struct peer_id *id, int64_t now)
{
	struct hub_signer *s = map_get(t->signers_by_id, id->bytes, id->len);

	return s != NULL && now - s->heard < HUB_SIGNER_MS ? s : NULL;
}

static bool is_present(const struct hub_peers *t, const struct hub_signer *s)
{
	char id[PEER_ID_TEXT];

	peer_id_to_text(&s->id, id);
	return hub_peers_get(t, id) != NULL;
}

static bool make_room(struct hub_peers *t)
{
	struct hub_client *most = hub_clients_most_signers(t->clients);
	struct hub_signer *s;

	if (most == NULL)
		return false;
	TAILQ_FOREACH (s, &most->signers, of_client)
		if (!is_present(t, s))
			break;
	/* Whoever keeps all of theirs present would else keep everybody out. */
	if (s == NULL)
		TAILQ_FOREACH (s, &t->signers, entry)
			if (!is_present(t, s))
				break;
	if (s != NULL)
		forget_signer(t, s);
	return s != NULL;
}

struct hub_signer *hub_signers_make(
    struct hub_peers *t, const struct peer_id *id, struct hub_client *client, int64_t now)
{
	struct hub_signer *s = map_get(t->signers_by_id, id->bytes, id->len);

	if (s != NULL && now - s->heard < HUB_SIGNER_MS)
		return s;
	if (s != NULL)
		forget_signer(t, s);
	if (hub_peers_signers(t) >= t->signers_max && !make_room(t))
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->id = *id;
	s->client = client;
	s->ts = -1;
	s->heard = now;
	map_set(t->signers_by_id, id->bytes, id->len, s);
	TAILQ_INSERT_TAIL(&t->signers, s, entry);
	TAILQ_INSERT_TAIL(&client->signers, s, of_client);
	client->signer_count++;
	return s;
}

void hub_signers_heard(struct hub_peers *t, struct hub_signer *s, int64_t ts, int64_t now)
{
	if (ts > s->ts)
		s->ts = ts;
	if (now <= s->heard)
		return;
	s->heard = now;
	TAILQ_REMOVE(&t->signers, s, entry);
	TAILQ_INSERT_TAIL(&t->signers, s, entry);
	TAILQ_REMOVE(&s->client->signers, s, of_client);
	TAILQ_INSERT_TAIL(&s->client->signers, s, of_client);
}

void hub_signers_expire(struct hub_peers *t, int64_t now)
{
	struct hub_signer *s;

	for (int i = 0; i < EXPIRE_AT_ONCE && (s = TAILQ_FIRST(&t->signers)) != NULL; i++) {
		if (now - s->heard < HUB_SIGNER_MS)
			return;
		forget_signer(t, s);
	}
}
