#include "svc-transport/pipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-transport/pipe_private.h"

#define TALK_MAX 2048 /* bytes of ours in one step of a negotiation */

struct pipe *pipe_new(struct stream_table *t, bool ours, const struct peer_id *peer)
{
	struct pipe *p = xcalloc(1, sizeof *p);

	p->table = t;
	p->ours = ours;
	p->peer = *peer;
	p->since = p->moved_at = loop_now(t->loop);
	buf_init(&p->held, STREAM_WINDOW_MAX);
	t->count++;
	return p;
}

void pipe_free(struct pipe *p)
{
	struct stream_table *t = p->table;

	if (p->lane != NULL)
		lane_remove(p->lane, p);
	else if (p->state == PIPE_WAITING)
		TAILQ_REMOVE(&t->waiting, p, entry);
	else
		TAILQ_REMOVE(&t->orphans, p, entry);
	if (t->watched == p)
		t->watched = NULL;
	t->count--;
	t->buffered -= p->unsent;
	free(p->talk);
	buf_clear(&p->held);
	free(p);
}

bool pipe_is_owed(const struct pipe *p)
{
	return p->bus == NULL && p->local == NULL && p->wire != NULL &&
	       (buf_len(&p->held) > 0 || !yamux_is_sent(p->wire));
}

void pipe_free_if_over(struct pipe *p)
{
	if (p->wire == NULL && p->bus == NULL && p->local == NULL)
		pipe_free(p);
}

void pipe_lose_bus(struct pipe *p)
{
	if (p->bus != NULL && !p->ours)
		p->table->served[protocol_owner(p->protocol)]--;
	p->bus = NULL;
}

static void end_wire(struct pipe *p, enum yamux_code code)
{
	if (!p->ours)
		lane_wasted(p->lane);
	if (p->wire == NULL)
		return;
	yamux_reset(p->wire, code);
	conn_touch(p->lane->conn);
}

void pipe_end(struct pipe *p, enum yamux_code wire, enum stream_code code, const char *why)
{
	const struct pipe_local *local = p->local;

	if (p->lane != NULL)
		end_wire(p, wire);
	if (p->bus != NULL)
		stream_reset(p->bus, code, why);
	p->wire = NULL;
	pipe_lose_bus(p);
	p->local = NULL;
	if (local != NULL && local->gone != NULL)
		local->gone(p, p->user, why);
	pipe_free(p);
}

/* --- agreeing on a protocol ------------------------------------------------------------------- */

/* Sends and clears `out`. False when there was no room: the pipe is gone, since what follows would
 * be taken for the line that is missing. */
static bool say(struct pipe *p, struct buf *out)
{
	size_t n = buf_len(out);
	bool sent = n == 0 || yamux_write(p->wire, buf_data(out), n) == 0;

	buf_clear(out);
	if (!sent) {
		pipe_end(p, YAMUX_CODE_LIMIT, STREAM_NO_MEMORY,
		    "too much waits to be sent to this peer");
		return false;
	}
	p->overhead += n;
	if (n > 0)
		conn_touch(p->lane->conn);
	return true;
}

/* For what the peer proposes. */
static bool serves(void *arg, const char *id, size_t len)
{
	struct pipe *p = arg;
	struct stream_table *t = p->table;
	enum protocol protocol = protocol_by_id(id, len);
	enum service_id owner;

	if (protocol == PROTOCOL_NONE)
		return false;
	owner = protocol_owner(protocol);
	if (owner != SERVICE_TRANSPORT && t->owner->streams(t->arg, owner) == NULL)
		return false;
	p->crowded = !share_may_serve(p->lane->share, protocol) ||
	             !share_address_may_serve(p->lane->address, protocol);
	p->protocol = protocol;
	return !p->crowded;
}

void pipe_greet(struct pipe *p, struct yamux_stream *wire)
{
	p->wire = wire;
	p->state = PIPE_TALKING;
	p->deadline = p->since + LIMIT_NEGOTIATE_MS;
	p->talk = xcalloc(1, sizeof *p->talk);
	multistream_respond(p->talk, serves, p);
}

/* Data goes along with the proposal when the peer said that it serves it; also when there is only
 * one proposal and nothing is known, since there is nothing else that could be agreed on. */
static const char *sure_of(struct pipe *p)
{
	struct stream_table *t = p->table;
	uint32_t served = 0;
	bool known = t->owner->known(t->arg, p->lane->conn, &served);

	for (size_t i = 0; known && i < p->wanted_count; i++) {
		if ((served & 1u << p->wanted[i]) == 0)
			continue;
		p->protocol = p->wanted[i];
		return protocol_id(p->wanted[i]);
	}
	return !known && p->wanted_count == 1 ? protocol_id(p->wanted[0]) : NULL;
}

static bool propose(struct pipe *p)
{
	const char *ids[STREAM_PROTOCOLS_MAX], *sure = sure_of(p);
	struct buf out;

	for (size_t i = 0; i < p->wanted_count; i++)
		ids[i] = protocol_id(p->wanted[i]);
	buf_init(&out, TALK_MAX);
	p->talk = xcalloc(1, sizeof *p->talk);
	p->lazy = sure != NULL;
	if (p->lazy)
		multistream_propose_lazy(p->talk, sure, &out);
	else
		multistream_propose(p->talk, ids, p->wanted_count, &out);
	return say(p, &out);
}

