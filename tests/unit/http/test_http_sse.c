#include "http/http_sse.h"

#include "tests/unit/http/feed.h"

static void test_all_get_the_opening_and_what_is_sent(void **state)
{
	struct feed *f = *state;
	struct client c[2];

	f->opening = http_sse_text_new(": ok\n\n", 6);
	for (int i = 0; i < 2; i++)
		join(f, &c[i]);
	say(f, "data: 1\n\n");
	say(f, "data: 2\n\n");
	for (int i = 0; i < 2; i++) {
		client_until(f->loop, &c[i], "data: 2\n\n");
		assert_non_null(strstr(c[i].got, "Content-Type: text/event-stream\r\n"));
		assert_non_null(strstr(c[i].got, "Cache-Control: no-cache\r\n"));
		assert_non_null(strstr(c[i].got, "X-Accel-Buffering: no\r\n"));
		assert_non_null(strstr(c[i].got, ": ok\n\n"));
		assert_non_null(strstr(c[i].got, "data: 1\n\n"));
		client_close(&c[i]);
	}
}

static void test_later_subscriber_gets_nothing_old(void **state)
{
	struct feed *f = *state;
	struct client a, b;

	join(f, &a);
	say(f, "data: old\n\n");
	client_until(f->loop, &a, "data: old\n\n");
	join(f, &b);
	say(f, "data: new\n\n");
	client_until(f->loop, &b, "data: new\n\n");
	assert_null(strstr(b.got, "old"));
	client_close(&a);
	client_close(&b);
}

/* What was sent while nobody was served is one write, and the first of it. */
static void test_events_of_one_turn_come_in_one_piece(void **state)
{
	struct feed *f = *state;
	struct client c;

	join(f, &c);
	client_until(f->loop, &c, "\r\n\r\n");
	say(f, "data: 1\n\n");
	say(f, "data: 2\n\n");
	say(f, "data: 3\n\n");
	client_until(f->loop, &c, "data: 1");
	assert_non_null(strstr(c.got, "data: 1\n\ndata: 2\n\ndata: 3\n\n"));
	client_close(&c);
}

static void test_first_event_goes_at_once_and_the_next_is_collected(void **state)
{
	struct feed *f = *state;
	struct client c;

	join(f, &c);
	client_until(f->loop, &c, "\r\n\r\n");
	say(f, "data: 1\n\n");
	client_until(f->loop, &c, "data: 1\n\n");
	say(f, "data: 2\n\n");
	for (int i = 0; i < 20; i++)
		loop_turn(f->loop, 1);
	client_take(&c);
	assert_null(strstr(c.got, "data: 2"));
	client_close(&c);
}

/* Some go while a round is between two slices, those whose turn it would be among them. */
static void test_round_over_many_leaves_nobody_out(void **state)
{
	struct feed *f = *state;
	struct client c[MANY];

	for (int i = 0; i < MANY; i++) {
		join(f, &c[i]);
		client_until(f->loop, &c[i], "\r\n\r\n");
	}
	say(f, "data: 1\n\n");
	for (int i = 250; i < 260; i++)
		client_close(&c[i]);
	loop_turn(f->loop, 0);
	say(f, "data: 2\n\n");
	for (int i = 0; i < MANY; i++) {
		if (i >= 250 && i < 260)
			continue;
		client_until(f->loop, &c[i], "\r\n\r\ndata: 1\n\ndata: 2\n\n");
		client_close(&c[i]);
	}
}

static void test_what_is_taken_and_when_all_is_delivered(void **state)
{
	struct feed *f = *state;
	struct client c;

	f->opening = http_sse_text_new(": ok\n\n", 6);
	join(f, &c);
	client_until(f->loop, &c, ": ok\n\n");
	assert_int_equal(f->delivered, 0);
	assert_int_equal(f->taken, c.len);
	say(f, "data: 1\n\n");
	say(f, "data: 2\n\n");
	client_until(f->loop, &c, "data: 2\n\n");
	assert_int_equal(f->delivered, 1);
	say(f, "data: 3\n\n");
	client_until(f->loop, &c, "data: 3\n\n");
	assert_int_equal(f->delivered, 2);
	assert_int_equal(f->taken, c.len);
	client_close(&c);
}

static void test_long_opening_and_ring_wrap_keep_the_order(void **state)
{
	struct feed *f = *state;
	struct client c;
	char *opening = malloc(100001), line[64];

	memset(opening, 'o', 100000);
	memcpy(opening + 99990, "\n: done\n\n", 10);
	f->opening = http_sse_text_new(opening, 99999);
	join(f, &c);
	client_until(f->loop, &c, ": done\n\n");
	for (int i = 0; i < 3 * RING / 10; i++) {
		snprintf(line, sizeof(line), "data: %d\n\n", i);
		say(f, line);
		client_until(f->loop, &c, line);
		client_forget(&c);
	}
	client_close(&c);
	free(opening);
}

