/* Streams between a viewer and a transport, and all that happens to them. */
#ifndef TESTS_UNIT_PROTO_STREAM_TESTING_H
#define TESTS_UNIT_PROTO_STREAM_TESTING_H

#include "proto/stream.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "tests/unit/proto/pair.h"
#include "tests/unit/testing.h"

#define MIB (1024 * 1024)

/* One side of a stream, and all that happened to it. */
struct side {
	struct stream *s;
	struct buf got;
	size_t received;
	bool opened, last, closed, was_reset, hold, check;
	unsigned writables, messages;
	enum stream_code code;
	enum protocol protocol;
	char text[STREAM_TEXT_MAX + 1], address[128], peer[128];
	uint32_t passed; /* credit, in pass-through */
	bool reset_in_data;
};

static inline void on_opened(
    struct stream *s, void *user, enum protocol protocol, const char *address)
{
	struct side *d = user;

	assert_ptr_equal(s, d->s);
	assert_false(d->opened);
	d->opened = true;
	d->protocol = protocol;
	snprintf(d->address, sizeof(d->address), "%s", address);
}

static inline uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static inline void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct side *d = user;

	assert_false(d->last);
	if (d->check)
		for (size_t i = 0; i<len; i += len> 64 ? len / 64 : 1)
			assert_int_equal(p[i], pattern(d->received + i));
	d->received += len;
	d->messages++;
	d->last = last;
	if (d->got.max > 0)
		assert_int_equal(buf_put(&d->got, p, len), 0);
	if (d->reset_in_data) {
		stream_reset(s, STREAM_CANCELLED, "enough");
		d->s = NULL;
		return;
	}
	if (!d->hold)
		stream_consumed(s, len);
}

static inline void on_writable(struct stream *s, void *user)
{
	struct side *d = user;

	assert_true(stream_credit(s) > 0);
	d->writables++;
}

static inline void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	struct side *d = user;

	d->was_reset = true;
	d->code = code;
	snprintf(d->text, sizeof(d->text), "%s", text);
	/* Of several incoming streams `in` knows the last. */
	if (s == d->s)
		d->s = NULL;
}

static inline void on_closed(struct stream *s, void *user)
{
	struct side *d = user;

	assert_true(stream_sent_last(s) && stream_got_last(s));
	d->closed = true;
	d->s = NULL;
}

static const struct stream_events events = {
    .opened = on_opened,
    .data = on_data,
    .writable = on_writable,
    .reset = on_reset,
    .closed = on_closed,
};

/* What the other end of the test does with streams that are opened to it. */
static struct side in;
static enum { SERVE, REFUSE, RESET_AT_ONCE, WRITE_AT_ONCE, PASS } manner;
static unsigned incoming_count;

static inline const struct stream_events *on_incoming(void *arg, struct stream *s,
    enum protocol protocol, const char *peer, const char *address, void **user)
{
	(void)arg;
	incoming_count++;
	if (manner == REFUSE)
		return NULL;
	if (manner == RESET_AT_ONCE) {
		stream_reset(s, STREAM_UNREACHABLE, "ipc\xc3\xa9");
		return NULL;
	}
	in.s = s;
	in.protocol = protocol;
	snprintf(in.peer, sizeof(in.peer), "%s", peer);
	snprintf(in.address, sizeof(in.address), "%s", address);
	if (manner == WRITE_AT_ONCE)
		assert_int_equal(stream_write(s, "hello", 5, true), 5);
	*user = &in;
	return &events;
}

static inline void on_credit(struct stream *s, void *user, uint32_t n)
{
	struct side *d = user;

	assert_ptr_equal(s, d->s);
	d->passed += n;
}

static struct stream_request asked;

static inline const struct stream_events *on_request(
    void *arg, struct stream *s, const struct stream_request *request, void **user)
{
	(void)arg;
	incoming_count++;
	if (manner == REFUSE)
		return NULL;
	in.s = s;
	asked = *request;
	snprintf(in.peer, sizeof(in.peer), "%s", request->peer);
	if (manner == PASS)
		stream_on_credit(s, on_credit);
	*user = &in;
	return &events;
}

static bool with_slab;

static inline void begin(struct pair *p)
{
	buf_clear(&in.got);
	memset(&in, 0, sizeof(in));
	incoming_count = 0;
	manner = SERVE;
	memset(p, 0, sizeof(*p));
	p->with_slab = with_slab;
	p->viewer.incoming = on_incoming;
	p->transport.request = on_request;
	pair_begin(p);
}

static inline void end(struct pair *p)
{
	pair_end(p);
	buf_clear(&in.got);
}

/* The transport opens to the viewer, as for a remote peer. */
static inline void open_down(struct pair *p, struct side *out)
{
	const enum protocol site = PROTOCOL_GOOP_SITE;

	memset(out, 0, sizeof(*out));
	out->s = stream_open(p->transport.streams, &site, 1, "12D3KooWRemote",
	    "/ip4/10.0.0.2/tcp/4001", 5000, &events, out);
	assert_non_null(out->s);
}

/* The viewer asks the transport for a stream to a remote peer. */
static inline void open_up(struct pair *p, struct side *out, uint32_t deadline_ms)
{
	const enum protocol wanted[] = {PROTOCOL_GOOP_SITE, PROTOCOL_GOOP_AVATAR};

	memset(out, 0, sizeof(*out));
	out->s = stream_open(
	    p->viewer.streams, wanted, 2, "12D3KooWRemote", "", deadline_ms, &events, out);
	assert_non_null(out->s);
}

/* Writes bytes `from` to `to` of the pattern in pieces, the end with the last, as far as credit
 * goes; returns how far. */
static inline size_t write_pattern(struct stream *s, size_t from, size_t to, size_t piece)
{
	uint8_t *chunk = xmalloc(piece);
	size_t at = from, n, took;

	while (at < to) {
		n = to - at < piece ? to - at : piece;
		for (size_t i = 0; i < n; i++)
			chunk[i] = pattern(at + i);
		took = stream_write(s, chunk, n, at + n == to);
		at += took;
		if (took < n)
			break;
	}
	free(chunk);
	return at;
}

#endif
