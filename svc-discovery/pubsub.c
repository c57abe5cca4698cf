#include "svc-discovery/pubsub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "svc-discovery/drafts.h"
#include "svc-discovery/gossip_rpc.h"

/* A connected peer. */
struct row {
	struct pubsub *owner;
	struct peer_id peer;
	char text[PEER_ID_TEXT];
	bool speaks;
	struct stream *out, *in; /* NULL: none */
};

struct pubsub {
	const struct pubsub_events *events;
	void *arg;
	struct loop *loop;
	const char *topic;
	struct peer_id self;
	struct gossip *gossip;   /* from the first pubsub_begin() on */
	struct streams *streams; /* NULL: no transport */
	struct timer *tick;
	struct map *rows; /* by peer id */
	struct drafts drafts;
	bool finishing;
};

static uint64_t now_of(const struct pubsub *p)
{
	return loop_now(p->loop);
}

static struct row *row_find(const struct pubsub *p, const struct peer_id *peer)
{
	return map_get(p->rows, peer->bytes, peer->len);
}

static struct row *row_for(struct pubsub *p, const struct peer_id *peer)
{
	struct row *row = row_find(p, peer);

	if (row != NULL)
		return row;
	row = xcalloc(1, sizeof *row);
	row->owner = p;
	row->peer = *peer;
	peer_id_to_text(peer, row->text);
	map_set(p->rows, peer->bytes, peer->len, row);
	return row;
}

/* The stream lives on until it has ended, but is none of ours any more. */
static void disown(struct stream **at)
{
	if (*at != NULL)
		stream_set_user(*at, NULL);
	*at = NULL;
}

static void drop(struct stream **at, enum stream_code code, const char *why)
{
	struct stream *s = *at;

	disown(at);
	if (s != NULL)
		stream_reset(s, code, why);
}

static void row_free(struct pubsub *p, struct row *row, const char *why)
{
	drop(&row->out, STREAM_CANCELLED, why);
	drop(&row->in, STREAM_CANCELLED, why);
	if (p->gossip != NULL)
		gossip_peer_down(p->gossip, &row->peer, now_of(p));
	map_remove(p->rows, row->peer.bytes, row->peer.len);
	free(row);
}

static void finish_check(struct pubsub *p)
{
	struct row *row;

	if (!p->finishing)
		return;
	MAP_FOREACH (p->rows, at, row)
		if (row->out != NULL)
			return;
	p->finishing = false;
	p->events->finished(p->arg);
}

/* --- our stream ------------------------------------------------------------------------------- */

static void out_over(struct row *row)
{
	struct pubsub *p = row->owner;

	disown(&row->out);
	gossip_out_closed(p->gossip, &row->peer, now_of(p));
	finish_check(p);
}

static void out_opened(struct stream *s, void *user, enum protocol protocol, const char *address)
{
	struct row *row = user;
	enum gossip_protocol spoken = GOSSIP_FLOODSUB;

	(void)s;
	(void)address;
	if (row == NULL)
		return;
	if (protocol == PROTOCOL_MESHSUB_11)
		spoken = GOSSIP_MESHSUB_11;
	else if (protocol == PROTOCOL_MESHSUB_10)
		spoken = GOSSIP_MESHSUB_10;
	gossip_out_opened(row->owner->gossip, &row->peer, spoken, now_of(row->owner));
}

/* Nothing is to come here; when the peer ends its direction, it reads no more. */
static void out_data(struct stream *s, void *user, const uint8_t *data, size_t len, bool last)
{
	struct row *row = user;

	(void)data;
	stream_consumed(s, len);
	if (row == NULL || !last || row->owner->finishing)
		return;
	drop(&row->out, STREAM_CANCELLED, "the peer reads no more");
	gossip_out_closed(row->owner->gossip, &row->peer, now_of(row->owner));
}

static void out_writable(struct stream *s, void *user)
{
	struct row *row = user;

	(void)s;
	if (row != NULL)
		gossip_out_writable(row->owner->gossip, &row->peer, now_of(row->owner));
}

static void out_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	struct row *row = user;

	(void)s;
	if (row == NULL)
		return;
	log_debug("pubsub", "stream to %s: %s: %s", row->text, stream_code_name(code), text);
	out_over(row);
}

static void out_closed(struct stream *s, void *user)
{
	(void)s;
	if (user != NULL)
		out_over(user);
}

static const struct stream_events out_events = {
    .opened = out_opened,
    .data = out_data,
    .writable = out_writable,
    .reset = out_reset,
    .closed = out_closed,
};

/* --- the peer's stream ------------------------------------------------------------------------ */

