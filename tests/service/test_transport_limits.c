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
#include "svc-transport/yamux_frame.h"
#include "tests/service/raw.h"

#define SITE    "/goop/site/1.0.0"
#define DATA    "/goop/data/1.0.0"
#define AT_ONCE 100 /* opened before the first has to be answered */

static struct puppet *p;
static struct puppet_end *viewer, *discovery, *db;

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
	puppet_wait_over(puppet_open(viewer, PROTOCOL_GOOP_SITE, PUPPET_NOBODY, 5000));
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

/* Who is served without having been told so would take the first bytes for the answer. */
static void without_room_for_the_answer_a_stream_is_refused(void **state)
{
	enum { COUNT = 200, BRIM = 14 };
	static uint8_t bytes[STREAM_WINDOW];
	struct raw *r = raw_dial(p, NULL);
	struct puppet_stream *at[COUNT];
	struct raw_stream *late;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		raw_open(r, SITE, "GET /\n", 6);
		PUPPET_UNTIL(p, raw_turn(r) && streams_count(puppet_streams(viewer)) > (size_t)i);
		at[i] = puppet_next_stream(viewer);
	}
	for (int i = BRIM; i < COUNT; i++)
		stream_write(at[i]->s, bytes, sizeof bytes, true);
	puppet_wait_over(puppet_open(viewer, PROTOCOL_GOOP_SITE, PUPPET_NOBODY, 5000));
	assert_true(unsent() > YAMUX_QUEUE_MAX);
	/* What is left is less than one of those, and then less than any of these. */
	for (int i = 0; i < BRIM; i++)
		stream_write(at[i]->s, bytes, sizeof bytes >> (i + 1), true);
	puppet_wait_over(puppet_open(viewer, PROTOCOL_GOOP_SITE, PUPPET_NOBODY, 5000));
	late = raw_open(r, SITE, "GET /\n", 6);
	raw_send(r);
	puppet_wait_over(puppet_open(viewer, PROTOCOL_GOOP_SITE, PUPPET_NOBODY, 5000));
	RAW_UNTIL(r, late->reset);
	assert_int_equal(late->code, YAMUX_CODE_LIMIT);
	assert_int_equal(buf_len(&late->in), 0);
	raw_free(r);
}

static void open_many(struct raw *r, const char *id, size_t count)
{
	struct raw_stream *s = NULL;

	for (size_t i = 0; i < count; i++) {
		s = raw_open(r, id, "GET /\n", 6);
		if (i % AT_ONCE == AT_ONCE - 1 || i + 1 == count)
			RAW_UNTIL(r, s->reset || buf_len(&s->in) >= 38);
	}
}

/* Into each stream as much as may be. */
static void fill_all(struct puppet_end *service, size_t count)
{
	static uint8_t bytes[STREAM_WINDOW];

	for (size_t i = 0; i < count; i++) {
		stream_write(puppet_next_stream(service)->s, bytes, sizeof bytes, true);
		puppet_turns(p, 0);
	}
}

/* But the question about itself, which it has left without an answer. */
static void assert_none_was_reset(const struct raw *r)
{
	for (size_t i = 0; i < r->stream_count; i++)
		assert_false(r->streams[i].reset && !r->streams[i].inbound);
}

/* Strangers who read nothing fill what may wait for all; modest ones are served all the same. One
 * machine is one stranger, with however many keys, and pays before a single peer with more than any
 * of these. */