void pipe_start(struct pipe *p)
{
	p->wire = yamux_open(conn_yamux(p->lane->conn), p);
	if (p->wire == NULL)
		panic("pipe", "a stream was opened that may not be");
	p->state = PIPE_TALKING;
	p->moved_at = loop_now(p->table->loop);
	conn_touch(p->lane->conn);
	if (propose(p))
		pipe_pump(p);
}

/* Each returns false when the pipe is gone. */

static bool begin_local(struct pipe *p)
{
	struct stream_table *t = p->table;

	if (p->local == NULL)
		p->local = t->owner->serve(t->arg, p->lane->conn, p->protocol, &p->user);
	if (p->local == NULL) {
		pipe_end(p, YAMUX_CODE_LIMIT, STREAM_REFUSED, "not served");
		return false;
	}
	if (!p->ours)
		p->deadline = 0;
	t->watched = p;
	if (p->local->begin != NULL)
		p->local->begin(p, p->user);
	return t->watched == p;
}

static bool join_service(struct pipe *p)
{
	struct stream_table *t = p->table;
	enum service_id owner = protocol_owner(p->protocol);
	struct streams *to = t->owner->streams(t->arg, owner);
	struct conn *c = p->lane->conn;

	if (to != NULL && t->served[owner] < LIMIT_SERVED_SERVICE)
		p->bus = stream_open(to, &p->protocol, 1, conn_peer_text(c), conn_remote_text(c),
		    LIMIT_ACCEPT_MS, &pipe_bus_events, p);
	/* The attempt may have been what told of its end. */
	if (p->bus == NULL && t->owner->streams(t->arg, owner) == NULL) {
		pipe_end(p, YAMUX_CODE_SHUTDOWN, STREAM_RESTARTING, "the service has gone");
		return false;
	}
	if (p->bus == NULL) {
		pipe_end(p, YAMUX_CODE_LIMIT, STREAM_REFUSED, "the service has too much to do");
		return false;
	}
	t->served[owner]++;
	stream_on_credit(p->bus, pipe_on_credit);
	p->deadline = 0;
	return true;
}

static bool agreed(struct pipe *p)
{
	struct bytes id = multistream_chosen(p->talk);

	p->protocol = protocol_by_id((const char *)id.data, id.len);
	free(p->talk);
	p->talk = NULL;
	p->state = PIPE_JOINED;
	p->moved_at = loop_now(p->table->loop);
	if (!p->ours) {
		share_agreed(p->lane->share, p->protocol);
		share_agreed(p->lane->address, p->protocol);
	}
	if (protocol_owner(p->protocol) == SERVICE_TRANSPORT)
		return begin_local(p);
	if (!p->ours)
		return join_service(p);
	p->deadline = 0;
	stream_accept(p->bus, p->protocol, conn_remote_text(p->lane->conn));
	pipe_pump(p);
	return true;
}

static void not_agreed(struct pipe *p, enum multistream_result result)
{
	char why[128];

	if (result == MULTISTREAM_REFUSED) {
		snprintf(why, sizeof why, "the peer does not serve %s%s", protocol_id(p->wanted[0]),
		    p->wanted_count > 1 ? " or what replaces it" : "");
		pipe_end(p, YAMUX_CODE_NEGOTIATION, STREAM_REFUSED, why);
	} else if (p->crowded) {
		pipe_end(p, YAMUX_CODE_LIMIT, STREAM_REFUSED, "too many streams");
	} else {
		pipe_end(p, YAMUX_CODE_VIOLATION, STREAM_BROKEN,
		    "the peer does not keep to multistream");
	}
}

void pipe_hear(struct pipe *p, const uint8_t *bytes, size_t n)
{
	enum multistream_result result;
	struct buf out;
	size_t used;

	if (p->talk == NULL) {
		pipe_deliver(p, bytes, n);
		return;
	}
	buf_init(&out, TALK_MAX);
	result = multistream_input(p->talk, bytes, n, &used, &out);
	if (!say(p, &out))
		return;
	pipe_credit(p, used);
	if (p->crowded)
		result = MULTISTREAM_BAD;
	if (result == MULTISTREAM_MORE)
		return;
	if (result != MULTISTREAM_DONE)
		not_agreed(p, result);
	else if (agreed(p) && used < n)
		pipe_deliver(p, bytes + used, n - used);
}

/* --- for protocols of our own ----------------------------------------------------------------- */

void pipe_write(struct pipe *p, const void *bytes, size_t n)
{
	if (p->last || n == 0)
		return;
	if (buf_put(&p->held, bytes, n) != 0)
		panic("pipe", "%zu bytes queued by a protocol of our own", n);
	pipe_pump(p);
}

void pipe_finish(struct pipe *p)
{
	p->last = true;
	pipe_pump(p);
}

void pipe_reset(struct pipe *p, enum yamux_code code, const char *why)
{
	pipe_end(p, code, STREAM_CANCELLED, why);
}

void pipe_credit(struct pipe *p, size_t n)
{
	if (p->wire == NULL)
		return;
	yamux_credit(p->wire, n);
	conn_touch(p->lane->conn);
}

void pipe_expect(struct pipe *p, uint64_t ms)
{
	p->deadline = loop_now(p->table->loop) + ms;
}

struct conn *pipe_conn(const struct pipe *p)
{
	return p->lane->conn;
}