static void in_over(struct row *row)
{
	disown(&row->in);
	gossip_in_closed(row->owner->gossip, &row->peer, now_of(row->owner));
}

static void in_data(struct stream *s, void *user, const uint8_t *data, size_t len, bool last)
{
	struct row *row = user;
	struct pubsub *p;

	stream_consumed(s, len);
	if (row != NULL) {
		p = row->owner;
		if (gossip_in_data(p->gossip, &row->peer, data, len, now_of(p)) < 0) {
			drop(&row->in, STREAM_VIOLATION, "not pubsub");
			return;
		}
		if (last)
			in_over(row);
	}
	if (last)
		stream_finish(s);
}

static void in_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	(void)s;
	(void)code;
	(void)text;
	if (user != NULL)
		in_over(user);
}

static const struct stream_events in_events = {.data = in_data, .reset = in_reset};

const struct stream_events *pubsub_incoming(
    struct pubsub *p, struct stream *s, const char *peer, void **user)
{
	struct peer_id id;
	struct row *row;
	bool known;

	if (p->streams == NULL || p->finishing || peer_id_from_text(&id, peer, strlen(peer)) < 0)
		return NULL;
	known = row_find(p, &id) != NULL;
	/* The core wants the row: it may open our stream at once. */
	row = row_for(p, &id);
	drop(&row->in, STREAM_CANCELLED, "a newer stream has come");
	if (gossip_in_opened(p->gossip, &id, now_of(p)) < 0) {
		if (!known)
			row_free(p, row, "it is not wanted");
		return NULL;
	}
	row->in = s;
	*user = row;
	return &in_events;
}

/* --- what the core says ----------------------------------------------------------------------- */

static int on_open(void *arg, const struct peer_id *peer)
{
	static const enum protocol protocols[] = {
	    PROTOCOL_MESHSUB_11, PROTOCOL_MESHSUB_10, PROTOCOL_FLOODSUB};
	struct pubsub *p = arg;
	struct row *row = row_find(p, peer);

	if (row == NULL || p->streams == NULL || p->finishing)
		return -1;
	row->out = stream_open(p->streams, protocols, sizeof protocols / sizeof *protocols,
	    row->text, "", PUBSUB_OPEN_MS, &out_events, row);
	return row->out != NULL ? 0 : -1;
}

static size_t on_send(void *arg, const struct peer_id *peer, const uint8_t *data, size_t n)
{
	struct row *row = row_find(arg, peer);

	return row != NULL && row->out != NULL ? stream_write(row->out, data, n, false) : 0;
}

static void on_reset(void *arg, const struct peer_id *peer)
{
	struct row *row = row_find(arg, peer);

	if (row != NULL)
		drop(&row->out, STREAM_CANCELLED, "the peer does not read");
}

static void on_refuse(void *arg, const struct peer_id *peer)
{
	struct row *row = row_find(arg, peer);

	if (row != NULL)
		drop(&row->in, STREAM_VIOLATION, "an RPC that does not end");
}

static enum gossip_verdict on_message(void *arg, const struct peer_id *sender,
    const struct peer_id *from, const char *topic, struct bytes data)
{
	struct pubsub *p = arg;

	(void)topic;
	return p->events->heard(p->arg, from, peer_id_equal(sender, from), data);
}

static void on_joined(void *arg, const struct peer_id *peer, const char *topic)
{
	struct pubsub *p = arg;

	(void)peer;
	(void)topic;
	p->events->newcomer(p->arg);
}

static const struct gossip_events gossip_events = {
    .open = on_open,
    .send = on_send,
    .reset = on_reset,
    .refuse = on_refuse,
    .message = on_message,
    .joined = on_joined,
};

/* --- publishing ------------------------------------------------------------------------------- */

static void draft_end(struct pubsub *p, const struct draft *d)
{
	drafts_remove(&p->drafts, d->request);
	if (drafts_empty(&p->drafts))
		p->events->published(p->arg);
}

static void drafts_end(struct pubsub *p, uint64_t now)
{
	if (drafts_empty(&p->drafts))
		return;
	drafts_expire(&p->drafts, now);
	if (drafts_empty(&p->drafts))
		p->events->published(p->arg);
}

void pubsub_publish(struct pubsub *p, const void *data, size_t len)
{
	const struct draft *d = NULL;

	if (p->streams != NULL)
		d = drafts_add(&p->drafts, gossip_next_seqno(p->gossip), data, len, now_of(p));
	if (d == NULL)
		log_warn("pubsub", "a message is dropped: nobody signs");
	else if (p->events->sign(p->arg, d->request, d->seqno, d->data) < 0)
		draft_end(p, d);
}

