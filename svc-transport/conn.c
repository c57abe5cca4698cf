#include "svc-transport/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-transport/conn_private.h"
#include "svc-transport/tcp.h"

#define GATHER_MAX (16 * 1024) /* of what waits, copied to go with what is sealed */
#define BATCHES    4           /* of one flush; then others have their turn */

void conn_close(struct conn *c, const char *format, ...)
{
	va_list ap;

	if (c->is_dying)
		return;
	va_start(ap, format);
	vsnprintf(c->why, sizeof c->why, format, ap);
	va_end(ap);
	c->is_dying = true;
	TAILQ_INSERT_TAIL(&c->set->dying, c, dying);
	loop_again(c->set->loop);
}

void conn_set_goaway(struct conn *c, enum yamux_reason reason)
{
	c->goaway = reason;
}

bool conn_is_handshake(const struct conn *c)
{
	return c->inbound && c->phase < CONN_OPEN;
}

static void watch_for(struct conn *c, int events)
{
	if (c->watched == events)
		return;
	c->watched = events;
	watch_set(c->watch, events);
}

static void conn_free(struct conn *c)
{
	struct conns *cs = c->set;

	if (c->is_touched)
		TAILQ_REMOVE(&cs->touched, c, touched);
	TAILQ_REMOVE(&cs->dying, c, dying);
	TAILQ_REMOVE(&cs->all, c, all);
	admission_leave(cs->admission, &c->place, conn_is_handshake(c));
	watch_free(c->watch);
	tcp_close(c->fd);
	yamux_free(c->yamux);
	noise_free(c->noise);
	free(c->agreement);
	record_clear(&c->opening);
	record_clear(&c->sealing);
	buf_clear(&c->in);
	buf_clear(&c->out);
	free(c);
}

static void tell_end(struct conn *c)
{
	struct conns *cs = c->set;
	bool was_open = c->phase >= CONN_OPEN;

	if (was_open && log_allowed(&cs->changes, CONN_LINES, "conn"))
		log_info("conn", "%s at %s: %s", c->peer_text, c->remote_text, c->why);
	else if (!was_open && log_allowed(&cs->failures, 20, "conn"))
		log_info("conn", "%s %s: %s", c->inbound ? "from" : "to", c->remote_text, c->why);
}

void conn_end(struct conn *c)
{
	if (c->yamux != NULL) {
		yamux_close(c->yamux, c->goaway);
		conn_flush(c);
	}
	tell_end(c);
	c->set->events->closed(c->set->arg, c, c->why);
	conn_free(c);
}

