/* What we tell peers about ourselves, and what we make of what they tell. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "svc-transport/node_private.h"

#define PUSH_WAIT_MS 300              /* services that start together are told of together */
#define IDENTIFY_TTL (30 * 60 * 1000) /* ms: how long what a peer said about itself is believed */

static uint32_t serving(const struct node *n)
{
	uint32_t mask = 0;

	for (unsigned p = 1; p < PROTOCOL_COUNT; p++) {
		enum service_id owner = protocol_owner((enum protocol)p);

		if (owner == SERVICE_TRANSPORT || n->events->streams(n->arg, owner) != NULL)
			mask |= 1u << p;
	}
	return mask;
}

static void identify_self(void *arg, struct conn *c, struct identify_self *self)
{
	struct node *n = arg;

	self->public_key = identity_public_key(n->identity);
	self->addrs = n->addrs;
	self->addr_count = n->addr_count;
	self->protocols = serving(n);
	self->observed = conn_remote(c);
	self->record = (struct bytes){buf_data(&n->record), buf_len(&n->record)};
}

static void mark_up(struct node *n, struct peer *p, struct conn *c)
{
	p->up = true;
	p->wanted = false;
	n->events->peer_up(n->arg, p, conn_remote_text(c));
}

/* True when the peer serves something else than it did. */
static bool note_protocols(struct peer *p, const struct identify_info *info, bool push)
{
	uint32_t before = p->protocols;
	bool knew = p->known;

	if (info->has_protocols || !push)
		p->protocols = info->protocols;
	if (info->agent[0] != '\0')
		memcpy(p->agent, info->agent, sizeof p->agent);
	p->known = true;
	return !knew || before != p->protocols;
}

static void identify_told(void *arg, struct conn *c, const struct identify_info *info, bool push)
{
	struct node *n = arg;
	struct peer *p = peers_get(n->peers, conn_peer(c));
	struct identify_info *mine;
	bool changed;

	if (p == NULL || !conn_is_open(c))
		return;
	changed = note_protocols(p, info, push);
	mine = xmemdup(info, sizeof *info);
	identify_filter(mine, conn_remote(c));
	if (mine->has_addrs)
		node_learn(
		    n, &p->id, ADDRBOOK_IDENTIFY, IDENTIFY_TTL, mine->addrs, mine->addr_count);
	free(mine);
	if (!p->up || changed)
		mark_up(n, p, c);
}

static void identify_silent(void *arg, struct conn *c, const char *why)
{
	struct node *n = arg;
	struct peer *p = peers_get(n->peers, conn_peer(c));

	if (p == NULL || !conn_is_open(c))
		return;
	if (log_allowed(&n->silent, 60, "identify"))
		log_info("identify", "%s at %s: %s", p->text, conn_remote_text(c), why);
	if (!p->up)
		mark_up(n, p, c);
}

void node_identify_push(void *arg)
{
	struct node *n = arg;
	struct peer *p;
	struct lane *l;
	size_t at = 0;

	while ((p = peers_next(n->peers, &at)) != NULL) {
		l = peers_lane(p);
		if (l != NULL && p->known && (p->protocols & 1u << PROTOCOL_IDENTIFY_PUSH) != 0)
			identify_stream_push(l, &n->identify);
	}
}

void node_services_changed(struct node *n)
{
	timer_start(n->push, PUSH_WAIT_MS);
}

static void seal_record(struct node *n)
{
	buf_clear(&n->record);
	if (n->addr_count == 0)
		return;
	if (identity_peer_record(n->identity, (uint64_t)clock_wall_ms() * 1000000, n->addrs,
		n->addr_count, &n->record) != 0)
		buf_clear(&n->record);
}

static bool same_addrs(const struct node *n, const struct multiaddr *addrs, size_t count)
{
	if (count != n->addr_count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!multiaddr_equal(&addrs[i], &n->addrs[i]))
			return false;
	return true;
}

void node_set_addrs(struct node *n, const struct multiaddr *addrs, size_t count)
{
	if (count > IDENTIFY_ADDRS_MAX)
		count = IDENTIFY_ADDRS_MAX;
	if (same_addrs(n, addrs, count))
		return;
	memcpy(n->addrs, addrs, count * sizeof addrs[0]);
	n->addr_count = count;
	seal_record(n);
	node_services_changed(n);
}

void node_tell_all(struct node *n)
{
	struct peer *p;
	size_t at = 0;

	while ((p = peers_next(n->peers, &at)) != NULL)
		if (p->up && p->lane_count > 0)
			n->events->peer_up(n->arg, p, conn_remote_text(lane_conn(p->lanes[0])));
}

void node_identify_init(struct node *n)
{
	n->identify = (struct identify_stream_owner){
	    .self = identify_self, .told = identify_told, .silent = identify_silent, .arg = n};
}
