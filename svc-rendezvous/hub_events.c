#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"
#include "svc-rendezvous/hub_private.h"

static void put(struct hub *hub, enum hub_channel channel, const char *p, size_t n)
{
	hub->config.events.send(hub->config.events.arg, channel, p, n);
	hub->streams[channel].place += n;
}

void hub_emit(struct hub *hub, const char *json, size_t n, bool is_change)
{
	char *text = xasprintf("id: %s:%llu\ndata: %.*s\n\n", hub->config.epoch,
	    (unsigned long long)++hub->seq, (int)n, json);

	for (int c = HUB_ALL; c < (is_change ? HUB_CHANNELS : HUB_CHANGES); c++) {
		hub_log_add(&hub->streams[c].log, hub->seq, hub->streams[c].place);
		hub->count.events[c]++;
		put(hub, (enum hub_channel)c, text, strlen(text));
	}
	free(text);
}

void hub_ping(struct hub *hub)
{
	static const char ping[] = ": ping\n\n";

	for (int c = 0; c < HUB_CHANNELS; c++)
		put(hub, (enum hub_channel)c, ping, sizeof(ping) - 1);
}

void hub_note(struct hub *hub, int64_t now, const char *what, const char *id, const char *label)
{
	char shown[200], *text;

	str_escape(label, strlen(label), shown, sizeof(shown));
	text = xasprintf("%s %s (%s)", what, id, shown);
	hub->config.events.note(hub->config.events.arg, now, text);
	free(text);
}

/* --- subscribers ------------------------------------------------------------------------------ */

struct hub_client *hub_enter(struct hub *hub, const char *key)
{
	struct hub_client *c = hub_clients_get(&hub->clients, key);
	uint32_t limit = hub->config.limits.subscribers_per_address;

	if (limit != 0 && c->subscribers >= limit)
		return NULL;
	c->subscribers++;
	return c;
}

void hub_leave(struct hub_client *client)
{
	client->subscribers--;
}

void hub_sent(struct hub_client *client, size_t n)
{
	client->sent += n;
}

bool hub_connect(struct hub *hub, const char *key)
{
	struct hub_client *c = hub_clients_get(&hub->clients, key);
	uint32_t limit = hub->config.limits.connections_per_address;

	if (limit != 0 && c->connections >= limit)
		return false;
	c->connections++;
	return true;
}

void hub_disconnect(struct hub *hub, const char *key)
{
	hub_clients_get(&hub->clients, key)->connections--;
}

/* "epoch:seq" of this life, or false. */
static bool parse_id(const struct hub *hub, const char *id, uint64_t *seq)
{
	size_t n = strlen(hub->config.epoch);

	return strncmp(id, hub->config.epoch, n) == 0 && id[n] == ':' &&
	       str_to_u64(id + n + 1, 0, hub->seq, seq);
}

bool hub_resume(
    const struct hub *hub, enum hub_channel channel, const char *last_id, uint64_t *place)
{
	const struct hub_stream *s = &hub->streams[channel];
	uint64_t seq;

	/* Half the ring: what is read while more comes in must not be overtaken at once. */
	return parse_id(hub, last_id, &seq) && hub_log_after(&s->log, seq, s->place, place) &&
	       s->place - *place <= hub->config.ring / 2;
}

uint64_t hub_place(const struct hub *hub, enum hub_channel channel)
{
	return hub->streams[channel].place;
}

uint64_t hub_seq(const struct hub *hub)
{
	return hub->seq;
}

enum hub_telling hub_tell(const struct hub *hub, uint64_t *at, uint64_t end, struct buf *out)
{
	uint64_t seq = *at, next;
	const struct hub_peer *p = hub_order_after(&hub->order, &seq);
	char id[64];

	if (p == NULL || seq > end)
		return HUB_TOLD_ALL;
	next = seq;
	hub_order_after(&hub->order, &next);
	snprintf(id, sizeof(id), "id: %s:%llu\ndata: ", hub->config.epoch,
	    next == seq || next > end ? (unsigned long long)end : 0ULL);
	if (buf_room(out) < strlen(id) + p->len + 2)
		return HUB_TOLD_NO_ROOM;
	buf_puts(out, id);
	buf_put(out, p->json, p->len);
	buf_puts(out, "\n\n");
	*at = seq;
	return HUB_TOLD_ONE;
}

/* --- for reading ------------------------------------------------------------------------------ */

size_t hub_online(const struct hub *hub)
{
	return hub_peers_count(&hub->peers);
}

size_t hub_signers(const struct hub *hub)
{
	return hub_peers_signers(&hub->peers);
}

size_t hub_clients(const struct hub *hub)
{
	return map_count(hub->clients.by_key);
}

const struct hub_count *hub_counted(const struct hub *hub)
{
	return &hub->count;
}

uint64_t hub_version(const struct hub *hub)
{
	return hub->version;
}

const struct hub_peer *hub_next(const struct hub *hub, const struct hub_peer *p)
{
	return p == NULL ? TAILQ_LAST(&hub->peers.list, hub_peer_list)
	                 : TAILQ_PREV(p, hub_peer_list, entry);
}

size_t hub_events_from(const struct hub *hub, enum hub_channel channel, uint64_t place)
{
	return hub_log_count_from(&hub->streams[channel].log, place);
}