void conn_touch(struct conn *c)
{
	if (c->is_touched || c->blocked || c->yamux == NULL || !yamux_has_output(c->yamux))
		return;
	c->is_touched = true;
	TAILQ_INSERT_TAIL(&c->set->touched, c, touched);
	loop_again(c->set->loop);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Writes; what the socket does not take is kept in `out`, which is empty or where `p` lies. Returns
 * false when the connection is broken. */
static bool write_out(struct conn *c, const uint8_t *p, size_t n)
{
	char why[TCP_WHY];
	bool kept = buf_len(&c->out) > 0;
	long w = n > 0 ? tcp_write(c->fd, p, n, why) : 0;

	if (w == TCP_BROKEN) {
		conn_close(c, "connection lost: %s", why);
		return false;
	}
	if (w > 0) {
		c->bytes_out += (size_t)w;
		c->set->moved += (size_t)w;
		c->moved_at = loop_now(c->set->loop);
	} else {
		w = 0;
	}
	if (kept)
		buf_consume(&c->out, (size_t)w);
	else if ((size_t)w < n && buf_put(&c->out, p + w, n - (size_t)w) != 0)
		panic("conn", "more ciphertext than fits");
	return true;
}

/* Seals what yamux has into the shared buffer from `used` on. Returns how far it is filled. */
static size_t seal_some(struct conn *c, size_t used)
{
	struct bytes pieces[YAMUX_PIECES_MAX];
	size_t count;
	long n;

	while (used < LIMIT_OUT_SOFT &&
	       (count = yamux_output(c->yamux, RECORD_PLAIN_MAX, pieces)) > 0) {
		n = record_seal(&c->sealing, pieces, count, c->set->seal + used);
		if (n < 0) {
			conn_close(c, "the keys of this connection are used up");
			break;
		}
		used += (size_t)n;
	}
	return used;
}

/* One write of what waits and of what yamux has. Returns true when there may be more to do. */
static bool flush_batch(struct conn *c)
{
	size_t used = buf_len(&c->out);

	if (used > GATHER_MAX || c->yamux == NULL)
		return used > 0 && write_out(c, buf_data(&c->out), used) && buf_len(&c->out) == 0 &&
		       c->yamux != NULL;
	if (used > 0) {
		memcpy(c->set->seal, buf_data(&c->out), used);
		buf_consume(&c->out, used);
	}
	used = seal_some(c, used);
	return used > 0 && write_out(c, c->set->seal, used) && buf_len(&c->out) == 0;
}

void conn_flush(struct conn *c)
{
	if (c->phase == CONN_CONNECTING || c->blocked)
		return;
	for (int i = 0; i < BATCHES && flush_batch(c); i++)
		;
	c->blocked = buf_len(&c->out) > 0;
	if (!c->blocked) {
		buf_clear(&c->out);
		c->moved_at = loop_now(c->set->loop);
		conn_touch(c);
	}
	watch_for(c, WATCH_READ | (c->blocked ? WATCH_WRITE : 0));
	if (c->phase == CONN_LEAVING && !c->blocked && !yamux_has_output(c->yamux))
		tcp_finish(c->fd);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* One record; 0 when it is not all there. */
static long record_input(struct conn *c, uint8_t *p, size_t n)
{
	long size = record_size(p, n), plain;

	if (size < 0) {
		conn_close(c, "a record is too short");
		return -1;
	}
	if (size == 0 || (size_t)size > n)
		return 0;
	plain = record_open(&c->opening, p, (size_t)size, p + RECORD_HEADER);
	if (plain < 0) {
		conn_close(c, "a record is forged");
		return -1;
	}
	if (c->phase < CONN_OPEN)
		conn_upgrade_plain(c, p + RECORD_HEADER, (size_t)plain);
	else if (yamux_input(c->yamux, p + RECORD_HEADER, (size_t)plain) != 0)
		conn_close(c, "yamux: %s", yamux_error(c->yamux));
	return size;
}

/* Handles what was read; keeps the rest, which is less than a record. */
static void digest(struct conn *c, uint8_t *p, size_t n)
{
	long used = 1;

	while (n > 0 && used > 0 && !c->is_dying) {
		used =
		    c->phase < CONN_CHOOSING ? conn_upgrade_input(c, p, n) : record_input(c, p, n);
		if (used > 0) {
			p += used;
			n -= (size_t)used;
		}
	}
	if (!c->is_dying && n > 0 && buf_put(&c->in, p, n) != 0)
		conn_close(c, "more than a record is left over");
}

static void conn_read(struct conn *c)
{
	uint8_t *in = c->set->in;
	size_t kept = buf_len(&c->in);
	char why[TCP_WHY];
	long n;

	if (kept > 0)
		memcpy(in, buf_data(&c->in), kept);
	n = tcp_read(c->fd, in + kept, LIMIT_READ_TURN, why);
	if (n == TCP_AGAIN)
		return;
	if (n == TCP_BROKEN) {
		conn_close(c, "connection lost: %s", why);
		return;
	}
	if (n == 0) {
		conn_close(c, "%s",
		    c->phase == CONN_LEAVING ? "this peer is stopping"
		    : c->phase == CONN_OPEN  ? "the peer closed the connection"
					     : "closed by the other side while connecting");
		return;
	}
	c->bytes_in += (size_t)n;
	c->set->moved += (size_t)n;
	buf_clear(&c->in);
	digest(c, in, kept + (size_t)n);
	if (conn_is_open(c))
		c->set->events->turn_over(c->set->arg, c);
	if (c->phase != CONN_OPEN || buf_len(&c->out) > 0)
		conn_flush(c);
	else
		conn_touch(c);
}

/* --- leaving ---------------------------------------------------------------------------------- */

void conn_leave(struct conn *c)
{
	if (c->is_dying || c->phase == CONN_LEAVING)
		return;
	if (c->phase < CONN_OPEN) {
		conn_close(c, "this peer is stopping");
		return;
	}
	c->phase = CONN_LEAVING;
	yamux_close(c->yamux, c->goaway);
	conn_flush(c);
}

/* Closing at once would do, were it not that TCP throws away what the peer has not acknowledged
 * when something comes for a socket that is gone, and a peer that reads does send: windows. */
void conn_check_leaving(struct conn *c)
{
	uint64_t before = c->acked;

	if (tcp_delivered(c->fd, &c->acked))
		conn_close(c, "this peer is stopping");
	else if (c->acked == before)
		conn_close(c, "this peer is stopping, the other does not read");
}

/* --- beginning -------------------------------------------------------------------------------- */

static void connected(struct conn *c)
{
	char why[TCP_WHY];

	if (tcp_connected(c->fd, why) != 0) {
		conn_close(c, "%s", why);
		return;
	}
	c->set->events->connected(c->set->arg, c);
	conn_upgrade_begin(c);
	conn_flush(c);
}

static void ready(void *arg, int events)
{
	struct conn *c = arg;

	if (c->is_dying)
		return;
	if (c->phase == CONN_CONNECTING) {
		connected(c);
		return;
	}
	if ((events & WATCH_WRITE) != 0) {
		c->blocked = false;
		conn_flush(c);
	}
	if ((events & WATCH_READ) != 0 && !c->is_dying)
		conn_read(c);
}

struct conn *conn_new(struct conns *cs, int fd, bool inbound, const struct sockaddr *remote,
    const struct peer_id *expected)
{
	struct conn *c = xcalloc(1, sizeof *c);

	c->set = cs;
	c->fd = fd;
	c->inbound = inbound;
	c->since = c->moved_at = loop_now(cs->loop);
	c->place = admission_key_of(remote);
	if (multiaddr_from_sockaddr(&c->remote, remote) == 0)
		multiaddr_to_text(&c->remote, c->remote_text);
	if (expected != NULL) {
		c->peer = *expected;
		peer_id_to_text(expected, c->peer_text);
	}
	buf_init(&c->in, RECORD_MAX);
	buf_init(&c->out, CONN_SEAL);
	c->noise = noise_new(cs->self, !inbound, expected);
	c->watch = watch_new(cs->loop, fd, ready, c);
	admission_enter(cs->admission, &c->place, inbound, c->since);
	TAILQ_INSERT_TAIL(&cs->all, c, all);
	if (inbound)
		conn_upgrade_begin(c);
	watch_for(c, inbound ? WATCH_READ : WATCH_WRITE);
	return c;
}

/* --- questions -------------------------------------------------------------------------------- */

bool conn_is_open(const struct conn *c)
{
	return c->phase == CONN_OPEN && !c->is_dying;
}

bool conn_is_inbound(const struct conn *c)
{
	return c->inbound;
}

const struct peer_id *conn_peer(const struct conn *c)
{
	return &c->peer;
}

const char *conn_peer_text(const struct conn *c)
{
	return c->peer_text;
}

const struct multiaddr *conn_remote(const struct conn *c)
{
	return &c->remote;
}

const char *conn_remote_text(const struct conn *c)
{
	return c->remote_text;
}

const struct admission_key *conn_place(const struct conn *c)
{
	return &c->place;
}

struct yamux *conn_yamux(const struct conn *c)
{
	return c->yamux;
}

void *conn_arg(const struct conn *c)
{
	return c->set->arg;
}

void *conn_user(const struct conn *c)
{
	return c->user;
}

void conn_set_user(struct conn *c, void *user)
{
	c->user = user;
}

uint64_t conn_since(const struct conn *c)
{
	return c->since;
}

uint64_t conn_bytes_in(const struct conn *c)
{
	return c->bytes_in;
}

uint64_t conn_bytes_out(const struct conn *c)
{
	return c->bytes_out;
}
