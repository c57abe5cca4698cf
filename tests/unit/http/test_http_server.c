#include "http/http_server.h"

#include "base/buf.h"
#include "http/http_answer.h"
#include "http/http_listen.h"
#include "http/http_request.h"
#include "tests/unit/http/client.h"

#define BIG         (3u * 1024 * 1024)
#define CONNECTIONS 100

struct site {
	struct loop *loop;
	struct http_server *server;
	uint16_t port;
	struct http_request *held; /* whose handler has not answered */
	struct http_request *streamed;
	uint64_t available; /* bytes of the stream that are there */
	uint64_t handed_out;
	size_t largest_piece;
	unsigned fills, gated, done;
	bool fail;
	char over[64];
};

static void on_done(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->done++;
	if (s->held == r)
		s->held = NULL;
	if (s->streamed == r)
		s->streamed = NULL;
}

static void hello(void *arg, struct http_request *r)
{
	http_request_on_done(r, on_done, arg);
	http_answer_header(r, "X-Test", "1");
	http_answer_header(r, "X-Split", "a\r\nSet-Cookie: b");
	http_answer_text(r, 200, "hello");
}

static void later(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->held = r;
	http_request_on_done(r, on_done, s);
}

static void echo(void *arg, struct http_request *r)
{
	struct bytes body = http_request_body(r);

	(void)arg;
	http_answer(r, 200, "application/octet-stream", body.data, body.len);
}

static void who(void *arg, struct http_request *r)
{
	char text[400], client[46];

	(void)arg;
	http_request_client(r, client, sizeof(client));
	snprintf(text, sizeof(text), "%s|%s|%s|%s", http_request_method(r), http_request_target(r),
	    http_request_path(r), client);
	http_answer_text(r, 200, text);
}

static uint8_t pattern(uint64_t pos)
{
	return (uint8_t)(pos * 7 + pos / 251);
}

static ssize_t fill(void *arg, uint64_t pos, uint8_t *to, size_t max)
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

static void stream(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->streamed = r;
	http_request_on_done(r, on_done, s);
	http_answer_stream(r, 200, "video/x-test",
	    strstr(http_request_path(r), "endless") != NULL ? UINT64_MAX - 1 : BIG, fill, s);
}

static bool gate(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->gated++;
	if (strcmp(http_request_path(r), "/denied") != 0)
		return true;
	http_answer_text(r, 403, "denied");
	return false;
}

static void last_header(void *arg, struct http_request *r)
{
	const char *value = http_request_header_last(r, "x-list");

	(void)arg;
	http_answer_text(r, 200, value == NULL ? "none" : value);
}

static void over(void *arg, const struct http_request *r, unsigned status)
{
	struct site *s = arg;

	snprintf(s->over, sizeof(s->over), "%s %u", http_request_target(r), status);
}

static const struct http_route routes[] = {
    {"GET", "/last", 0, last_header},
    {"GET", "/hello", 0, hello},
    {"GET", "/later", 0, later},
    {"POST", "/echo", 1000, echo},
    {"GET", "/who/*", 0, who},
    {"GET", "/stream*", 0, stream},
    {"POST", "/denied", 10, echo},
};

static int set_up_with(void **state, uint32_t deadline_ms)
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
	    .header_ms = deadline_ms,
	    .body_ms = deadline_ms,
	    .idle_ms = deadline_ms,
	    .stall_ms = 60000};
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

static int set_up(void **state)
{
	return set_up_with(state, 60000);
}

static int set_up_impatient(void **state)
{
	return set_up_with(state, 50);
}

static int tear_down(void **state)
{
	struct site *s = *state;

	http_server_free(s->server);
	loop_free(s->loop);
	free(s);
	return 0;
}