static void test_who_does_not_read_is_dropped_and_others_are_not(void **state)
{
	struct feed *f = *state;
	struct client slow, fast;
	char event[4097];

	join(f, &slow);
	join(f, &fast);
	memset(event, 'e', 4096);
	memcpy(event, "data: ", 6);
	memcpy(event + 4094, "\n\n", 3);
	for (int i = 0; i < 20000 && http_sse_count(f->sse) == 2; i++) {
		say(f, event);
		client_until(f->loop, &fast, "\n\n");
		client_forget(&fast);
	}
	assert_int_equal(http_sse_count(f->sse), 1);
	assert_true(f->gone_slow);
	say(f, "data: still here\n\n");
	client_until(f->loop, &fast, "data: still here\n\n");
	client_close(&slow);
	client_close(&fast);
}

static void test_subscriber_may_begin_in_the_past(void **state)
{
	struct feed *f = *state;
	struct http_sse_text *opening = http_sse_text_new(": all\n\n", 7);
	struct http_sse_start start = {.head = ": ok\n\n", .opening = opening};
	struct client c;

	say(f, "data: before\n\n");
	start.from = http_sse_place(f->sse);
	say(f, "data: after\n\n");
	f->start = &start;
	join(f, &c);
	client_until(f->loop, &c, "\r\n\r\n: ok\n\n: all\n\ndata: after\n\n");
	client_close(&c);
	http_sse_text_drop(opening);
}

static void test_who_goes_is_told_with_its_place(void **state)
{
	struct feed *f = *state;
	struct http_sse_start start = {.tag = f};
	struct client c;

	f->start = &start;
	join(f, &c);
	say(f, "data: 1\n\n");
	client_until(f->loop, &c, "data: 1\n\n");
	client_close(&c);
	while (f->gone == NULL)
		loop_turn(f->loop, 10);
	assert_ptr_equal(f->gone, f);
	assert_int_equal(f->gone_at, 9);
	assert_false(f->gone_slow);
	assert_int_equal(http_sse_count(f->sse), 0);
}

static void test_subscriber_costs_the_server_no_connection(void **state)
{
	struct feed *f = *state;
	struct client c;

	join(f, &c);
	for (int i = 0; i < TURNS && http_server_connections(f->server) != 0; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(http_server_connections(f->server), 0);
	say(f, "data: still here\n\n");
	client_until(f->loop, &c, "data: still here\n\n");
	client_close(&c);
}

static void test_head_ends_after_the_headers(void **state)
{
	struct feed *f = *state;
	struct client c;

	client_open(&c, f->port);
	client_send(&c, "HEAD /events HTTP/1.1\r\nHost: x\r\n\r\n");
	client_until(f->loop, &c, "Content-Type: text/event-stream\r\n");
	assert_int_equal(http_sse_count(f->sse), 0);
	client_close(&c);
}

static void test_ping_finds_out_who_has_gone(void **state)
{
	struct feed *f = *state;
	struct client stays, goes;

	join(f, &stays);
	join(f, &goes);
	client_close(&goes);
	for (int i = 0; i < TURNS && http_sse_count(f->sse) == 2; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(http_sse_count(f->sse), 1);
	client_until(f->loop, &stays, ": ping\n\n");
	client_close(&stays);
}

static void test_too_many_are_refused(void **state)
{
	struct feed *f = *state;
	struct client c[4];

	for (int i = 0; i < 3; i++)
		join(f, &c[i]);
	client_open(&c[3], f->port);
	client_send(&c[3], "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
	client_until(f->loop, &c[3], "HTTP/1.1 503 ");
	for (int i = 0; i < 4; i++)
		client_close(&c[i]);
}

static void formatted(const char *event, const char *data, const char *expect)
{
	size_t n;
	char *text = http_sse_format(event, data, &n);

	assert_string_equal(text, expect);
	assert_int_equal(n, strlen(expect));
	free(text);
}

static void test_format(void **state)
{
	(void)state;
	formatted(NULL, "{}", "data: {}\n\n");
	formatted("update", "{}", "event: update\ndata: {}\n\n");
}

#define TEST(name, before) cmocka_unit_test_setup_teardown(name, before, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_all_get_the_opening_and_what_is_sent, set_up),
	    TEST(test_later_subscriber_gets_nothing_old, set_up),
	    TEST(test_events_of_one_turn_come_in_one_piece, set_up_collecting),
	    TEST(test_first_event_goes_at_once_and_the_next_is_collected, set_up_collecting),
	    TEST(test_round_over_many_leaves_nobody_out, set_up_many),
	    TEST(test_what_is_taken_and_when_all_is_delivered, set_up),
	    TEST(test_long_opening_and_ring_wrap_keep_the_order, set_up),
	    TEST(test_who_does_not_read_is_dropped_and_others_are_not, set_up),
	    TEST(test_subscriber_may_begin_in_the_past, set_up),
	    TEST(test_who_goes_is_told_with_its_place, set_up),
	    TEST(test_subscriber_costs_the_server_no_connection, set_up),
	    TEST(test_head_ends_after_the_headers, set_up),
	    TEST(test_ping_finds_out_who_has_gone, set_up_pinging),
	    TEST(test_too_many_are_refused, set_up),
	    cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
