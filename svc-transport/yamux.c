#include "svc-transport/yamux.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "svc-transport/yamux_session.h"

#define CREDIT_STEP     (64 * 1024) /* credit that is worth a frame at any time */
#define CREDIT_STEP_LOW 4096        /* and when the peer has hardly any left */

/* --- streams ---------------------------------------------------------------------------------- */

static bool is_ours(const struct yamux *y, uint32_t id)
{
	return (id % 2 == 1) == y->client;
}

static struct yamux_stream *stream_add(struct yamux *y, uint32_t id, void *user)
{
	struct yamux_stream *s = xcalloc(1, sizeof(*s));

	s->session = y;
	s->user = user;
	s->id = id;
	s->ours = is_ours(y, id);
	s->send_window = s->recv_window = YAMUX_WINDOW;
	*(s->ours ? &y->ours : &y->theirs) += 1;
	y->unacked += s->ours;
	map_setn(y->by_id, id, s);
	LIST_INSERT_HEAD(&y->streams, s, all);
	return s;
}

void yamux_bury(struct yamux_stream *s)
{
	struct yamux *y = s->session;

	s->dead = true;
	yamux_schedule(s);
	*(s->ours ? &y->ours : &y->theirs) -= 1;
	y->unacked -= s->ours && !s->acked;
	y->queued -= s->queue.len;
	yamux_queue_drop(&s->queue, &y->spent);
	if (y->body_stream == s)
		y->body_stream = NULL;
	map_removen(y->by_id, s->id);
	LIST_REMOVE(s, all);
	LIST_INSERT_HEAD(&y->graveyard, s, all);
}

void yamux_reap(struct yamux *y)
{
	struct yamux_stream *s, *next;

	yamux_queue_free(&y->spent);
	for (s = LIST_FIRST(&y->graveyard); s != NULL; s = next) {
		next = LIST_NEXT(s, all);
		if (s->lending)
			continue;
		LIST_REMOVE(s, all);
		free(s);
	}
}

void yamux_close_done(struct yamux_stream *s)
{
	struct yamux *y = s->session;

	if (s->dead || !s->got_fin || !s->sent_fin)
		return;
	yamux_bury(s);
	if (y->events->closed != NULL)
		y->events->closed(y->arg, s, s->user);
}

static void stream_lost(struct yamux_stream *s, uint32_t code)
{
	struct yamux *y = s->session;

	yamux_bury(s);
	if (y->events->reset != NULL)
		y->events->reset(y->arg, s, s->user, code);
}

/* The session is over: nothing but this GoAway will be sent any more. */
static void end(struct yamux *y, enum yamux_reason reason, const char *error)
{
	struct yamux_stream *s;

	if (y->ended)
		return;
	y->error = error;
	buf_clear(&y->control);
	yamux_control(y, YAMUX_GOAWAY, 0, 0, reason);
	y->ended = true;
	while ((s = LIST_FIRST(&y->streams)) != NULL)
		stream_lost(s, YAMUX_CODE_SHUTDOWN);
}

static void violation(struct yamux *y, const char *error)
{
	end(y, YAMUX_GOAWAY_PROTOCOL, error);
}

/* --- frames that come in ---------------------------------------------------------------------- */

/* Refusals are no frames of the stream's own: it never comes to be. */
static struct yamux_stream *hear_syn(struct yamux *y, uint32_t id)
{
	struct yamux_stream *s;

	if (y->theirs >= YAMUX_STREAMS_MAX) {
		yamux_control(y, YAMUX_WINDOW_UPDATE, YAMUX_RST, id, YAMUX_CODE_LIMIT);
		return NULL;
	}
	s = stream_add(y, id, NULL);
	/* At once: an opener may have no more than 256 streams that were not acknowledged. */
	yamux_control(y, YAMUX_WINDOW_UPDATE, YAMUX_ACK, id, 0);
	if (!y->events->opened(y->arg, s))
		yamux_reset(s, YAMUX_CODE_LIMIT);
	return s->dead ? NULL : s;
}

static void hear_fin(struct yamux_stream *s)
{
	struct yamux *y = s->session;

	if (s->got_fin)
		return;
	s->got_fin = true;
	if (y->events->finished != NULL)
		y->events->finished(y->arg, s, s->user);
	yamux_close_done(s);
}

static void hear_credit(struct yamux_stream *s, uint32_t n)
{
	struct yamux *y = s->session;

	if (n == 0 || s->sent_fin)
		return;
	/* 64 bits: 2^32 updates of the largest size would not overflow it. */
	s->send_window += n;
	yamux_schedule(s);
	if (y->events->window != NULL)
		y->events->window(y->arg, s, s->user, n);
}

static void hear_window_update(struct yamux_stream *s, const struct yamux_frame *f)
{
	if (f->flags & YAMUX_RST) {
		stream_lost(s, f->length);
		return;
	}
	hear_credit(s, f->length);
	if ((f->flags & YAMUX_FIN) && !s->dead)
		hear_fin(s);
}