static void test_requests_share_a_connection(void **state)
{
	struct site *s = *state;
	struct client c;

	client_open(&c, s->port);
	for (int i = 0; i < 3; i++) {
		client_send(&c, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
		client_until(s->loop, &c, "\r\n\r\nhello\n");
		assert_non_null(strstr(c.got, "HTTP/1.1 200 OK\r\n"));
		assert_non_null(strstr(c.got, "X-Test: 1\r\n"));
		assert_null(strstr(c.got, "Set-Cookie"));
		assert_false(c.ended);
		client_forget(&c);
	}
	assert_int_equal(s->done, 3);
	assert_int_equal(http_server_connections(s->server), 1);
	client_close(&c);
}

static void expect_last(struct site *s, const char *headers, const char *expected)
{
	char request[256], body[64];
	struct client c;

	client_open(&c, s->port);
	snprintf(request, sizeof(request),
	    "GET /last HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n", headers);
	snprintf(body, sizeof(body), "\r\n\r\n%s\n", expected);
	client_send(&c, request);
	client_until_end(s->loop, &c);
	assert_non_null(strstr(c.got, body));
	client_close(&c);
}

static void test_last_of_several_header_lines(void **state)
{
	expect_last(*state, "", "none");
	expect_last(*state, "X-List: a, b\r\n", "a, b");
	expect_last(*state, "X-List: a\r\nX-Other: c\r\nx-LIST: b\r\nX-Another: d\r\n", "b");
}

static void expect_over(struct site *s, const char *request, const char *expected)
{
	struct client c;

	client_open(&c, s->port);
	client_send(&c, request);
	client_until_end(s->loop, &c);
	client_close(&c);
	assert_string_equal(s->over, expected);
}

static void test_the_end_of_each_request_is_told(void **state)
{
	struct site *s = *state;

	expect_over(s, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "/hello 200");
	expect_over(s, "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "/none 404");
	expect_over(s,
	    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nConnection: "
	    "close\r\n\r\n",
	    "/echo 413");
	expect_over(s, "GET /half HTTP/1.1\r\nno header\r\n\r\n", "/half 0");
}

static void hello_on(struct site *s, struct client *c)
{
	client_send(c, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	client_until(s->loop, c, "\r\n\r\nhello\n");
	client_forget(c);
}

static void test_who_is_idle_longest_makes_room(void **state)
{
	struct site *s = *state;
	struct client a, b, busy;

	client_open(&a, s->port);
	hello_on(s, &a);
	client_open(&b, s->port);
	hello_on(s, &b);
	hello_on(s, &a);
	client_open(&busy, s->port);
	client_send(&busy, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (s->held == NULL)
		loop_turn(s->loop, 10);
	assert_true(http_server_drop_idle(s->server));
	client_until_end(s->loop, &b);
	hello_on(s, &a);
	assert_true(http_server_drop_idle(s->server));
	client_until_end(s->loop, &a);
	assert_false(http_server_drop_idle(s->server));
	http_answer_text(s->held, 200, "answered");
	client_until(s->loop, &busy, "answered");
	client_close(&a);
	client_close(&b);
	client_close(&busy);
}

static void test_idle_connections_shut_nobody_out(void **state)
{
	struct site *s = *state;
	struct client c[2 * CONNECTIONS];

	for (int i = 0; i < 2 * CONNECTIONS; i++) {
		client_open(&c[i], s->port);
		hello_on(s, &c[i]);
	}
	assert_in_range(http_server_connections(s->server), CONNECTIONS / 2, CONNECTIONS);
	for (int i = 0; i < 2 * CONNECTIONS; i++)
		client_close(&c[i]);
}

static void test_head_has_no_body(void **state)
{
	struct site *s = *state;
	struct client c;

	client_open(&c, s->port);
	client_send(&c, "HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	client_until_end(s->loop, &c);
	assert_non_null(strstr(c.got, "Content-Length: 6\r\n"));
	assert_null(strstr(c.got, "hello"));
	client_close(&c);
}

static void answers(struct site *s, const char *request, const char *expect)
{
	struct client c;

	client_open(&c, s->port);
	client_send(&c, request);
	client_until(s->loop, &c, expect);
	client_close(&c);
}

static void test_unknown_addresses_and_methods(void **state)
{
	struct site *s = *state;

	answers(s, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ");
	answers(s, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 ");
	answers(s, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "Allow: POST\r\n");
	answers(s, "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 ");
	answers(s, "GET http://x/hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 ");
	answers(s, "VERYLONGMETHODNAME / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 501 ");
}

static void test_handler_sees_the_request(void **state)
{
	answers(*state, "GET /who/a%20b?c=%64&e HTTP/1.1\r\nHost: x\r\n\r\n",
	    "GET|/who/a%20b?c=%64&e|/who/a b|127.0.0.1\n");
}

static void test_gate_comes_first(void **state)
{
	struct site *s = *state;

	answers(
	    s, "POST /denied HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 403 ");
	assert_int_equal(s->gated, 1);
}

static void post(struct site *s, size_t n, const char *expect)
{
	char *request = malloc(n + 200), *body;
	struct client c;

	body = request +
	       sprintf(request, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", n);
	memset(body, 'b', n);
	body[n] = '\0';
	client_open(&c, s->port);
	client_send(&c, request);
	client_until(s->loop, &c, expect);
	if (strstr(expect, "200") != NULL)
		client_until(s->loop, &c, body);
	client_close(&c);
	free(request);
}

static void test_bodies_up_to_the_limit(void **state)
{
	post(*state, 1, "HTTP/1.1 200 ");
	post(*state, 1000, "HTTP/1.1 200 ");
	post(*state, 1001, "HTTP/1.1 413 ");
	post(*state, 100000, "HTTP/1.1 413 ");
}

static void test_chunked_bodies_are_limited_too(void **state)
{
	struct site *s = *state;

	answers(s,
	    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
	    "\r\n\r\nabcde");
	answers(s,
	    "GET /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3\r\nabc\r\n0\r\n\r\n",
	    "HTTP/1.1 413 ");
}

static void test_announced_far_too_much_is_refused_at_once(void **state)
{
	answers(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
	    "HTTP/1.1 413 ");
}

static void test_endless_body_is_cut(void **state)
{
	struct site *s = *state;
	struct client c;
	char chunk[8192 + 20];

	client_open(&c, s->port);
	client_send(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	strcpy(chunk, "2000\r\n");
	memset(chunk + 6, 'x', 8192);
	strcpy(chunk + 6 + 8192, "\r\n");
	for (int i = 0; i < 1000 && !c.ended; i++) {
		send(c.fd, chunk, strlen(chunk), MSG_NOSIGNAL | MSG_DONTWAIT);
		loop_turn(s->loop, 1);
		client_take(&c);
	}
	assert_true(c.ended);
	client_close(&c);
}

static void test_long_headers_are_refused(void **state)
{
	char request[20000] = "GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: ";

	memset(request + strlen(request), 'x', 10000);
	strcat(request, "\r\n\r\n");
	answers(*state, request, "HTTP/1.1 431 ");
}

static void test_request_without_a_certain_end_is_refused(void **state)
{
	static const char *const headers[] = {"Content-Length: 5\r\nContent-Length: 6\r\n",
	    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: +5\r\n",
	    "Transfer-Encoding: gzip, chunked\r\n"};
	struct site *s = *state;
	struct client c;
	char text[256];

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		client_open(&c, s->port);
		snprintf(text, sizeof(text),
		    "GET /hello HTTP/1.1\r\nHost: x\r\n%s\r\n0\r\n\r\nGET /hello "
		    "HTTP/1.1\r\nHost: x\r\n\r\n",
		    headers[i]);
		client_send(&c, text);
		client_until_end(s->loop, &c);
		assert_null(strstr(c.got, "HTTP/1.1 200"));
		client_close(&c);
	}
}

static void test_answer_may_come_later(void **state)
{
	struct site *s = *state;
	struct client c;

	client_open(&c, s->port);
	client_send(&c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (s->held == NULL)
		loop_turn(s->loop, 10);
	for (int i = 0; i < 10; i++)
		loop_turn(s->loop, 1);
	client_take(&c);
	assert_int_equal(c.len, 0);
	assert_false(http_answer_given(s->held));
	http_answer_text(s->held, 200, "at last");
	client_until(s->loop, &c, "at last\n");
	client_close(&c);
}

static void test_vanished_client_ends_its_request(void **state)
{
	struct site *s = *state;
	struct client c;

	client_open(&c, s->port);
	client_send(&c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (s->held == NULL)
		loop_turn(s->loop, 10);
	client_close(&c);
	http_answer_text(s->held, 200, "nobody hears this");
	for (int i = 0; i < TURNS && s->done == 0; i++)
		loop_turn(s->loop, 10);
	assert_int_equal(s->done, 1);
}

static void test_known_size_streams_in_large_pieces(void **state)
{
	struct site *s = *state;
	struct client c;
	const char *body;

	s->available = BIG;
	client_open(&c, s->port);
	client_send(&c, "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	client_until_end(s->loop, &c);
	assert_non_null(strstr(c.got, "Content-Length: 3145728\r\n"));
	body = strstr(c.got, "\r\n\r\n") + 4;
	assert_int_equal(c.len - (size_t)(body - c.got), BIG);
	for (uint64_t i = 0; i < BIG; i++)
		if ((uint8_t)body[i] != pattern(i))
			fail_msg("byte %lu differs", (unsigned long)i);
	assert_int_equal(s->largest_piece, HTTP_BLOCK);
	client_close(&c);
}

static void test_stream_sleeps_until_woken(void **state)
{
	struct site *s = *state;
	struct client c;
	unsigned fills;

	s->available = 1000;
	client_open(&c, s->port);
	client_send(&c, "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	while (s->handed_out < 1000 || s->fills < 2)
		loop_turn(s->loop, 10);
	fills = s->fills;
	for (int i = 0; i < 20; i++)
		loop_turn(s->loop, 1);
	assert_int_equal(s->fills, fills);
	s->available = BIG;
	http_answer_wake(s->streamed);
	client_until_end(s->loop, &c);
	assert_int_equal(s->handed_out, BIG);
	assert_int_equal(s->done, 1);
	client_close(&c);
}

static void test_client_that_does_not_read_is_asked_for_nothing(void **state)
{
	struct site *s = *state;
	struct client c;
	uint64_t before = 1;

	s->available = UINT64_MAX - 1;
	client_open(&c, s->port);
	client_send(&c, "GET /stream/endless HTTP/1.1\r\nHost: x\r\n\r\n");
	/* Until the socket's buffers are full and nothing more is taken for many turns. */
	for (int quiet = 0; quiet < 20;) {
		before = s->handed_out;
		loop_turn(s->loop, 1);
		quiet = s->handed_out == before && before > 0 ? quiet + 1 : 0;
	}
	assert_true(s->handed_out < 64u * 1024 * 1024);
	for (int i = 0; i < TURNS && s->handed_out == before; i++) {
		client_take(&c);
		loop_turn(s->loop, 1);
	}
	assert_true(s->handed_out > before);
	client_close(&c);
	while (s->done == 0)
		loop_turn(s->loop, 10);
}

static void test_failed_stream_breaks_the_connection(void **state)
{
	struct site *s = *state;
	struct client c;

	s->available = 1000;
	s->fail = true;
	client_open(&c, s->port);
	client_send(&c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	client_until_end(s->loop, &c);
	assert_int_equal(s->handed_out, 1000);
	assert_int_equal(s->done, 1);
	client_close(&c);
}

static void trickle(struct site *s, const char *start, const char *more)
{
	struct client c;

	client_open(&c, s->port);
	client_send(&c, start);
	for (int i = 0; i < TURNS && !c.ended; i++) {
		if (i % 100 == 0)
			send(c.fd, more, strlen(more), MSG_NOSIGNAL);
		loop_turn(s->loop, 5);
		client_take(&c);
	}
	assert_true(c.ended);
	assert_int_equal(s->done, 0);
	client_close(&c);
}

static void test_trickled_headers_meet_a_deadline(void **state)
{
	trickle(*state, "GET /hello HTTP/1.1\r\n", "X: y\r\n");
}

static void test_silence_meets_a_deadline(void **state)
{
	trickle(*state, "", "");
}

static void test_trickled_body_meets_a_deadline(void **state)
{
	trickle(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n", "x");
}

static void test_deadline_ends_with_the_request(void **state)
{
	struct site *s = *state;
	struct client c;
	struct timer *t;

	client_open(&c, s->port);
	client_send(&c, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	while (s->held == NULL)
		loop_turn(s->loop, 10);
	/* Past the deadline and past the tick that would see it. */
	t = timer_new(s->loop, (timer_fn *)loop_stop, s->loop);
	timer_start(t, 1500);
	loop_run(s->loop);
	timer_free(t);
	http_answer_text(s->held, 200, "slow answers are fine");
	client_until(s->loop, &c, "slow answers are fine");
	client_close(&c);
}

static void test_free_ends_all_requests(void **state)
{
	struct site *s = *state;
	struct client c[3];

	s->available = 10;
	for (int i = 0; i < 3; i++)
		client_open(&c[i], s->port);
	client_send(&c[0], "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	client_send(&c[1], "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	client_send(&c[2], "GET /hello HT");
	while (s->held == NULL || s->fills < 2)
		loop_turn(s->loop, 10);
	http_server_free(s->server);
	s->server = NULL;
	assert_int_equal(s->done, 2);
	for (int i = 0; i < 3; i++)
		client_close(&c[i]);
}

#define TEST(name)           cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_IMPATIENT(name) cmocka_unit_test_setup_teardown(name, set_up_impatient, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_requests_share_a_connection),
	    TEST(test_last_of_several_header_lines),
	    TEST(test_the_end_of_each_request_is_told),
	    TEST(test_who_is_idle_longest_makes_room),
	    TEST(test_idle_connections_shut_nobody_out),
	    TEST(test_head_has_no_body),
	    TEST(test_unknown_addresses_and_methods),
	    TEST(test_handler_sees_the_request),
	    TEST(test_gate_comes_first),
	    TEST(test_bodies_up_to_the_limit),
	    TEST(test_chunked_bodies_are_limited_too),
	    TEST(test_announced_far_too_much_is_refused_at_once),
	    TEST(test_endless_body_is_cut),
	    TEST(test_long_headers_are_refused),
	    TEST(test_request_without_a_certain_end_is_refused),
	    TEST(test_answer_may_come_later),
	    TEST(test_vanished_client_ends_its_request),
	    TEST(test_known_size_streams_in_large_pieces),
	    TEST(test_stream_sleeps_until_woken),
	    TEST(test_client_that_does_not_read_is_asked_for_nothing),
	    TEST(test_failed_stream_breaks_the_connection),
	    TEST_IMPATIENT(test_trickled_headers_meet_a_deadline),
	    TEST_IMPATIENT(test_silence_meets_a_deadline),
	    TEST_IMPATIENT(test_trickled_body_meets_a_deadline),
	    TEST_IMPATIENT(test_deadline_ends_with_the_request),
	    TEST(test_free_ends_all_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
