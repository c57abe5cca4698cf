#include "svc-transport/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-transport/claim.h"
#include "svc-transport/node_private.h"
#include "svc-transport/ping.h"

#define TICK_MS    1000
#define SEALED_MAX 2048

/* --- connections ------------------------------------------------------------------------------ */

static void on_connected(void *arg, struct conn *c)
{
	struct node *n = arg;

	dialer_progress(n->dialer, conn_peer(c), c, loop_now(n->loop));
}

static struct claim claim_of(const struct conn *c)
{
	const struct lane *l = conn_user(c);

	return (struct claim){lane_neighbours(l), lane_idle_since(l)};
}

/* Another gives its place to the newcomer. False when nobody has to. */
static bool make_place(const struct node *n, const struct conn *newcomer)
{
	const struct claim its = claim_of(newcomer);
	struct conn *c = NULL, *first = NULL;
	struct claim most = {0}, claim;

	while ((c = conns_next(n->conns, c)) != NULL) {
		if (c == newcomer || !conn_is_inbound(c) || !conn_is_open(c))
			continue;
		claim = claim_of(c);
		if (!claim_yields(&claim, &its) ||
		    (first != NULL && !claim_yields_before(&claim, &most)))
			continue;
		most = claim;
		first = c;
	}
	if (first != NULL)
		conn_close(first, "%s, and gave way to a newer connection",
		    most.idle_since == CLAIM_BUSY ? "its address has many" : "it was idle");
	return first != NULL;
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
	if (conn_is_inbound(c) && conns_are_over(n->conns) && !make_place(n, c)) {
		conn_close(c, "too many connections, and none gives way");
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
	p->up = false;
	p->known = false;
	/* Also of one that never came up: its streams may have reached a service before. */
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

	/* Whether it got a lane or not: no attempt may keep a connection that is gone. */
	if (!conn_is_inbound(c)) {
		dialer_failed(n->dialer, conn_peer(c), c, why, loop_now(n->loop));
		node_dial_soon(n);
	}
	if (l == NULL)
		return;
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
		if (p == NULL || !peers_may_push(p, loop_now(n->loop)))
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
		node_dial(n, &id);
	return events;
}

/* --- leaving ---------------------------------------------------------------------------------- */

static bool leave_some(void *arg)
{
	struct node *n = arg;
	struct conn *c = NULL;

	while ((c = conns_next(n->conns, c)) != NULL)
		if (!conn_is_open(c) || !lane_owes(conn_user(c), timer_active(n->last_words)))
			conn_leave(c);
	if (conns_count(n->conns) == 0 && !n->has_left) {
		n->has_left = true;
		n->events->left(n->arg);
	}
	return false;
}

static void services_are_silent(void *arg)
{
	struct node *n = arg;

	loop_again(n->loop);
}

void node_leave(struct node *n, bool at_once)
{
	if (n->leave != NULL)
		return;
	stream_table_leave(n->table);
	timer_stop(n->dialing);
	timer_stop(n->push);
	if (!at_once)
		timer_start(n->last_words, LIMIT_LEAVE_BUS_MS);
	n->leave = loop_before_sleep(n->loop, leave_some, n);
	loop_again(n->loop);
}

/* --- life ------------------------------------------------------------------------------------- */

static void tick(void *arg)
{
	struct node *n = arg;
	uint64_t now = loop_now(n->loop);

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
	node_identify_init(n);
	buf_init(&n->record, SEALED_MAX);
	noise_self_init(&n->noise, key.data, key.len, sign_noise, (void *)identity, NULL);
	n->peers = peers_new();
	n->book = addrbook_new();
	n->dialer = dialer_new(&node_dial_io, n);
	n->table = stream_table_new(loop, &table_owner, n);
	n->conns = conns_new(loop, &n->noise, &conn_events, n);
	n->dialing = timer_new(loop, node_dial_tick, n);
	n->push = timer_new(loop, node_identify_push, n);
	n->last_words = timer_new(loop, services_are_silent, n);
	n->tick = timer_new(loop, tick, n);
	timer_repeat(n->tick, TICK_MS);
	return n;
}

void node_free(struct node *n)
{
	if (n == NULL)
		return;
	before_sleep_free(n->leave);
	conns_free(n->conns);
	stream_table_free(n->table);
	dialer_free(n->dialer);
	addrbook_free(n->book);
	peers_free(n->peers);
	timer_free(n->dialing);
	timer_free(n->push);
	timer_free(n->last_words);
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
	cJSON_AddNumberToObject(row, "age_ms", (double)(loop_now(n->loop) - conn_since(c)));
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