static void data_is_over(struct yamux *y)
{
	struct yamux_stream *s = y->body_stream;

	y->body_stream = NULL;
	if (s != NULL && (y->frame.flags & YAMUX_FIN))
		hear_fin(s);
}

static void hear_data(struct yamux_stream *s, const struct yamux_frame *f)
{
	struct yamux *y = s->session;

	if (f->flags & YAMUX_RST) {
		stream_lost(s, YAMUX_CODE_NONE);
		return;
	}
	if (f->length > s->recv_window) {
		violation(y, "more data than the window allows");
		return;
	}
	s->recv_window -= f->length;
	y->body_stream = s;
	if (f->length == 0)
		data_is_over(y);
}

/* The stream that the frame is about, made if it opens one. NULL: nobody's, to be ignored (frames
 * for streams that are over cross with what ended them) or a violation. */
static struct yamux_stream *frame_stream(struct yamux *y, const struct yamux_frame *f)
{
	struct yamux_stream *s = map_getn(y->by_id, f->stream);

	if (f->stream == 0) {
		violation(y, "a stream frame for stream 0");
		return NULL;
	}
	if (f->flags & YAMUX_SYN) {
		if (is_ours(y, f->stream)) {
			violation(y, "a stream was opened with an id of our side");
			return NULL;
		}
		if (s != NULL) {
			violation(y, "a stream was opened twice");
			return NULL;
		}
		return f->flags & YAMUX_RST ? NULL : hear_syn(y, f->stream);
	}
	if (s != NULL && s->ours && !s->acked && (f->flags & YAMUX_ACK)) {
		s->acked = true;
		y->unacked--;
	}
	return s;
}

static void hear_stream_frame(struct yamux *y, const struct yamux_frame *f)
{
	struct yamux_stream *s;

	if (f->type == YAMUX_DATA)
		y->body_left = f->length;
	s = frame_stream(y, f);
	if (s == NULL)
		return;
	if (f->type == YAMUX_DATA)
		hear_data(s, f);
	else
		hear_window_update(s, f);
}

/* An answer counts as anything else that is heard, see yamux_tick(). */
static void hear_ping(struct yamux *y, const struct yamux_frame *f)
{
	if (f->flags & YAMUX_SYN)
		yamux_control(y, YAMUX_PING, YAMUX_ACK, 0, f->length);
}

static void hear_goaway(struct yamux *y, const struct yamux_frame *f)
{
	if (y->remote_goaway)
		return;
	y->remote_goaway = true;
	if (y->events->goaway != NULL)
		y->events->goaway(y->arg, f->length);
}

static void hear_frame(struct yamux *y, const struct yamux_frame *f)
{
	if (f->version != 0) {
		violation(y, "a version other than 0");
		return;
	}
	switch (f->type) {
	case YAMUX_DATA:
	case YAMUX_WINDOW_UPDATE: hear_stream_frame(y, f); break;
	case YAMUX_PING: hear_ping(y, f); break;
	case YAMUX_GOAWAY: hear_goaway(y, f); break;
	default: violation(y, "a frame of unknown type"); break;
	}
}

static size_t hear_head(struct yamux *y, const uint8_t *p, size_t n)
{
	size_t take = YAMUX_HEADER - y->head_len;

	if (take > n)
		take = n;
	memcpy(y->head + y->head_len, p, take);
	y->head_len += take;
	if (y->head_len == YAMUX_HEADER) {
		y->head_len = 0;
		yamux_frame_get(&y->frame, y->head);
		hear_frame(y, &y->frame);
	}
	return take;
}

static size_t hear_body(struct yamux *y, const uint8_t *p, size_t n)
{
	struct yamux_stream *s = y->body_stream;
	size_t take = y->body_left < n ? y->body_left : n;

	y->body_left -= (uint32_t)take;
	/* What comes behind a FIN has no reader; its window is never given back. */
	if (s != NULL && !s->got_fin && y->events->data != NULL)
		y->events->data(y->arg, s, s->user, p, take);
	if (y->body_left == 0)
		data_is_over(y);
	return take;
}

static void check_flood(struct yamux *y)
{
	if (y->flooded)
		violation(y, "control frames were asked for and not read");
}

static int verdict(const struct yamux *y)
{
	return y->error[0] != '\0' ? -1 : 0;
}

int yamux_input(struct yamux *y, const uint8_t *p, size_t n)
{
	if (y->busy)
		panic("yamux", "input called from a callback");
	yamux_reap(y);
	y->heard = true;
	y->busy = true;
	while (n > 0 && !y->ended) {
		size_t took = y->body_left > 0 ? hear_body(y, p, n) : hear_head(y, p, n);

		p += took;
		n -= took;
		check_flood(y);
	}
	y->busy = false;
	return verdict(y);
}