void pubsub_signed(struct pubsub *p, uint32_t request, struct bytes signature)
{
	const struct draft *d = drafts_find(&p->drafts, request);

	if (d == NULL)
		return;
	if (gossip_publish(p->gossip, p->topic, d->seqno, d->data, signature, now_of(p)) < 0)
		log_warn("pubsub", "a message of %zu bytes is not published", d->data.len);
	draft_end(p, d);
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void on_tick(void *arg)
{
	struct pubsub *p = arg;

	drafts_end(p, now_of(p));
	gossip_tick(p->gossip, now_of(p));
}

struct pubsub *pubsub_new(
    struct loop *loop, const char *topic, const struct pubsub_events *events, void *arg)
{
	struct pubsub *p;

	if (strlen(topic) == 0 || strlen(topic) > GOSSIP_TOPIC_MAX) {
		log_error("pubsub", "presence.topic: expected 1 to %d bytes", GOSSIP_TOPIC_MAX);
		return NULL;
	}
	p = xcalloc(1, sizeof *p);
	p->loop = loop;
	p->topic = topic;
	p->events = events;
	p->arg = arg;
	p->rows = map_new();
	p->tick = timer_new(loop, on_tick, p);
	return p;
}

void pubsub_free(struct pubsub *p)
{
	struct row *row;

	if (p == NULL)
		return;
	MAP_FOREACH (p->rows, at, row) {
		drop(&row->out, STREAM_CANCELLED, "the service ends");
		drop(&row->in, STREAM_CANCELLED, "the service ends");
		free(row);
	}
	map_free(p->rows);
	drafts_expire(&p->drafts, UINT64_MAX);
	gossip_free(p->gossip);
	timer_free(p->tick);
	free(p);
}

static void gossip_begin(struct pubsub *p)
{
	struct gossip_config config = {.self = p->self, .events = &gossip_events, .arg = p};

	if (getrandom(&config.random, sizeof config.random, 0) != (ssize_t)sizeof config.random)
		fatal("pubsub", "getrandom: %s", strerror(errno));
	/* Greater than in any earlier life: receivers may refuse what is not. */
	config.seqno = (uint64_t)clock_wall_ms() * 1000000;
	gossip_free(p->gossip);
	p->gossip = gossip_new(&config);
	if (gossip_join(p->gossip, p->topic, now_of(p)) < 0)
		panic("pubsub", "the topic was found good before");
}

void pubsub_begin(struct pubsub *p, const struct peer_id *self, struct streams *streams)
{
	struct row *row;

	p->streams = streams;
	if (p->gossip == NULL || !peer_id_equal(self, &p->self)) {
		p->self = *self;
		gossip_begin(p);
	}
	timer_repeat(p->tick, GOSSIP_HEARTBEAT_MS);
	MAP_FOREACH (p->rows, at, row)
		if (row->speaks)
			gossip_peer_up(p->gossip, &row->peer, now_of(p));
}

void pubsub_end(struct pubsub *p)
{
	struct row *row;

	p->streams = NULL;
	MAP_FOREACH (p->rows, at, row)
		row_free(p, row, "the transport is gone");
	timer_stop(p->tick);
	drafts_end(p, UINT64_MAX);
	finish_check(p);
}

void pubsub_up(struct pubsub *p, const struct peer_id *peer, bool speaks)
{
	struct row *row = row_for(p, peer);

	if (!speaks || row->speaks)
		return;
	row->speaks = true;
	if (p->gossip != NULL)
		gossip_peer_up(p->gossip, peer, now_of(p));
}

void pubsub_down(struct pubsub *p, const struct peer_id *peer)
{
	struct row *row = row_find(p, peer);

	if (row == NULL)
		return;
	row_free(p, row, "the peer is gone");
	finish_check(p);
}

void pubsub_finish(struct pubsub *p)
{
	struct row *row;

	p->finishing = true;
	MAP_FOREACH (p->rows, at, row)
		if (row->out != NULL)
			stream_finish(row->out);
	finish_check(p);
}

bool pubsub_connected(const struct pubsub *p, const struct peer_id *peer)
{
	return row_find(p, peer) != NULL;
}

struct pubsub_count pubsub_counted(const struct pubsub *p)
{
	struct pubsub_count c = {.connected = map_count(p->rows)};

	if (p->gossip != NULL) {
		c.reach = gossip_reach(p->gossip, p->topic, now_of(p));
		c.gossip = gossip_counted(p->gossip);
	}
	return c;
}
