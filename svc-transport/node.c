#include "svc-transport/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "svc-transport/addrbook.h"
#include "svc-transport/dial.h"
#include "svc-transport/identify_stream.h"
#include "svc-transport/limits.h"
#include "svc-transport/ping.h"

#define TICK_MS      1000
#define PUSH_WAIT_MS 300              /* services that start together are told of together */
#define IDENTIFY_TTL (30 * 60 * 1000) /* ms: how long what a peer said about itself is believed */
#define SEALED_MAX   2048

struct node {
	struct loop *loop;
	const struct identity *identity;
	const struct node_events *events;
	void *arg;
	struct noise_self noise;
	struct conns *conns;
	struct stream_table *table;
	struct peers *peers;
	struct addrbook *book;
	struct dialer *dialer;
	struct timer *dialing, *tick, *push;
	struct identify_stream_owner identify;

	struct multiaddr addrs[IDENTIFY_ADDRS_MAX];
	size_t addr_count;
	struct buf record; /* the sealed peer record with these */
};

static uint64_t now_of(const struct node *n)
{
	return loop_now(n->loop);
}

/* --- dialling --------------------------------------------------------------------------------- */

static void dial_now(void *arg)
{
	struct node *n = arg;
	uint64_t now = now_of(n), next = dialer_tick(n->dialer, now);

	if (next == UINT64_MAX)
		timer_stop(n->dialing);
	else
		timer_start(n->dialing, next > now ? next - now : 0);
}

static void dial_soon(struct node *n)
{
	timer_start(n->dialing, 0);
}

static void *dial_start(
    void *arg, const struct peer_id *peer, const struct multiaddr *addr, char *why)
{
	struct node *n = arg;
	char reason[CONN_WHY];
	struct conn *c = conns_dial(n->conns, addr, peer, reason);

	if (c == NULL)
		snprintf(why, DIAL_WHY, "%.*s", DIAL_WHY - 1, reason);
	return c;
}

static void dial_abort(void *arg, void *handle)
{
	(void)arg;
	conn_close(handle, "not needed any more");
}

static void give_up(struct node *n, const struct peer_id *id, const char *text)
{
	struct peer *p = peers_get(n->peers, id);

	stream_table_unreached(n->table, id, STREAM_UNREACHABLE, text);
	if (p == NULL)
		return;
	if (p->wanted) {
		p->wanted = false;
		n->events->connect_failed(n->arg, p, text);
	}
	peers_drop_if_idle(n->peers, p);
}

static void dial_failed(void *arg, const struct peer_id *id, const char *text)
{
	give_up(arg, id, text);
}

static const struct dial_io dial_io = {
    .start = dial_start, .abort = dial_abort, .failed = dial_failed};

static void dial(struct node *n, const struct peer_id *id)
{
	struct multiaddr addrs[LIMIT_DIAL_ADDRS];
	uint64_t now = now_of(n);
	size_t count = addrbook_get(n->book, id, now, addrs, LIMIT_DIAL_ADDRS);

	if (dialer_busy(n->dialer, id))
		return;
	if (dialer_start(n->dialer, id, addrs, count, now) != 0)
		give_up(n, id, "too many peers are being dialled");
	else
		dial_now(n);
}

void node_connect(struct node *n, const struct peer_id *id)
{
	struct peer *p;

	if (peer_id_equal(id, identity_peer(n->identity)))
		return;
	p = peers_need(n->peers, id);
	if (p->up)
		return;
	p->wanted = true;
	if (peers_lane(p) == NULL)
		dial(n, id);
}

static bool is_ours(const struct node *n, const struct multiaddr *addr)
{
	for (size_t i = 0; i < n->addr_count; i++)
		if (multiaddr_equal(&n->addrs[i], addr))
			return true;
	return false;
}

/* Our own address in another's mouth would only have us talk to ourselves. */
static size_t others_only(const struct node *n, const struct multiaddr *addrs, size_t count,
    struct multiaddr out[LIMIT_BOOK_ADDRS])
{
	size_t kept = 0;

	for (size_t i = 0; i < count && kept < LIMIT_BOOK_ADDRS; i++) {
		struct multiaddr addr = addrs[i];

		multiaddr_strip_peer(&addr);
		if (!is_ours(n, &addr))
			out[kept++] = addrs[i];
	}
	return kept;
}