/* --- the session ------------------------------------------------------------------------------ */

struct yamux *yamux_new(bool client, const struct yamux_events *events, void *arg)
{
	struct yamux *y = xcalloc(1, sizeof(*y));

	y->events = events;
	y->arg = arg;
	y->client = client;
	y->error = "";
	y->by_id = map_new();
	y->next_id = client ? 1 : 2;
	y->ping_value = UINT32_MAX; /* the first is 0 */
	buf_init(&y->control, YAMUX_CONTROL_MAX);
	LIST_INIT(&y->streams);
	LIST_INIT(&y->graveyard);
	TAILQ_INIT(&y->ready);
	return y;
}

void yamux_free(struct yamux *y)
{
	struct yamux_stream *s;

	if (y == NULL)
		return;
	while ((s = LIST_FIRST(&y->streams)) != NULL)
		yamux_bury(s);
	LIST_FOREACH (s, &y->graveyard, all)
		s->lending = false;
	yamux_reap(y);
	map_free(y->by_id);
	buf_clear(&y->control);
	free(y);
}

const char *yamux_error(const struct yamux *y)
{
	return y->error;
}

static void ping(struct yamux *y, uint64_t now_ms)
{
	y->pinging = true;
	y->ping_at = now_ms;
	yamux_control(y, YAMUX_PING, YAMUX_SYN, 0, ++y->ping_value);
}

int yamux_tick(struct yamux *y, uint64_t now_ms)
{
	if (y->heard || !y->ticked) {
		y->quiet_since = now_ms;
		/* A ping asks for a sign of life, and any is one. Who never answers, but goes on
		 * sending, is asked anew in the next silence. */
		y->pinging = false;
	}
	y->heard = false;
	y->ticked = true;
	check_flood(y);
	if (y->ended)
		return verdict(y);
	if (!y->pinging && now_ms - y->quiet_since >= YAMUX_PING_AFTER)
		ping(y, now_ms);
	else if (y->pinging && now_ms - y->ping_at >= YAMUX_PING_WAIT)
		end(y, YAMUX_GOAWAY_NORMAL, "no sign of life after a ping");
	return verdict(y);
}

void yamux_close(struct yamux *y, enum yamux_reason reason)
{
	end(y, reason, "");
}

bool yamux_is_over(const struct yamux *y)
{
	return y->ended || y->remote_goaway || y->next_id > UINT32_MAX;
}

bool yamux_may_open(const struct yamux *y)
{
	/* Half of the control queue is kept for what the peer makes us say. */
	return !yamux_is_over(y) && y->ours < YAMUX_STREAMS_MAX && y->unacked < YAMUX_UNACKED_MAX &&
	       buf_room(&y->control) > YAMUX_CONTROL_MAX / 2;
}

struct yamux_stream *yamux_open(struct yamux *y, void *user)
{
	struct yamux_stream *s;

	if (!yamux_may_open(y))
		return NULL;
	s = stream_add(y, (uint32_t)y->next_id, user);
	y->next_id += 2;
	yamux_control(y, YAMUX_WINDOW_UPDATE, YAMUX_SYN, s->id, 0);
	return s;
}

void yamux_reset(struct yamux_stream *s, enum yamux_code code)
{
	if (s->dead)
		return;
	yamux_bury(s);
	yamux_control(s->session, YAMUX_WINDOW_UPDATE, YAMUX_RST, s->id, code);
}

/* A step that the peer can do something with: js-libp2p does not use windows of 12 bytes. It is not
 * held back when the peer has less left than we owe, or both would wait for the other. */
void yamux_credit(struct yamux_stream *s, size_t n)
{
	uint32_t most = UINT32_MAX - s->recv_window - s->owed;

	if (s->dead || s->got_fin)
		return;
	s->owed += n < most ? (uint32_t)n : most;
	if (s->owed < CREDIT_STEP && (s->owed < CREDIT_STEP_LOW || s->owed < s->recv_window))
		return;
	s->recv_window += s->owed;
	yamux_control(s->session, YAMUX_WINDOW_UPDATE, 0, s->id, s->owed);
	s->owed = 0;
}

uint32_t yamux_stream_id(const struct yamux_stream *s)
{
	return s->id;
}

bool yamux_stream_is_ours(const struct yamux_stream *s)
{
	return s->ours;
}

bool yamux_got_fin(const struct yamux_stream *s)
{
	return s->got_fin;
}

bool yamux_sent_fin(const struct yamux_stream *s)
{
	return s->finished;
}

bool yamux_is_sent(const struct yamux_stream *s)
{
	return s->queue.len == 0 && s->finished == s->sent_fin;
}

void yamux_set_user(struct yamux_stream *s, void *user)
{
	s->user = user;
}

size_t yamux_count(const struct yamux *y)
{
	return y->ours + y->theirs;
}
