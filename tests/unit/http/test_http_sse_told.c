/* What a stream begins with, event by event. */
#include "tests/unit/http/feed.h"

/* All of it in order, and what was sent meanwhile. */
static void expect_told(struct feed *f, struct client *c, unsigned events)
{
	char *at, line[32];

	client_until(f->loop, c, "data: meanwhile\n\n");
	at = strstr(c->got, "\r\n\r\n: ok\n\n") + strlen("\r\n\r\n: ok\n\n");
	for (unsigned i = 1; i <= events; i++, at += f->event) {
		snprintf(line, sizeof(line), "data: %u f", i);
		assert_memory_equal(at, line, strlen(line));
		assert_memory_equal(at + f->event - 2, "\n\n", 2);
	}
	assert_string_equal(at, "data: meanwhile\n\n");
}

#define TOLD    20000
#define READERS 40

/* Everybody online, to many that do not read: what the sockets do not take is made when they do. */
static void test_what_is_told_is_not_held(void **state)
{
	struct feed *f = *state;
	struct http_sse_start start = {.head = ": ok\n\n", .tell_end = TOLD};
	struct client c[READERS];
	size_t before;

	f->event = 400;
	f->start = &start;
	before = allocated();
	for (int i = 0; i < READERS; i++)
		join(f, &c[i]);
	say(f, "data: meanwhile\n\n");
	while (loop_turn(f->loop, 0), f->taken < READERS * 1000)
		;
	assert_true(allocated() < before + TOLD * f->event);
	for (int i = 1; i < READERS; i++)
		client_close(&c[i]);
	expect_told(f, &c[0], TOLD);
	client_close(&c[0]);
}

/* An event of which the socket took a part has to be kept: of all not more than 32 MiB. */
static void test_parts_of_events_are_bounded(void **state)
{
	struct feed *f = *state;
	struct http_sse_start start = {.head = ": ok\n\n", .tell_end = 10};
	struct client c[READERS];
	size_t before;

	/* More than a socket takes. */
	f->event = EVENT_MAX;
	f->start = &start;
	before = allocated();
	for (int i = 0; i < READERS; i++) {
		int size = 4096;
		struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(f->port)};

		/* client_open() with a small window */
		c[i] = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0), .got = calloc(1, 1)};
		setsockopt(c[i].fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		assert_int_equal(connect(c[i].fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
		client_send(&c[i], "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
		for (int turn = 0; turn < 20; turn++)
			loop_turn(f->loop, 0);
	}
	assert_in_range(http_sse_count(f->sse), 10, READERS - 1);
	assert_true(f->gone_slow);
	assert_true(allocated() < before + READERS * (EVENT_MAX / 2));
	/* Not the one that came last. */
	start.tell_end = 10;
	say(f, "data: meanwhile\n\n");
	expect_told(f, &c[READERS - 1], 10);
	for (int i = 0; i < READERS; i++)
		client_close(&c[i]);
}

#define TEST(name, before) cmocka_unit_test_setup_teardown(name, before, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_what_is_told_is_not_held, set_up_many),
	    TEST(test_parts_of_events_are_bounded, set_up_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