void node_learn(struct node *n, const struct peer_id *id, uint8_t source, uint64_t ttl_ms,
    const struct multiaddr *addrs, size_t count)
{
	struct multiaddr kept[LIMIT_BOOK_ADDRS];
	struct multiaddr dialable[LIMIT_DIAL_ADDRS];
	uint64_t now = now_of(n);

	count = others_only(n, addrs, count, kept);
	addrbook_set(n->book, id, source, ttl_ms, kept, count, now);
	dialer_forgive(n->dialer, id, kept, count);
	if (!dialer_busy(n->dialer, id))
		return;
	count = addrbook_get(n->book, id, now, dialable, LIMIT_DIAL_ADDRS);
	dialer_start(n->dialer, id, dialable, count, now);
	dial_soon(n);
}

/* --- what identify says ----------------------------------------------------------------------- */

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
	log_info("identify", "%s at %s: %s", p->text, conn_remote_text(c), why);
	if (!p->up)
		mark_up(n, p, c);
}

static void push_now(void *arg)
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

/* --- connections ------------------------------------------------------------------------------ */

static void on_connected(void *arg, struct conn *c)
{
	struct node *n = arg;

	dialer_progress(n->dialer, conn_peer(c), c, now_of(n));
}

static void on_open(void *arg, struct conn *c)
{
	struct node *n = arg;
	struct peer *p = peers_need(n->peers, conn_peer(c));
	struct lane *l = lane_new(n->table, c);

	peers_add_lane(p, l);
	if (peer_id_equal(&p->id, identity_peer(n->identity))) {
		conn_close(c, "that is this peer itself");
		return;
	}
	if (p->lane_count > LIMIT_CONNECTIONS_PEER) {
		conn_close(c, "too many connections to one peer");
		return;
	}
	dialer_connected(n->dialer, &p->id, c);
	identify_stream_ask(l, &n->identify);
	stream_table_reached(n->table, l);
}

static void on_turn_over(void *arg, struct conn *c)
{
	(void)arg;
	lane_turn_over(conn_user(c));
}

static void on_tick(void *arg, struct conn *c, uint64_t now)
{
	(void)arg;
	lane_tick(conn_user(c), now);
}

static void last_lane_gone(struct node *n, struct peer *p, const char *why)
{
	bool was_up = p->up;

	p->up = false;
	p->known = false;
	if (was_up)
		n->events->peer_down(n->arg, p, why);
	if (p->wanted && !dialer_busy(n->dialer, &p->id)) {
		p->wanted = false;
		n->events->connect_failed(n->arg, p, why);
	}
	peers_drop_if_idle(n->peers, p);
}

static void on_closed(void *arg, struct conn *c, const char *why)
{
	struct node *n = arg;
	struct lane *l = conn_user(c);
	struct peer *p;

	if (l == NULL) {
		if (!conn_is_inbound(c)) {
			dialer_failed(n->dialer, conn_peer(c), c, why, now_of(n));
			dial_soon(n);
		}
		return;
	}
	p = peers_get(n->peers, conn_peer(c));
	lane_free(l);
	peers_remove_lane(p, l);
	if (p->lane_count == 0)
		last_lane_gone(n, p, why);
}

static const struct conn_events conn_events = {
    .streams = &lane_events,
    .connected = on_connected,
    .open = on_open,
    .turn_over = on_turn_over,
    .tick = on_tick,
    .closed = on_closed,
};

void node_accept(void *arg, int fd, const struct sockaddr *from)
{
	struct node *n = arg;

	conns_accept(n->conns, fd, from);
}

/* --- streams ---------------------------------------------------------------------------------- */

static struct streams *streams_of(void *arg, enum service_id service)
{
	struct node *n = arg;

	return n->events->streams(n->arg, service);
}

static const struct pipe_local *serve(
    void *arg, struct conn *c, enum protocol protocol, void **user)
{
	struct node *n = arg;
	struct peer *p = peers_get(n->peers, conn_peer(c));

	switch (protocol) {
	case PROTOCOL_IDENTIFY: return identify_stream_answer(&n->identify, user);
	case PROTOCOL_IDENTIFY_PUSH:
		if (p == NULL || !peers_may_push(p, now_of(n)))
			return NULL;
		return identify_stream_hear(&n->identify, user);
	case PROTOCOL_PING: return &ping_answer;
	default: return NULL;
	}
}

static bool known(void *arg, const struct conn *c, uint32_t *protocols)
{
	struct node *n = arg;
	const struct peer *p = peers_get(n->peers, conn_peer(c));

	if (p == NULL || !p->known)
		return false;
	*protocols = p->protocols;
	return true;
}

static const struct stream_table_owner table_owner = {
    .streams = streams_of, .serve = serve, .known = known};

static bool may_ask(const struct stream_request *r, uint32_t allowed)
{
	for (size_t i = 0; i < r->protocol_count; i++)
		if ((allowed & 1u << r->protocols[i]) == 0)
			return false;
	return r->protocol_count > 0;
}

