/* The bounds of svc-transport against peers that go to them and beyond, while honest ones are
 * served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "codec/json.h"
#include "svc-transport/limits.h"
#include "tests/service/raw.h"

#define NOBODY "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define SITE   "/goop/site/1.0.0"

static struct puppet *p;
static struct puppet_end *viewer, *discovery;

static void a_protocol_has_so_many_streams(void **state)
{
	enum { LIMIT = 8 };
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *s[LIMIT + 1];

	(void)state;
	for (int i = 0; i <= LIMIT; i++) {
		s[i] = raw_open(r, RAW_PING, "x", 1);
		RAW_UNTIL(r, s[i]->reset || buf_len(&s[i]->in) >= 39);
	}
	assert_true(s[LIMIT]->reset);
	assert_int_equal(s[LIMIT]->code, YAMUX_CODE_LIMIT);
	assert_false(s[LIMIT - 1]->reset);
	yamux_finish(s[0]->y);
	RAW_UNTIL(r, s[0]->closed);
	s[0] = raw_open(r, RAW_PING, "x", 1);
	RAW_UNTIL(r, buf_len(&s[0]->in) >= 39);
	raw_free(r);
}

/* Bytes of services that have not left for the socket, as status tells. */
static size_t unsent(void)
{
	const char *text = puppet_report(p, "streams");
	cJSON *rows = json_parse(text, strlen(text), 10000, NULL);
	const cJSON *row;
	int64_t n;
	size_t sum = 0;

	assert_non_null(rows);
	cJSON_ArrayForEach (row, rows) {
		assert_true(json_int(row, "unsent", 0, INT64_MAX, &n));
		sum += (size_t)n;
	}
	cJSON_Delete(rows);
	return sum;
}

/* Past YAMUX_QUEUE_MAX the transport holds the bytes itself; they must not be lost or mixed. */
static void more_than_the_muxer_queues_waits(void **state)
{
	enum { COUNT = 200, EACH = STREAM_WINDOW };
	static uint8_t bytes[EACH];
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *s[COUNT];
	struct puppet_stream *at[COUNT];
	bool seen[256] = {false};
	size_t left = COUNT;

	(void)state;
	for (int i = 0; i < COUNT; i++)
		s[i] = raw_open(r, SITE, "GET /\n", 6);
	for (int i = 0; i < COUNT; i++) {
		PUPPET_UNTIL(p, raw_turn(r) && streams_count(puppet_streams(viewer)) > (size_t)i);
		at[i] = puppet_next_stream(viewer);
	}
	/* Nobody reads from the socket while all of this is written. */
	for (int i = 0; i < COUNT; i++) {
		memset(bytes, i, sizeof bytes);
		assert_int_equal(stream_write(at[i]->s, bytes, EACH, true), EACH);
	}
	PUPPET_UNTIL(p, unsent() > YAMUX_QUEUE_MAX + EACH);
	/* What comes later on the link has been heard later. */
	puppet_wait_over(puppet_open(viewer, PROTOCOL_GOOP_SITE, NOBODY, 5000));
	while (left > 0) {
		RAW_UNTIL(r, s[COUNT - left]->finished);
		left--;
	}
	for (int i = 0; i < COUNT; i++) {
		struct bytes b = raw_answered(s[i], SITE);

		assert_int_equal(b.len, EACH);
		memset(bytes, b.data[0], sizeof bytes);
		assert_memory_equal(b.data, bytes, EACH);
		assert_false(seen[b.data[0]]);
		seen[b.data[0]] = true;
	}
	raw_free(r);
}

static void a_flood_of_handshakes_leaves_room_for_the_honest(void **state)
{
	enum { FLOOD = LIMIT_HANDSHAKES * 2 };
	int fds[FLOOD];

	(void)state;
	for (int i = 0; i < FLOOD; i++) {
		fds[i] = raw_tcp(p);
		if (i % 2 == 0)
			assert_int_equal(send(fds[i], RAW_HEADER, 20, MSG_NOSIGNAL), 20);
	}
	raw_assert_honest(p);
	for (int i = 0; i < FLOOD; i++)
		close(fds[i]);
	raw_assert_honest(p);
}

static int setup(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	p = puppet_new(SERVICE_TRANSPORT);
	viewer = puppet_neighbour(p, SERVICE_VIEWER);
	discovery = puppet_neighbour(p, SERVICE_DISCOVERY);
	puppet_config(p, "identity.key_file", "data/identity.key");
	puppet_start(p);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	puppet_free(p);
	return 0;
}

int main(int argc, char **argv)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_protocol_has_so_many_streams),
	    TEST(more_than_the_muxer_queues_waits),
	    TEST(a_flood_of_handshakes_leaves_room_for_the_honest),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