static void whoever_lets_the_most_wait_pays(void **state)
{
	enum { KEYS = 4 };
	struct raw *crowd[KEYS] = {raw_dial_outside(p)}, *one = raw_dial(p, NULL);
	struct raw *modest = raw_dial(p, NULL);
	static uint8_t bytes[STREAM_WINDOW];
	struct raw_stream *s;
	unsigned keys = KEYS;

	(void)state;
	if (crowd[0] == NULL) {
		print_message("this machine has no address: one key alone\n");
		crowd[0] = raw_dial(p, NULL);
		keys = 1;
	}
	for (unsigned i = 1; i < keys; i++)
		crowd[i] = raw_dial_outside(p);
	for (unsigned i = 0; i < keys; i++) {
		open_many(crowd[i], SITE, 512 / keys);
		open_many(crowd[i], DATA, 128 / keys);
	}
	open_many(one, SITE, LIMIT_SERVED_SERVICE - 512 - 1);
	open_many(one, DATA, 128);
	open_many(modest, DATA, 100);
	fill_all(viewer, LIMIT_SERVED_SERVICE - 1);
	fill_all(db, 128 + 128 + 100);
	PUPPET_UNTIL(p, strstr(puppet_log(p), "too much waits") != NULL);
	s = raw_open(modest, SITE, "GET /\n", 6);
	RAW_UNTIL(modest, buf_len(&s->in) >= 38);
	stream_write(puppet_next_stream(viewer)->s, bytes, sizeof bytes, true);
	RAW_UNTIL(modest, s->finished || s->reset);
	assert_none_was_reset(modest);
	assert_int_equal(raw_answered(s, SITE).len, sizeof bytes);
	raw_ping(one);
	assert_none_was_reset(one);
	for (unsigned i = 0; i < keys; i++)
		raw_free(crowd[i]);
	raw_free(one);
	raw_free(modest);
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

/* A stranger who has said nothing about itself and wants nothing. */
static struct raw *idle_stranger(unsigned host)
{
	struct raw *r = raw_dial_from(p, host);

	RAW_UNTIL(r, r->stream_count > 0);
	yamux_reset(r->streams[0].y, YAMUX_CODE_NONE);
	raw_turn(r);
	return r;
}

static void the_idlest_gives_way_when_all_places_are_taken(void **state)
{
	static struct raw *r[LIMIT_CONNECTIONS_IN];
	struct raw *late;

	(void)state;
	r[0] = idle_stranger(2);
	raw_ping(r[0]);
	for (unsigned i = 1; i < LIMIT_CONNECTIONS_IN; i++)
		r[i] = idle_stranger(2 + i / LIMIT_CONNECTIONS_LOOPBACK);
	late = raw_dial_from(p, 100);
	raw_ping(late);
	RAW_UNTIL(r[1], r[1]->dead);
	raw_turn(r[0]);
	raw_turn(r[2]);
	assert_false(r[0]->dead || r[2]->dead || late->dead);
	for (unsigned i = 0; i < LIMIT_CONNECTIONS_IN; i++)
		raw_free(r[i]);
	raw_free(late);
}

/* --- streams opened too fast ------------------------------------------------------------------ */

/* Appends a frame without a body. */
static void put_frame(
    uint8_t *to, size_t *n, enum yamux_type type, unsigned flags, uint32_t id, uint32_t len)
{
	struct yamux_frame f = {
	    .type = (uint8_t)type, .flags = (uint16_t)flags, .stream = id, .length = len};

	yamux_frame_put(to + *n, &f);
	*n += YAMUX_HEADER;
}

/* Opens and resets streams, as many as fit into a record; their ids go on from *id. */
static size_t put_rapid_resets(struct raw *r, uint32_t *id)
{
	uint8_t bytes[60000];
	size_t n = 0, count = 0;

	for (; n + 2 * YAMUX_HEADER <= sizeof bytes; *id += 2, count++) {
		put_frame(bytes, &n, YAMUX_WINDOW_UPDATE, YAMUX_SYN, *id, 0);
		put_frame(bytes, &n, YAMUX_WINDOW_UPDATE, YAMUX_RST, *id, 0);
	}
	raw_put_plain(r, bytes, n);
	return count;
}

static void rapid_resets_end_the_connection_alone(void **state)
{
	struct raw *honest = raw_dial(p, NULL), *r = raw_dial(p, NULL);
	struct raw_stream *ping = raw_ping(honest);
	size_t sent = 0;
	uint32_t id = 1;

	(void)state;
	while (!r->dead && sent < 500000) {
		sent += put_rapid_resets(r, &id);
		raw_turn(r);
		puppet_turns(p, 0);
	}
	RAW_UNTIL(r, r->dead);
	assert_int_equal(r->goodbye, YAMUX_GOAWAY_RATE);
	PUPPET_UNTIL(p, strstr(puppet_log(p), "opens streams too fast") != NULL);
	yamux_write(ping->y, "more", 4);
	RAW_UNTIL(honest, buf_len(&ping->in) >= 20 + 18 + 5);
	raw_assert_honest(p);
	raw_free(r);
	raw_free(honest);
}

/* One after the other, to the end: as fast as a browser can ask for small things. */
static void streams_that_are_used_may_come_fast(void **state)
{
	struct raw *r = raw_dial(p, NULL);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct raw_stream *s = raw_open(r, RAW_PING, "x", 1);

		yamux_finish(s->y);
		RAW_UNTIL(r, s->closed);
	}
	assert_false(r->dead);
	raw_free(r);
}

/* A page with hundreds of pictures that the person leaves at once. */
static void a_page_called_off_is_no_attack(void **state)
{
	enum { COUNT = 500 };
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *s[COUNT];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		s[i] = raw_open(r, SITE, "GET /\n", 6);
		if (i % AT_ONCE == AT_ONCE - 1)
			RAW_UNTIL(r, buf_len(&s[i]->in) >= 38);
	}
	for (int i = 0; i < COUNT; i++)
		yamux_reset(s[i]->y, YAMUX_CODE_NONE);
	raw_ping(r);
	raw_free(r);
}

