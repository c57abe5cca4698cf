/* What flows through a pipe once it is known where to. */
#include <string.h>

#include "svc-transport/pipe_private.h"

#define LEND_MIN (16 * 1024) /* from here on, sealing from where it lies is worth a flush */

/* May bytes of this side go to the wire? */
static bool may_send(const struct pipe *p)
{
	return p->wire != NULL && (p->state == PIPE_JOINED || p->lazy);
}

/* js-libp2p can lose a stream whose FIN comes before its muxer is wired. */
static bool may_finish(const struct pipe *p)
{
	return p->state == PIPE_JOINED || (p->lazy && p->lane->settled);
}

static void set_stuck(struct pipe *p, bool stuck)
{
	if (p->stuck == stuck)
		return;
	p->stuck = stuck;
	p->lane->stuck += stuck ? 1 : (size_t)-1;
}

void pipe_pump(struct pipe *p)
{
	size_t n;

	if (!may_send(p))
		return;
	while ((n = buf_len(&p->held)) > 0) {
		if (n > STREAM_PAYLOAD)
			n = STREAM_PAYLOAD;
		if (yamux_write(p->wire, buf_data(&p->held), n) != 0)
			break;
		buf_consume(&p->held, n);
	}
	set_stuck(p, n > 0);
	if (n == 0) {
		buf_clear(&p->held);
		if (p->last && may_finish(p))
			yamux_finish(p->wire);
	}
	conn_touch(p->lane->conn);
}

static void count_unsent(struct pipe *p, ssize_t n)
{
	p->unsent += (size_t)n;
	p->table->buffered += (size_t)n;
	if (p->lane != NULL)
		lane_count_unsent(p->lane, n);
}

void pipe_sent(struct pipe *p, size_t n)
{
	size_t talk = n < p->overhead ? n : p->overhead;

	p->moved_at = loop_now(p->table->loop);
	p->overhead -= talk;
	n -= talk;
	p->bytes_out += n;
	if (n == 0)
		return;
	if (p->local != NULL) {
		if (p->local->sent != NULL)
			p->local->sent(p, p->user, n);
		return;
	}
	count_unsent(p, -(ssize_t)n);
	if (p->bus != NULL)
		stream_consumed(p->bus, n);
}

/* --- from the wire ---------------------------------------------------------------------------- */

void pipe_deliver(struct pipe *p, const uint8_t *bytes, size_t n)
{
	p->bytes_in += n;
	if (p->local != NULL) {
		if (p->local->data != NULL)
			p->local->data(p, p->user, bytes, n);
		return;
	}
	/* The wire's window was opened only as far as the service gave credit. */
	if (p->bus != NULL && stream_write(p->bus, bytes, n, false) < n) {
		log_error("pipe", "more came from a peer than was granted to it");
		pipe_end(p, YAMUX_CODE_VIOLATION, STREAM_VIOLATION, "too much was sent");
	}
}

void pipe_heard_end(struct pipe *p)
{
	if (p->talk != NULL) {
		pipe_end(p, YAMUX_CODE_NEGOTIATION, STREAM_REFUSED,
		    "the peer ended the stream before a protocol was agreed on");
		return;
	}
	if (p->bus != NULL)
		stream_finish(p->bus);
	else if (p->local != NULL && p->local->finished != NULL)
		p->local->finished(p, p->user);
}

/* --- from the service ------------------------------------------------------------------------- */

void pipe_on_credit(struct stream *s, void *user, uint32_t n)
{
	(void)s;
	pipe_credit(user, n);
}

/* Large messages are sealed from where they lie, as far as the socket takes them. */
static bool send_now(struct pipe *p, const uint8_t *bytes, size_t n)
{
	struct yamux_stream *wire = p->wire;

	if (!may_send(p) || buf_len(&p->held) > 0)
		return false;
	if (n < LEND_MIN)
		return yamux_write(wire, bytes, n) == 0;
	if (yamux_lend(wire, bytes, n) != 0)
		return false;
	conn_flush(p->lane->conn);
	yamux_settle(wire);
	return true;
}

/* When too much waits, whoever lets the most wait pays, and not whoever happens to be sent to.
 * False when that is this pipe, which is gone. */
static bool make_room(struct pipe *p, size_t n)
{
	struct stream_table *t = p->table;
	struct pipe *most;
	bool is_there = true;

	while (is_there && n > LIMIT_BUFFERED_TOTAL - t->buffered) {
		most = stream_table_greediest(t);
		is_there = most != NULL && most != p;
		if (log_allowed(&t->given_up, 10, "pipe"))
			log_warn("pipe", "too much waits to be sent: a stream is given up");
		pipe_end(is_there ? most : p, YAMUX_CODE_LIMIT, STREAM_NO_MEMORY,
		    "too much waits to be sent");
	}
	return is_there;
}

static void on_data(struct stream *s, void *user, const uint8_t *bytes, size_t n, bool last)
{
	struct pipe *p = user;

	(void)s;
	if (!make_room(p, n))
		return;
	count_unsent(p, (ssize_t)n);
	p->last = last;
	if (n > 0 && !send_now(p, bytes, n) && buf_put(&p->held, bytes, n) != 0)
		panic("pipe", "a service sent more than its credit");
	if (last || buf_len(&p->held) > 0)
		pipe_pump(p);
	else if (p->lane != NULL)
		conn_touch(p->lane->conn);
}

/* The code tells the peer why, as far as go-libp2p has a number for it. */
static enum yamux_code code_of(enum stream_code code)
{
	switch (code) {
	case STREAM_REFUSED:
	case STREAM_NO_MEMORY: return YAMUX_CODE_LIMIT;
	case STREAM_RESTARTING: return YAMUX_CODE_SHUTDOWN;
	case STREAM_VIOLATION: return YAMUX_CODE_VIOLATION;
	default: return YAMUX_CODE_NONE;
	}
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	struct pipe *p = user;

	(void)s;
	(void)text;
	pipe_lose_bus(p);
	pipe_end(p, code_of(code), code, "");
}

static void on_closed(struct stream *s, void *user)
{
	struct pipe *p = user;

	(void)s;
	pipe_lose_bus(p);
	pipe_free_if_over(p);
}

const struct stream_events pipe_bus_events = {
    .data = on_data, .reset = on_reset, .closed = on_closed};
