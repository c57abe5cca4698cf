#include <stdlib.h>
#include <string.h>

#include "svc-rendezvous/hub_private.h"

void hub_import_signer(struct hub *hub, const char *id, int64_t ts, int64_t heard, int64_t now)
{
	struct hub_client *client;
	struct hub_signer *s;
	struct peer_id peer;

	/* Of a time when our clock was ahead of what it is now. */
	if (heard > now)
		heard = now;
	if (ts < 0 || now - heard >= HUB_SIGNER_MS || peer_id_from_text(&peer, id, strlen(id)) != 0)
		return;
	client = hub_clients_get(&hub->clients, "");
	s = hub_signers_make(&hub->peers, &peer, client, heard);
	if (s != NULL)
		hub_signers_heard(&hub->peers, s, ts, heard);
}

static void import_gone(struct hub *hub, const struct hub_message *m, int64_t heard)
{
	struct hub_peer *p = hub_peers_get(&hub->peers, m->p.peer_text);

	if (p == NULL || heard < p->heard)
		return;
	hub_emit(hub, m->json, m->len, true);
	hub_remove(hub, p);
}

static void import_online(
    struct hub *hub, struct hub_message *m, const struct hub_row *row, int64_t heard)
{
	struct hub_peer *p = hub_peers_get(&hub->peers, m->p.peer_text), *victim;
	struct hub_client *client = hub_clients_get(&hub->clients, row->client);
	bool changed;

	if (p != NULL && heard <= p->heard)
		return;
	if (p == NULL && !hub_peers_fit(&hub->peers, client, m->len, true, &victim))
		return;
	if (p == NULL)
		p = hub_peers_add(&hub->peers, m->p.peer_text, client, heard);
	changed = p->json == NULL || memcmp(p->digest, m->digest, sizeof(p->digest)) != 0;
	hub_emit(hub, m->json, m->len, changed);
	hub_peers_update(&hub->peers, p, client, m, heard);
	p->bytes_published = row->bytes_published;
	p->stored = heard;
	p->foreign = true;
	if (changed)
		hub_changed(hub, p);
}

void hub_import(struct hub *hub, const struct hub_row *row, int64_t now)
{
	int64_t heard = row->heard < now ? row->heard : now;
	struct hub_message m;
	const char *why;

	if (hub_message_parse(&m, row->json, row->len, &why) != 0)
		return;
	if (strcmp(m.p.peer_text, row->id) == 0) {
		hub_import_signer(hub, row->id, row->signer_ts, heard, now);
		if (row->gone)
			import_gone(hub, &m, heard);
		else if (now - heard < HUB_FOREIGN_MS && m.p.type != PRESENCE_OFFLINE)
			import_online(hub, &m, row, heard);
	}
	hub_message_clear(&m);
}
