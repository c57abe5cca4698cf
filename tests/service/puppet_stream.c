#include "tests/service/puppet_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/str.h"

static void on_opened(struct stream *s, void *user, enum protocol protocol, const char *address)
{
	struct puppet_stream *ps = user;

	(void)s;
	ps->opened = true;
	ps->protocol = protocol;
	str_copy(ps->address, sizeof(ps->address), address);
}

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct puppet_stream *ps = user;

	ps->data = xrealloc(ps->data, ps->len + len + 1);
	if (len > 0)
		memcpy(ps->data + ps->len, p, len);
	ps->len += len;
	ps->data[ps->len] = 0;
	ps->last = last;
	if (!ps->hold)
		stream_consumed(s, len);
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	struct puppet_stream *ps = user;

	(void)s;
	ps->s = NULL;
	ps->was_reset = true;
	ps->code = code;
	str_copy(ps->text, sizeof(ps->text), text);
}

static void on_closed(struct stream *s, void *user)
{
	struct puppet_stream *ps = user;

	(void)s;
	ps->s = NULL;
	ps->closed = true;
}

static const struct stream_events stream_events = {
    .opened = on_opened,
    .data = on_data,
    .reset = on_reset,
    .closed = on_closed,
};

static struct puppet_record *record_new(struct puppet_end *end, const char *peer)
{
	struct puppet_record *r = xcalloc(1, sizeof(*r));

	r->stream.end = end;
	r->stream.data = xcalloc(1, 1);
	str_copy(r->stream.peer, sizeof(r->stream.peer), peer);
	TAILQ_INSERT_TAIL(&end->p->streams, r, entry);
	return r;
}

const struct stream_events *puppet_stream_incoming(void *arg, struct stream *s,
    enum protocol protocol, const char *peer, const char *address, void **user)
{
	struct puppet_record *r = record_new(arg, peer);

	r->incoming = true;
	r->stream.s = s;
	r->stream.protocol = r->stream.asked[0] = protocol;
	r->stream.asked_count = 1;
	r->stream.opened = true;
	str_copy(r->stream.address, sizeof(r->stream.address), address);
	*user = &r->stream;
	return &stream_events;
}

const struct stream_events *puppet_stream_request(
    void *arg, struct stream *s, const struct stream_request *request, void **user)
{
	struct puppet_record *r = record_new(arg, request->peer);

	r->incoming = true;
	r->stream.s = s;
	memcpy(r->stream.asked, request->protocols, sizeof(r->stream.asked));
	r->stream.asked_count = request->protocol_count;
	*user = &r->stream;
	return &stream_events;
}

struct puppet_stream *puppet_open(
    struct puppet_end *end, enum protocol protocol, const char *peer, uint32_t deadline_ms)
{
	struct puppet_record *r = record_new(end, peer);

	r->stream.asked[0] = protocol;
	r->stream.asked_count = 1;
	r->stream.s = stream_open(end->streams, &protocol, 1, peer, "/ip4/127.0.0.1/tcp/4001",
	    deadline_ms, &stream_events, &r->stream);
	if (r->stream.s == NULL)
		puppet_give_up(end->p, "the link of %s is down", service_name(end->peer));
	return &r->stream;
}

struct puppet_stream *puppet_next_stream(struct puppet_end *end)
{
	struct puppet_record *r;

	for (uint64_t until = puppet_until_begin(end->p);;) {
		TAILQ_FOREACH (r, &end->p->streams, entry)
			if (r->incoming && r->stream.end == end)
				break;
		if (r != NULL)
			break;
		puppet_until(end->p, until, "a stream from the service", __FILE__, __LINE__);
	}
	r->incoming = false;
	return &r->stream;
}

static void must_be_there(const struct puppet_stream *s)
{
	if (s->s == NULL)
		puppet_give_up(s->end->p, "the stream is over: %s %s",
		    s->was_reset ? stream_code_name(s->code) : "in order", s->text);
}

void puppet_accept(struct puppet_stream *s, enum protocol protocol, const char *address)
{
	must_be_there(s);
	stream_accept(s->s, protocol, address);
	s->opened = true;
	s->protocol = protocol;
	str_copy(s->address, sizeof(s->address), address);
}

void puppet_reset(struct puppet_stream *s, enum stream_code code, const char *text)
{
	must_be_there(s);
	stream_reset(s->s, code, text);
	s->s = NULL;
}

void puppet_write(struct puppet_stream *s, const void *data, size_t len, bool last)
{
	struct puppet *p = s->end->p;
	size_t at = 0;

	for (;;) {
		must_be_there(s);
		at += stream_write(s->s, (const uint8_t *)data + at, len - at, last);
		if (at == len)
			return;
		PUPPET_UNTIL(p, s->s == NULL || stream_credit(s->s) > 0);
	}
}

size_t puppet_read(struct puppet_stream *s, size_t len)
{
	PUPPET_UNTIL(s->end->p, s->len >= len || s->last || s->s == NULL);
	return s->len;
}

void puppet_read_end(struct puppet_stream *s)
{
	PUPPET_UNTIL(s->end->p, s->last || s->s == NULL);
}

enum stream_code puppet_wait_over(struct puppet_stream *s)
{
	PUPPET_UNTIL(s->end->p, s->s == NULL);
	return s->was_reset ? s->code : STREAM_OK;
}
