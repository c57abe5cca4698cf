#include "svc-transport/stream_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-transport/pipe_private.h"

struct stream_table *stream_table_new(
    struct loop *loop, const struct stream_table_owner *owner, void *arg)
{
	struct stream_table *t = xcalloc(1, sizeof *t);

	*t = (struct stream_table){.loop = loop, .owner = owner, .arg = arg};
	TAILQ_INIT(&t->waiting);
	TAILQ_INIT(&t->orphans);
	TAILQ_INIT(&t->lanes);
	t->peers = shares_new();
	t->addresses = shares_new();
	return t;
}

static void end_all(
    struct pipe_list *list, enum yamux_code wire, enum stream_code code, const char *why)
{
	struct pipe *p;

	while ((p = TAILQ_FIRST(list)) != NULL)
		pipe_end(p, wire, code, why);
}

void stream_table_free(struct stream_table *t)
{
	if (t == NULL)
		return;
	end_all(&t->waiting, YAMUX_CODE_NONE, STREAM_CANCELLED, "this peer is stopping");
	end_all(&t->orphans, YAMUX_CODE_NONE, STREAM_CANCELLED, "this peer is stopping");
	shares_free(t->peers);
	shares_free(t->addresses);
	free(t);
}

/* --- lanes ------------------------------------------------------------------------------------ */

/* Whom an address stands for. On loopback all have the same, and the machine is ours. */
static struct bytes address_of(const struct conn *c)
{
	const struct admission_key *place = conn_place(c);
	const struct peer_id *peer = conn_peer(c);

	return place->loopback ? (struct bytes){peer->bytes, peer->len}
	                       : (struct bytes){place->bytes, place->len};
}

struct lane *lane_new(struct stream_table *t, struct conn *c)
{
	struct lane *l = xcalloc(1, sizeof *l);

	l->table = t;
	l->conn = c;
	l->idle_since = loop_now(t->loop);
	l->share = shares_enter(t->peers, (struct bytes){conn_peer(c)->bytes, conn_peer(c)->len});
	l->address = shares_enter(t->addresses, address_of(c));
	TAILQ_INIT(&l->pipes);
	TAILQ_INIT(&l->queue);
	TAILQ_INSERT_TAIL(&t->lanes, l, entry);
	conn_set_user(c, l);
	return l;
}

void lane_count_unsent(struct lane *l, ssize_t n)
{
	l->share->unsent += (size_t)n;
	l->address->unsent += (size_t)n;
}

void lane_remove(struct lane *l, struct pipe *p)
{
	if (p->state == PIPE_QUEUED)
		TAILQ_REMOVE(&l->queue, p, entry);
	else
		TAILQ_REMOVE(&l->pipes, p, entry);
	l->count--;
	l->idle_since = loop_now(l->table->loop);
	l->stuck -= p->stuck;
	lane_count_unsent(l, -(ssize_t)p->unsent);
	if (p->ours)
		return;
	share_over(l->share, p->state == PIPE_TALKING ? PROTOCOL_NONE : p->protocol);
	share_over(l->address, p->state == PIPE_TALKING ? PROTOCOL_NONE : p->protocol);
}

/* Pipes whose wire has ended in order wait for the service to hear of it, with or without us. */
void lane_free(struct lane *l)
{
	struct pipe *p;

	end_all(&l->queue, YAMUX_CODE_NONE, STREAM_BROKEN, "the connection to the peer was lost");
	while ((p = TAILQ_FIRST(&l->pipes)) != NULL) {
		lane_remove(l, p);
		p->lane = NULL;
		p->wire = NULL;
		TAILQ_INSERT_TAIL(&l->table->orphans, p, entry);
	}
	TAILQ_REMOVE(&l->table->lanes, l, entry);
	shares_leave(l->table->peers, l->share);
	shares_leave(l->table->addresses, l->address);
	conn_set_user(l->conn, NULL);
	free(l);
}

struct conn *lane_conn(const struct lane *l)
{
	return l->conn;
}

size_t lane_count(const struct lane *l)
{
	return l->count;
}

unsigned lane_neighbours(const struct lane *l)
{
	return l->address->connections;
}

uint64_t lane_idle_since(const struct lane *l)
{
	return l->count == 0 ? l->idle_since : UINT64_MAX;
}

bool lane_is_settled(const struct lane *l)
{
	return l->settled;
}

bool lane_owes(const struct lane *l, bool open)
{
	const struct pipe *p;

	TAILQ_FOREACH (p, &l->pipes, entry)
		if (pipe_is_owed(p) || (open && p->bus != NULL))
			return true;
	return false;
}

static struct pipe *larger_of(struct pipe_list *list, struct pipe *most)
{
	struct pipe *p;

	TAILQ_FOREACH (p, list, entry)
		if (most == NULL || p->unsent > most->unsent)
			most = p;
	return most;
}

struct pipe *stream_table_greediest(struct stream_table *t)
{
	const struct share *peer = shares_greediest(t->peers);
	const struct share *address = shares_greediest(t->addresses), *share = peer;
	struct pipe *most = NULL;
	struct lane *l;