const struct stream_events *node_open(
    struct node *n, struct stream *s, const struct stream_request *r, uint32_t allowed, void **user)
{
	const struct stream_events *events;
	struct peer_id id;
	struct peer *p;
	struct lane *l;

	if (peer_id_from_text(&id, r->peer, strlen(r->peer)) != 0) {
		stream_reset(s, STREAM_REFUSED, "not a peer id");
		return NULL;
	}
	if (!may_ask(r, allowed) || peer_id_equal(&id, identity_peer(n->identity))) {
		stream_reset(s, STREAM_REFUSED, "no such stream from here");
		return NULL;
	}
	p = peers_get(n->peers, &id);
	l = p != NULL ? peers_lane(p) : NULL;
	if (l == NULL && stream_table_waiting(n->table, &id) >= LIMIT_WAITING_PEER) {
		stream_reset(s, STREAM_NO_MEMORY, "too many streams wait for this peer");
		return NULL;
	}
	events = stream_table_request(n->table, s, r, &id, l, user);
	if (events != NULL && l == NULL)
		dial(n, &id);
	return events;
}

/* --- life ------------------------------------------------------------------------------------- */

static void tick(void *arg)
{
	struct node *n = arg;
	uint64_t now = now_of(n);

	stream_table_tick(n->table, now);
	addrbook_sweep(n->book, now);
}

static void sign_noise(
    void *arg, const uint8_t static_key[NOISE_KEY], uint8_t signature[NOISE_SIGNATURE])
{
	identity_sign_noise(arg, static_key, signature);
}

struct node *node_new(
    struct loop *loop, const struct identity *identity, const struct node_events *events, void *arg)
{
	struct node *n = xcalloc(1, sizeof *n);
	struct bytes key = identity_public_key(identity);

	n->loop = loop;
	n->identity = identity;
	n->events = events;
	n->arg = arg;
	n->identify = (struct identify_stream_owner){
	    .self = identify_self, .told = identify_told, .silent = identify_silent, .arg = n};
	buf_init(&n->record, SEALED_MAX);
	noise_self_init(&n->noise, key.data, key.len, sign_noise, (void *)identity, NULL);
	n->peers = peers_new();
	n->book = addrbook_new();
	n->dialer = dialer_new(&dial_io, n);
	n->table = stream_table_new(loop, &table_owner, n);
	n->conns = conns_new(loop, &n->noise, &conn_events, n);
	n->dialing = timer_new(loop, dial_now, n);
	n->push = timer_new(loop, push_now, n);
	n->tick = timer_new(loop, tick, n);
	timer_repeat(n->tick, TICK_MS);
	return n;
}

void node_free(struct node *n)
{
	if (n == NULL)
		return;
	conns_free(n->conns);
	stream_table_free(n->table);
	dialer_free(n->dialer);
	addrbook_free(n->book);
	peers_free(n->peers);
	timer_free(n->dialing);
	timer_free(n->push);
	timer_free(n->tick);
	noise_self_clear(&n->noise);
	buf_clear(&n->record);
	free(n);
}

/* --- status ----------------------------------------------------------------------------------- */

static cJSON *describe(const struct node *n, const struct conn *c)
{
	const struct peer *p = peers_get(n->peers, conn_peer(c));
	cJSON *row = cJSON_CreateObject();

	cJSON_AddStringToObject(row, "peer", conn_peer_text(c));
	cJSON_AddStringToObject(row, "address", conn_remote_text(c));
	cJSON_AddStringToObject(row, "direction", conn_is_inbound(c) ? "in" : "out");
	cJSON_AddStringToObject(row, "state", conn_is_open(c) ? "open" : "connecting");
	cJSON_AddStringToObject(row, "agent", p != NULL && conn_is_open(c) ? p->agent : "");
	cJSON_AddNumberToObject(
	    row, "streams", conn_is_open(c) ? (double)lane_count(conn_user(c)) : 0);
	cJSON_AddNumberToObject(row, "bytes_in", (double)conn_bytes_in(c));
	cJSON_AddNumberToObject(row, "bytes_out", (double)conn_bytes_out(c));
	cJSON_AddNumberToObject(row, "age_ms", (double)(now_of(n) - conn_since(c)));
	return row;
}

cJSON *node_report_connections(const struct node *n, size_t max)
{
	cJSON *rows = cJSON_CreateArray();
	const struct conn *c = NULL;

	while (max-- > 0 && (c = conns_next(n->conns, c)) != NULL)
		cJSON_AddItemToArray(rows, describe(n, c));
	return rows;
}

cJSON *node_report_streams(const struct node *n, size_t max)
{
	return stream_table_report(n->table, max);
}
