/* A site on the server, with a handler for each way to answer. */
#ifndef TESTS_UNIT_HTTP_SITE_H
#define TESTS_UNIT_HTTP_SITE_H

#include "http/http_server.h"

#include "base/buf.h"
#include "http/http_answer.h"
#include "http/http_listen.h"
#include "http/http_request.h"
#include "http/http_sse.h"
#include "tests/unit/http/client.h"

#define BIG         (3u * 1024 * 1024)
#define CONNECTIONS 100
#define BUDGET      20000 /* of bodies */

struct site {
	struct loop *loop;
	struct http_server *server;
	uint16_t port;
	struct http_request *held; /* whose handler has not answered */
	struct http_request *streamed;
	uint64_t available; /* bytes of the stream that are there */
	uint64_t handed_out;
	size_t largest_piece;
	struct http_sse_text *shared;
	unsigned fills, gated, done, given;
	bool fail;
	char over[64];
};

static inline void on_done(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->done++;
	if (s->held == r)
		s->held = NULL;
	if (s->streamed == r)
		s->streamed = NULL;
}

static inline void hello(void *arg, struct http_request *r)
{
	http_request_on_done(r, on_done, arg);
	http_answer_header(r, "X-Test", "1");
	http_answer_header(r, "X-Split", "a\r\nSet-Cookie: b");
	http_answer_text(r, 200, "hello");
}

static inline void later(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->held = r;
	http_request_on_done(r, on_done, s);
}

static inline void echo(void *arg, struct http_request *r)
{
	struct bytes body = http_request_body(r);

	(void)arg;
	http_answer(r, 200, "application/octet-stream", body.data, body.len);
}

static inline void who(void *arg, struct http_request *r)
{
	char text[400], client[46];

	(void)arg;
	http_request_client(r, client, sizeof(client));
	snprintf(text, sizeof(text), "%s|%s|%s|%s", http_request_method(r), http_request_target(r),
	    http_request_path(r), client);
	http_answer_text(r, 200, text);
}

static inline uint8_t pattern(uint64_t pos)
{
	return (uint8_t)(pos * 7 + pos / 251);
}

static inline ssize_t fill(void *arg, uint64_t pos, uint8_t *to, size_t max)
{
	struct site *s = arg;
	size_t n = s->available - pos < max ? (size_t)(s->available - pos) : max;

	s->fills++;
	if (s->fail && n == 0)
		return HTTP_FAIL;
	for (size_t i = 0; i < n; i++)
		to[i] = pattern(pos + i);
	if (n > s->largest_piece)
		s->largest_piece = n;
	s->handed_out += n;
	return (ssize_t)n;
}

static inline void stream(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->streamed = r;
	http_request_on_done(r, on_done, s);
	http_answer_stream(r, 200, "video/x-test",
	    strstr(http_request_path(r), "endless") != NULL ? UINT64_MAX - 1 : BIG, fill, s);
}

static inline bool gate(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->gated++;
	if (strcmp(http_request_path(r), "/denied") != 0)
		return true;
	http_answer_text(r, 403, "denied");
	return false;
}

static inline void shared(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->given++;
	http_answer_shared(r, 200, "text/plain", s->shared);
}

static inline void last_header(void *arg, struct http_request *r)
{
	const char *value = http_request_header_last(r, "x-list");

	(void)arg;
	http_answer_text(r, 200, value == NULL ? "none" : value);
}

static inline void over(void *arg, const struct http_request *r, unsigned status)
{
	struct site *s = arg;

	snprintf(s->over, sizeof(s->over), "%s %u", http_request_target(r), status);
}

static const struct http_route routes[] = {
    {"GET", "/last", 0, last_header},
    {"GET", "/shared", 0, shared},
    {"GET", "/hello", 0, hello},
    {"GET", "/later", 0, later},
    {"POST", "/echo", 1000, echo},
    {"GET", "/who/*", 0, who},
    {"GET", "/stream*", 0, stream},
    {"POST", "/denied", 10, echo},
};

static inline int set_up_with(void **state, uint32_t deadline_ms)
{
	struct site *s = calloc(1, sizeof(*s));
	struct http_address a;
	char error[HTTP_LISTEN_ERROR];
	struct http_server_config config = {.routes = routes,
	    .route_count = sizeof(routes) / sizeof(routes[0]),
	    .gate = gate,
	    .over = over,
	    .arg = s,
	    .pool = 8192,
	    .connections = CONNECTIONS,
	    .body_budget = BUDGET,
	    .header_ms = deadline_ms,
	    .body_ms = deadline_ms,
	    .idle_ms = deadline_ms,
	    .stall_ms = 60000,
	    .answer_ms = deadline_ms};
	int fd;

	assert_int_equal(http_listen_parse("test", "127.0.0.1:0", &a, error), 0);
	fd = http_listen_open("test", &a, error);
	assert_true(fd >= 0);
	s->loop = loop_new();
	s->server = http_server_new(s->loop, fd, &config);
	s->port = a.port;
	*state = s;
	return 0;
}

static inline int set_up(void **state)
{
	return set_up_with(state, 60000);
}

static inline int set_up_impatient(void **state)
{
	return set_up_with(state, 50);
}

static inline int tear_down(void **state)
{
	struct site *s = *state;

	http_server_free(s->server);
	loop_free(s->loop);
	free(s);
	return 0;
}

static inline void answers(struct site *s, const char *request, const char *expect)
{
	struct client c;

	client_open(&c, s->port);
	client_send(&c, request);
	client_until(s->loop, &c, expect);
	client_close(&c);
}

#endif
