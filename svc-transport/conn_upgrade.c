/* How a TCP connection becomes a libp2p one: multistream, Noise, and multistream again unless the
 * muxer was agreed on inside the handshake. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "svc-transport/conn_private.h"

#define SECURITY  "/noise"
#define MUXER     "/yamux/1.0.0"
#define PLAIN_MAX 2048 /* bytes of ours while a muxer is chosen */

static void become(struct conn *c, enum conn_phase phase)
{
	c->phase = phase;
	free(c->agreement);
	c->agreement = NULL;
}

static void opened(struct conn *c)
{
	struct conns *cs = c->set;

	if (c->inbound)
		admission_upgraded(cs->admission, &c->place);
	become(c, CONN_OPEN);
	noise_free(c->noise);
	c->noise = NULL;
	c->yamux = yamux_new(!c->inbound, cs->events->streams, c);
	if (log_allowed(&cs->changes, CONN_LINES, "conn"))
		log_info("conn", "%s connected %s %s", c->peer_text, c->inbound ? "from" : "at",
		    c->remote_text);
	cs->events->open(cs->arg, c);
}

static bool offers_security(void *arg, const char *id, size_t len)
{
	(void)arg;
	return len == strlen(SECURITY) && memcmp(id, SECURITY, len) == 0;
}

static bool offers_muxer(void *arg, const char *id, size_t len)
{
	(void)arg;
	return len == strlen(MUXER) && memcmp(id, MUXER, len) == 0;
}

/* Each step of the upgrade takes some bytes; how many, or -1 when the connection is to end. */

static long step_securing(struct conn *c, const uint8_t *p, size_t n)
{
	size_t used;

	switch (multistream_input(c->agreement, p, n, &used, &c->out)) {
	case MULTISTREAM_MORE: return (long)used;
	case MULTISTREAM_DONE: become(c, CONN_PROVING); return (long)used;
	case MULTISTREAM_REFUSED: conn_close(c, "the peer does not speak " SECURITY); return -1;
	case MULTISTREAM_BAD: break;
	}
	conn_close(c, "no libp2p there: multistream was expected");
	return -1;
}

static void propose_muxer(struct conn *c);

static void proved(struct conn *c)
{
	uint8_t sending[NOISE_KEY], receiving[NOISE_KEY];

	c->peer = *noise_peer(c->noise);
	peer_id_to_text(&c->peer, c->peer_text);
	noise_keys(c->noise, sending, receiving);
	record_init_seal(&c->sealing, sending);
	record_init_open(&c->opening, receiving);
	sodium_memzero(sending, sizeof sending);
	sodium_memzero(receiving, sizeof receiving);
	if (noise_agreed_yamux(c->noise))
		opened(c);
	else
		propose_muxer(c);
}

static long step_proving(struct conn *c, const uint8_t *p, size_t n)
{
	size_t used;

	switch (noise_input(c->noise, p, n, &used, &c->out)) {
	case NOISE_MORE: return (long)used;
	case NOISE_DONE: proved(c); return (long)used;
	case NOISE_FAILED: break;
	}
	conn_close(c, "handshake failed: %s", noise_error(c->noise));
	return -1;
}

/* Puts one record with the bytes of `plain` behind what waits. */
static void seal_plain(struct conn *c, struct buf *plain)
{
	struct bytes piece = {buf_data(plain), buf_len(plain)};
	uint8_t *room;
	long n;

	if (piece.len == 0)
		return;
	room = buf_reserve(&c->out, piece.len + RECORD_OVERHEAD);
	n = room != NULL ? record_seal(&c->sealing, &piece, 1, room) : -1;
	if (n < 0)
		conn_close(c, "too much was asked before a muxer was chosen");
	else
		buf_commit(&c->out, (size_t)n);
}

static void propose_muxer(struct conn *c)
{
	static const char *const ids[] = {MUXER};
	struct buf plain;

	become(c, CONN_CHOOSING);
	c->agreement = xcalloc(1, sizeof *c->agreement);
	if (c->inbound) {
		multistream_respond(c->agreement, offers_muxer, c);
		return;
	}
	buf_init(&plain, PLAIN_MAX);
	multistream_propose(c->agreement, ids, 1, &plain);
	seal_plain(c, &plain);
	buf_clear(&plain);
}

void conn_upgrade_plain(struct conn *c, const uint8_t *p, size_t n)
{
	struct buf plain;
	size_t used;
	enum multistream_result result;

	buf_init(&plain, PLAIN_MAX);
	result = multistream_input(c->agreement, p, n, &used, &plain);
	seal_plain(c, &plain);
	buf_clear(&plain);
	if (result == MULTISTREAM_MORE || c->is_dying)
		return;
	if (result != MULTISTREAM_DONE) {
		conn_close(c, "the peer does not speak " MUXER);
		return;
	}
	opened(c);
	if (used < n && yamux_input(c->yamux, p + used, n - used) != 0)
		conn_close(c, "yamux: %s", yamux_error(c->yamux));
}

long conn_upgrade_input(struct conn *c, const uint8_t *p, size_t n)
{
	return c->phase == CONN_SECURING ? step_securing(c, p, n) : step_proving(c, p, n);
}

/* The dialling side proposes Noise and sends its first handshake message right behind that: nothing
 * else could be agreed on, and it saves a round trip. */
void conn_upgrade_begin(struct conn *c)
{
	become(c, CONN_SECURING);
	c->agreement = xcalloc(1, sizeof *c->agreement);
	if (c->inbound)
		multistream_respond(c->agreement, offers_security, c);
	else if (multistream_propose_lazy(c->agreement, SECURITY, &c->out) != 0 ||
		 noise_start(c->noise, &c->out) != 0)
		panic("conn", "a first handshake message does not fit");
}
