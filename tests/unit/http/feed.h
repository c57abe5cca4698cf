/* A stream of events on a server, and what it says of its subscribers. */
#ifndef TESTS_UNIT_HTTP_FEED_H
#define TESTS_UNIT_HTTP_FEED_H

#include "http/http_sse.h"

#include "base/buf.h"
#include "http/http_answer.h"
#include "http/http_listen.h"
#include "http/http_request.h"
#include "http/http_server.h"
#include "tests/unit/http/client.h"

#define RING      16384
#define HOUR      3600000
#define MANY      300 /* more than one slice of a round */
#define EVENT_MAX (2 * 1024 * 1024)

struct feed {
	struct loop *loop;
	struct http_server *server;
	struct http_sse *sse;
	struct http_sse_text *opening;
	const struct http_sse_start *start; /* NULL: from now on */
	uint16_t port;
	void *gone;
	uint64_t gone_at;
	bool gone_slow;
	size_t taken;
	unsigned delivered;
	size_t event; /* of what is told, bytes */
};

static inline void subscribe(void *arg, struct http_request *r)
{
	struct feed *f = arg;

	const struct http_sse_start now = {.opening = f->opening, .from = http_sse_place(f->sse)};

	http_sse_subscribe(f->sse, r, f->start != NULL ? f->start : &now);
}

static inline void note_gone(void *arg, void *tag, uint64_t at, bool slow)
{
	struct feed *f = arg;

	f->gone = tag;
	f->gone_at = at;
	f->gone_slow = slow;
}

static inline void note_taken(void *arg, void *tag, size_t n)
{
	struct feed *f = arg;

	(void)tag;
	f->taken += n;
}

static inline void note_delivered(void *arg, uint64_t us)
{
	struct feed *f = arg;

	(void)us;
	f->delivered++;
}

/* Event number *at + 1. */
static inline bool tell(void *arg, uint64_t *at, uint64_t last, struct buf *out)
{
	struct feed *f = arg;
	size_t begin = buf_len(out);
	char *filler;

	if (*at == last)
		return false;
	buf_putf(out, "data: %llu ", (unsigned long long)++*at);
	filler = (char *)buf_reserve(out, f->event);
	memset(filler, 'f', f->event);
	buf_commit(out, f->event - (buf_len(out) - begin) - 2);
	assert_int_equal(buf_puts(out, "\n\n"), 0);
	return true;
}

static const struct http_route routes[] = {{"GET", "/events", 0, subscribe}};

static inline int set_up_with(
    void **state, uint32_t collect_ms, uint32_t ping_ms, unsigned subscribers)
{
	struct feed *f = calloc(1, sizeof(*f));
	struct http_address a;
	char error[HTTP_LISTEN_ERROR];
	const struct http_sse_config sse = {.ring = RING,
	    .collect_ms = collect_ms,
	    .ping_ms = ping_ms,
	    .subscribers = subscribers,
	    .keep = true,
	    .gone = note_gone,
	    .taken = note_taken,
	    .delivered = note_delivered,
	    .tell = tell,
	    .tell_max = EVENT_MAX,
	    .arg = f};
	/* The small pool that many subscribers need. */
	const struct http_server_config config = {.routes = routes,
	    .route_count = 1,
	    .arg = f,
	    .pool = 2048,
	    .connections = 100,
	    .header_ms = 60000,
	    .body_ms = 60000,
	    .idle_ms = 60000,
	    .stall_ms = 60000};
	int fd;

	assert_int_equal(http_listen_parse("test", "127.0.0.1:0", &a, error), 0);
	fd = http_listen_open("test", &a, error);
	f->port = a.port;
	f->loop = loop_new();
	f->server = http_server_new(f->loop, fd, &config);
	f->sse = http_sse_new(f->loop, &sse);
	*state = f;
	return 0;
}

static inline int set_up(void **state)
{
	return set_up_with(state, 0, 60000, 3);
}

static inline int set_up_collecting(void **state)
{
	return set_up_with(state, HOUR, 2 * HOUR, 3);
}

static inline int set_up_pinging(void **state)
{
	return set_up_with(state, 0, 10, 3);
}

static inline int set_up_many(void **state)
{
	return set_up_with(state, 0, HOUR, MANY);
}

static inline int tear_down(void **state)
{
	struct feed *f = *state;

	http_server_free(f->server);
	http_sse_free(f->sse);
	http_sse_text_drop(f->opening);
	loop_free(f->loop);
	free(f);
	return 0;
}

static inline void join(struct feed *f, struct client *c)
{
	unsigned before = http_sse_count(f->sse);

	client_open(c, f->port);
	client_send(c, "GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
	while (http_sse_count(f->sse) == before)
		loop_turn(f->loop, 10);
}

static inline void say(struct feed *f, const char *text)
{
	http_sse_send(f->sse, text, strlen(text));
}

#endif