static unsigned count_in_log(const char *text)
{
	unsigned n = 0;

	for (const char *at = puppet_log(p); (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

/* A stranger who comes and goes must not fill the disk, or push all else out of the log. */
static void coming_and_going_fills_no_log(void **state)
{
	(void)state;
	for (int i = 0; i < 330; i++)
		raw_assert_honest(p);
	assert_in_range(count_in_log(" conn: "), 500, 600);
}

static void saying_nothing_about_oneself_fills_no_log(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct raw *r = raw_dial(p, NULL);

		RAW_UNTIL(r, r->stream_count > 0);
		yamux_reset(r->streams[0].y, YAMUX_CODE_NONE);
		raw_ping(r);
		raw_free(r);
	}
	assert_in_range(count_in_log(" identify: "), 50, 60);
}

/* --- shares ----------------------------------------------------------------------------------- */

static void many_connections_do_not_make_a_larger_share(void **state)
{
	struct raw *one = raw_dial(p, NULL), *two = raw_dial(p, one), *other = raw_dial(p, NULL);
	struct raw_stream *s;

	(void)state;
	for (int i = 0; i < 4; i++) {
		raw_ping(one);
		raw_ping(two);
	}
	s = raw_open(two, RAW_PING, "x", 1);
	RAW_UNTIL(two, s->reset);
	assert_int_equal(s->code, YAMUX_CODE_LIMIT);
	raw_ping(other);
	/* What goes with one connection is room for the other. */
	raw_free(one);
	for (bool served = false; !served;) {
		s = raw_open(two, RAW_PING, "x", 1);
		RAW_UNTIL(two, s->reset || buf_len(&s->in) >= 39);
		served = !s->reset;
	}
	raw_free(two);
	raw_free(other);
}

/* Visits of three peers, as many as each may have; how many are served is in *served. */
static void crowd(struct raw *r[3], size_t *served)
{
	unsigned each = protocol_limit(PROTOCOL_GOOP_SITE);
	struct raw_stream *last[3];

	for (int k = 0; k < 3; k++) {
		r[k] = raw_dial(p, NULL);
		for (unsigned i = 0; i < each; i++) {
			last[k] = raw_open(r[k], SITE, "", 0);
			if (i % AT_ONCE == AT_ONCE - 1 || i + 1 == each)
				RAW_UNTIL(r[k], last[k]->reset || buf_len(&last[k]->in) >= 38);
		}
	}
	/* The link keeps the order: once this is answered, all has been told. */
	puppet_wait_over(puppet_open(viewer, PROTOCOL_GOOP_SITE, PUPPET_NOBODY, 5000));
	*served = streams_count(puppet_streams(viewer));
}

static void visitors_leave_streams_to_the_owner(void **state)
{
	struct raw *r[3], *far;
	struct raw_stream *s;
	size_t served;

	(void)state;
	crowd(r, &served);
	assert_int_equal(served, LIMIT_SERVED_SERVICE);
	far = raw_be_dialled(p, discovery, NULL);
	raw_answer(far);
	puppet_open(viewer, PROTOCOL_GOOP_SITE, far->text, 8000);
	RAW_UNTIL(far, (s = raw_find(far, SITE)) != NULL);
	for (int k = 0; k < 3; k++)
		raw_free(r[k]);
	/* And those who come when the crowd has gone are served. */
	PUPPET_UNTIL(p, streams_count(puppet_streams(viewer)) <= 1);
	s = raw_open(far, SITE, "", 0);
	RAW_UNTIL(far, s->reset || buf_len(&s->in) >= 38);
	assert_false(s->reset);
	raw_free(far);
}

static int setup(void **state)
{
	(void)state;
	p = raw_stage(&viewer, &discovery);
	return 0;
}

static int setup_with_db(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	p = puppet_new(SERVICE_TRANSPORT);
	viewer = puppet_neighbour(p, SERVICE_VIEWER);
	db = puppet_neighbour(p, SERVICE_DB);
	puppet_config(p, "identity.key_file", "data/identity.key");
	puppet_start(p);
	puppet_wait_up(viewer);
	puppet_wait_up(db);
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
	    TEST(without_room_for_the_answer_a_stream_is_refused),
	    cmocka_unit_test_setup_teardown(
		whoever_lets_the_most_wait_pays, setup_with_db, teardown),
	    TEST(a_flood_of_handshakes_leaves_room_for_the_honest),
	    TEST(the_idlest_gives_way_when_all_places_are_taken),
	    TEST(rapid_resets_end_the_connection_alone),
	    TEST(streams_that_are_used_may_come_fast),
	    TEST(a_page_called_off_is_no_attack),
	    TEST(coming_and_going_fills_no_log),
	    TEST(saying_nothing_about_oneself_fills_no_log),
	    TEST(many_connections_do_not_make_a_larger_share),
	    TEST(visitors_leave_streams_to_the_owner),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
