/* What the server bears: bodies and headers that are too large, clients that are too slow. */
#include "tests/unit/http/site.h"

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

#define SHARED  (8u * 1024 * 1024)
#define READERS 16

static struct http_sse_text *shared_text(void)
{
	char *text = malloc(SHARED);
	struct http_sse_text *t;

	memset(text, 's', SHARED);
	memcpy(text + SHARED - 3, "end", 3);
	t = http_sse_text_new(text, SHARED);
	free(text);
	return t;
}

/* Who asks for a page many times and reads none of them takes its memory once. */
static void test_shared_bodies_are_held_once(void **state)
{
	struct site *s = *state;
	struct client c[READERS];
	size_t before;

	s->shared = shared_text();
	before = allocated();
	for (int i = 0; i < READERS; i++) {
		client_open(&c[i], s->port);
		client_send(&c[i], "GET /shared HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	while (s->given < READERS)
		loop_turn(s->loop, 10);
	assert_true(allocated() < before + READERS / 2 * SHARED);
	/* The page is made anew: who has the old one still reads it to its end. */
	http_sse_text_drop(s->shared);
	for (int i = 1; i < READERS; i++)
		client_close(&c[i]);
	while (c[0].len < SHARED) {
		loop_turn(s->loop, 10);
		client_take(&c[0]);
	}
	assert_memory_equal(c[0].got + c[0].len - 4, "send", 4);
	client_close(&c[0]);
}

/* A byte now and then is no silence, and would hold the page for ever. */
static void test_trickled_reading_meets_a_deadline(void **state)
{
	struct site *s = *state;
	struct client c;
	char byte;

	s->shared = shared_text();
	client_open(&c, s->port);
	client_send(&c, "GET /shared HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < TURNS && http_server_cut(s->server) == 0; i++) {
		loop_turn(s->loop, 10);
		recv(c.fd, &byte, 1, MSG_DONTWAIT);
	}
	assert_int_equal(http_server_cut(s->server), 1);
	client_until_end(s->loop, &c);
	assert_true(c.len < SHARED);
	http_sse_text_drop(s->shared);
	client_close(&c);
}

#define TEST(name)           cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_IMPATIENT(name) cmocka_unit_test_setup_teardown(name, set_up_impatient, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_bodies_up_to_the_limit),
	    TEST(test_chunked_bodies_are_limited_too),
	    TEST(test_announced_far_too_much_is_refused_at_once),
	    TEST(test_endless_body_is_cut),
	    TEST(test_long_headers_are_refused),
	    TEST(test_request_without_a_certain_end_is_refused),
	    TEST_IMPATIENT(test_trickled_headers_meet_a_deadline),
	    TEST_IMPATIENT(test_silence_meets_a_deadline),
	    TEST_IMPATIENT(test_trickled_body_meets_a_deadline),
	    TEST_IMPATIENT(test_deadline_ends_with_the_request),
	    TEST(test_free_ends_all_requests),
	    TEST(test_shared_bodies_are_held_once),
	    TEST_IMPATIENT(test_trickled_reading_meets_a_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