	if (address != NULL && address->unsent > peer->unsent)
		share = address;
	TAILQ_FOREACH (l, &t->lanes, entry)
		if (share != NULL && (l->share == share || l->address == share))
			most = larger_of(&l->pipes, larger_of(&l->queue, most));
	return most;
}

static bool may_start(const struct lane *l)
{
	return conn_is_open(l->conn) && yamux_may_open(conn_yamux(l->conn)) &&
	       (l->settled || l->unsettled < LIMIT_STREAMS_BEFORE_SETTLED);
}

static void run_queue(struct lane *l)
{
	struct pipe *p;

	if (!conn_is_open(l->conn) || yamux_is_over(conn_yamux(l->conn)))
		end_all(&l->queue, YAMUX_CODE_NONE, STREAM_BROKEN,
		    "the connection to the peer is closing");
	while ((p = TAILQ_FIRST(&l->queue)) != NULL && may_start(l)) {
		TAILQ_REMOVE(&l->queue, p, entry);
		TAILQ_INSERT_TAIL(&l->pipes, p, entry);
		l->unsettled += !l->settled;
		pipe_start(p);
	}
}

/* What queued for this begins when the turn is over. */
void lane_settle(struct lane *l)
{
	struct pipe *p;

	if (l->settled)
		return;
	l->settled = true;
	TAILQ_FOREACH (p, &l->pipes, entry)
		pipe_pump(p);
}

void lane_turn_over(struct lane *l)
{
	if (!TAILQ_EMPTY(&l->queue))
		run_queue(l);
}

static const char *overdue(const struct pipe *p, uint64_t now)
{
	if (p->deadline != 0 && now >= p->deadline)
		return "no answer from the peer in time";
	/* Whoever closes a stream of go-libp2p discards what still comes, and grants no more. */
	if (p->wire != NULL && yamux_got_fin(p->wire) && yamux_queued(p->wire) > 0 &&
	    now - p->moved_at >= LIMIT_STREAM_STALL_MS)
		return "the peer does not read any more";
	if (p->table->leaving && pipe_is_owed(p) && now - p->moved_at >= LIMIT_LEAVE_STALL_MS)
		return "the peer does not read, and this one is stopping";
	return NULL;
}

static void check_list(struct pipe_list *list, uint64_t now)
{
	struct pipe *p, *next;
	const char *why;

	for (p = TAILQ_FIRST(list); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		why = overdue(p, now);
		if (why != NULL)
			pipe_end(p, YAMUX_CODE_NONE, STREAM_TIMEOUT, why);
	}
}

void lane_tick(struct lane *l, uint64_t now)
{
	check_list(&l->pipes, now);
	check_list(&l->queue, now);
	run_queue(l);
}

static void lane_take(struct lane *l, struct pipe *p)
{
	p->lane = l;
	p->state = PIPE_QUEUED;
	l->count++;
	lane_count_unsent(l, (ssize_t)p->unsent);
	TAILQ_INSERT_TAIL(&l->queue, p, entry);
}

void lane_open(
    struct lane *l, enum protocol protocol, const struct pipe_local *local, void *user, uint64_t ms)
{
	struct pipe *p = pipe_new(l->table, true, conn_peer(l->conn));

	p->local = local;
	p->user = user;
	p->wanted[0] = protocol;
	p->wanted_count = 1;
	p->protocol = protocol;
	pipe_expect(p, ms);
	lane_take(l, p);
	run_queue(l);
}

/* --- what the wire tells ---------------------------------------------------------------------- */

static void pay_opening(struct lane *l, unsigned tokens)
{
	static const struct bucket_size size = {LIMIT_OPENINGS_BURST, LIMIT_OPENINGS_SECOND};

	if (!conn_is_open(l->conn) ||
	    bucket_take(&l->openings, &size, tokens, loop_now(l->table->loop)))
		return;
	conn_set_goaway(l->conn, YAMUX_GOAWAY_RATE);
	conn_close(l->conn, "the peer opens streams too fast");
}

void lane_wasted(struct lane *l)
{
	pay_opening(l, LIMIT_OPENING_WASTED);
}

static bool may_be_opened(const struct lane *l)
{
	return conn_is_open(l->conn) && !l->table->leaving && l->count < LIMIT_STREAMS_CONNECTION &&
	       share_may_open(l->share) && share_may_open(l->address) &&
	       l->table->count < LIMIT_SERVED;
}

static bool on_opened(void *arg, struct yamux_stream *s)
{
	struct lane *l = conn_user(arg);
	struct stream_table *t = l->table;
	struct pipe *p;

	lane_settle(l);
	pay_opening(l, 1);
	if (!may_be_opened(l)) {
		lane_wasted(l);
		return false;
	}
	p = pipe_new(t, false, conn_peer(l->conn));
	p->lane = l;
	l->count++;
	share_opened(l->share);
	share_opened(l->address);
	TAILQ_INSERT_TAIL(&l->pipes, p, entry);
	yamux_set_user(s, p);
	pipe_greet(p, s);
	return true;
}

