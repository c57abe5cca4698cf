/* Requests and answers on the wire. */
#include "tests/unit/http/site.h"

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
	assert_true(http_server_make_room(s->server));
	client_until_end(s->loop, &b);
	hello_on(s, &a);
	assert_true(http_server_make_room(s->server));
	client_until_end(s->loop, &a);
	assert_false(http_server_make_room(s->server));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
	    TEST(test_answer_may_come_later),
	    TEST(test_vanished_client_ends_its_request),
	    TEST(test_known_size_streams_in_large_pieces),
	    TEST(test_stream_sleeps_until_woken),
	    TEST(test_client_that_does_not_read_is_asked_for_nothing),
	    TEST(test_failed_stream_breaks_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