static void on_data(void *arg, struct yamux_stream *s, void *user, const uint8_t *bytes, size_t n)
{
	struct lane *l = conn_user(arg);

	(void)s;
	lane_settle(l);
	pipe_hear(user, bytes, n);
}

static void on_finished(void *arg, struct yamux_stream *s, void *user)
{
	(void)arg;
	(void)s;
	pipe_heard_end(user);
}

static void on_reset(void *arg, struct yamux_stream *s, void *user, uint32_t code)
{
	struct pipe *p = user;

	(void)s;
	p->wire = NULL;
	if (p->table->leaving && p->bus != NULL)
		return;
	if (!conn_is_open(arg))
		pipe_end(p, 0, STREAM_BROKEN, "the connection to the peer was lost");
	else if (code == YAMUX_CODE_NEGOTIATION)
		pipe_end(p, 0, STREAM_REFUSED, "the peer does not serve this protocol");
	else if (code == YAMUX_CODE_LIMIT || code == YAMUX_CODE_RATE)
		pipe_end(p, 0, STREAM_REFUSED, "the peer has too much to do");
	else if (code == YAMUX_CODE_SHUTDOWN)
		pipe_end(p, 0, STREAM_BROKEN, "the service at the peer is restarting");
	else
		pipe_end(p, 0, STREAM_BROKEN, "the peer reset the stream");
}

static void on_closed(void *arg, struct yamux_stream *s, void *user)
{
	struct pipe *p = user;
	const struct pipe_local *local = p->local;

	(void)arg;
	(void)s;
	p->wire = NULL;
	p->local = NULL;
	if (local != NULL && local->gone != NULL)
		local->gone(p, p->user, NULL);
	pipe_free_if_over(p);
}

static void on_sent(void *arg, struct yamux_stream *s, void *user, size_t n)
{
	struct lane *l = conn_user(arg);
	struct pipe *p;

	(void)s;
	pipe_sent(user, n);
	if (l->stuck == 0)
		return;
	TAILQ_FOREACH (p, &l->pipes, entry)
		if (p->stuck)
			pipe_pump(p);
}

const struct yamux_events lane_events = {
    .opened = on_opened,
    .data = on_data,
    .finished = on_finished,
    .reset = on_reset,
    .closed = on_closed,
    .sent = on_sent,
};

/* --- streams of services ---------------------------------------------------------------------- */

static uint64_t deadline_of(const struct stream_table *t, const struct stream_request *r)
{
	uint64_t ms = r->deadline_ms;

	if (ms == 0 || ms > STREAM_DEADLINE_MS)
		ms = STREAM_DEADLINE_MS;
	return loop_now(t->loop) + ms;
}

const struct stream_events *stream_table_request(struct stream_table *t, struct stream *s,
    const struct stream_request *r, const struct peer_id *peer, struct lane *l, void **user)
{
	struct pipe *p;

	if (t->leaving || t->count >= LIMIT_STREAMS ||
	    (l != NULL && l->count >= LIMIT_STREAMS_CONNECTION))
		return NULL;
	p = pipe_new(t, true, peer);
	p->bus = s;
	p->wanted_count = r->protocol_count;
	memcpy(p->wanted, r->protocols, sizeof p->wanted);
	p->protocol = p->wanted[0];
	p->deadline = deadline_of(t, r);
	p->state = PIPE_WAITING;
	stream_on_credit(s, pipe_on_credit);
	*user = p;
	if (l == NULL) {
		TAILQ_INSERT_TAIL(&t->waiting, p, entry);
		return &pipe_bus_events;
	}
	lane_take(l, p);
	run_queue(l);
	return &pipe_bus_events;
}

void stream_table_reached(struct stream_table *t, struct lane *l)
{
	struct pipe *p, *next;

	for (p = TAILQ_FIRST(&t->waiting); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (!peer_id_equal(&p->peer, conn_peer(l->conn)))
			continue;
		TAILQ_REMOVE(&t->waiting, p, entry);
		lane_take(l, p);
	}
	run_queue(l);
}

void stream_table_unreached(
    struct stream_table *t, const struct peer_id *peer, enum stream_code code, const char *text)
{
	struct pipe *p, *next;

	for (p = TAILQ_FIRST(&t->waiting); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (peer_id_equal(&p->peer, peer))
			pipe_end(p, YAMUX_CODE_NONE, code, text);
	}
}

size_t stream_table_waiting(const struct stream_table *t, const struct peer_id *peer)
{
	const struct pipe *p;
	size_t n = 0;

	TAILQ_FOREACH (p, &t->waiting, entry)
		n += peer_id_equal(&p->peer, peer);
	return n;
}

void stream_table_leave(struct stream_table *t)
{
	t->leaving = true;
}

void stream_table_tick(struct stream_table *t, uint64_t now)
{
	check_list(&t->waiting, now);
}
