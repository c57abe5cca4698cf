/* One session against bytes written out by hand. */
#include "tests/unit/testing.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "svc-transport/record.h"
#include "svc-transport/yamux.h"
#include "svc-transport/yamux_session.h"

struct side {
	struct yamux *y;
	struct buf log;         /* events as text */
	struct yamux_stream *s; /* the stream opened last */
	bool refuse;
	bool reset_on_data;
	bool close_on_data;
};

static void note(struct side *side, const char *what, struct yamux_stream *s, const char *rest)
{
	buf_putf(&side->log, "%s %u%s;", what, yamux_stream_id(s), rest);
}

static bool on_opened(void *arg, struct yamux_stream *s)
{
	struct side *side = arg;

	side->s = s;
	note(side, "open", s, "");
	yamux_set_user(s, side);
	return !side->refuse;
}

static void on_data(void *arg, struct yamux_stream *s, void *user, const uint8_t *p, size_t n)
{
	struct side *side = arg;
	char text[64];

	assert_ptr_equal(user, side);
	if (n < 40)
		snprintf(text, sizeof(text), " %.*s", (int)n, (const char *)p);
	else
		snprintf(text, sizeof(text), " %zu", n);
	note(side, "data", s, text);
	if (side->reset_on_data)
		yamux_reset(s, YAMUX_CODE_VIOLATION);
	if (side->close_on_data)
		yamux_close(side->y, YAMUX_GOAWAY_NORMAL);
}

static void on_finished(void *arg, struct yamux_stream *s, void *user)
{
	struct side *side = arg;

	assert_ptr_equal(user, side);
	note(side, "fin", s, "");
}

static void on_reset(void *arg, struct yamux_stream *s, void *user, uint32_t code)
{
	char text[32];

	assert_ptr_equal(user, arg);
	snprintf(text, sizeof(text), " %#x", code);
	note(arg, "reset", s, text);
}

static void on_closed(void *arg, struct yamux_stream *s, void *user)
{
	assert_ptr_equal(user, arg);
	note(arg, "closed", s, "");
}

static void on_window(void *arg, struct yamux_stream *s, void *user, uint32_t n)
{
	char text[32];

	assert_ptr_equal(user, arg);
	snprintf(text, sizeof(text), " %u", n);
	note(arg, "window", s, text);
}

static void on_sent(void *arg, struct yamux_stream *s, void *user, size_t n)
{
	char text[32];

	assert_ptr_equal(user, arg);
	snprintf(text, sizeof(text), " %zu", n);
	note(arg, "sent", s, text);
}

static void on_goaway(void *arg, uint32_t reason)
{
	buf_putf(&((struct side *)arg)->log, "goaway %u;", reason);
}

static const struct yamux_events EVENTS = {
    on_opened, on_data, on_finished, on_reset, on_closed, on_window, on_sent, on_goaway};

static int setup_side(void **state, bool client)
{
	struct side *side = xcalloc(1, sizeof(*side));

	side->y = yamux_new(client, &EVENTS, side);
	buf_init(&side->log, 1 << 20);
	*state = side;
	return 0;
}

static int setup_client(void **state)
{
	return setup_side(state, true);
}

static int setup_server(void **state)
{
	return setup_side(state, false);
}

static int teardown(void **state)
{
	struct side *side = *state;

	yamux_free(side->y);
	buf_clear(&side->log);
	free(side);
	return 0;
}

static int feed(struct side *side, const char *hex)
{
	size_t n;
	uint8_t *in = unhex(hex, &n);
	int r = yamux_input(side->y, in, n);

	free(in);
	return r;
}

static void expect_log(struct side *side, const char *want)
{
	buf_put_u8(&side->log, 0);
	assert_string_equal(buf_data(&side->log), want);
	buf_truncate(&side->log, 0);
}

/* Everything that is to be sent, as one run of bytes. */
static void collect(struct side *side, struct buf *all, size_t max)
{
	struct bytes pieces[YAMUX_PIECES_MAX];
	size_t count;

	buf_init(all, 64 << 20);
	while ((count = yamux_output(side->y, max, pieces)) > 0) {
		size_t total = 0;
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(buf_put(all, pieces[i].data, pieces[i].len), 0);
			total += pieces[i].len;
		}
		assert_true(total <= max);
	}
	assert_false(yamux_has_output(side->y));
}

static void expect_out(struct side *side, const char *hex)
{
	struct buf all;
	size_t n;
	uint8_t *want = unhex(hex, &n);

	collect(side, &all, RECORD_PLAIN_MAX);
	assert_int_equal(buf_len(&all), n);
	if (n > 0)
		assert_memory_equal(buf_data(&all), want, n);
	buf_clear(&all);
	free(want);
}

static void drop_out(struct side *side)
{
	struct buf all;

	collect(side, &all, RECORD_PLAIN_MAX);
	buf_clear(&all);
}

static struct yamux_stream *open_one(struct side *side)
{
	side->s = yamux_open(side->y, side);
	assert_non_null(side->s);
	return side->s;
}

static void feed_data(struct side *side, uint32_t id, size_t n)
{
	uint8_t head[YAMUX_HEADER];
	struct yamux_frame f = {.type = YAMUX_DATA, .stream = id, .length = (uint32_t)n};
	uint8_t *body = xcalloc(1, n);

	yamux_frame_put(head, &f);
	yamux_input(side->y, head, sizeof(head));
	yamux_input(side->y, body, n);
	free(body);
}

/* --- streams of the peer ---------------------------------------------------------------------- */

static void stream_is_acknowledged_at_once(void **state)
{
	struct side *side = *state;

	assert_int_equal(feed(side, "000100010000000100000000"), 0);
	expect_log(side, "open 1;");
	expect_out(side, "000100020000000100000000");
	assert_int_equal(yamux_stream_id(side->s), 1);
	assert_false(yamux_stream_is_ours(side->s));
	assert_int_equal(yamux_count(side->y), 1);
}

/* A lazy opener: SYN on data, with the multistream lines behind it. */
static void syn_on_data(void **state)
{
	struct side *side = *state;

	assert_int_equal(feed(side, "000000010000000100000003 616263"), 0);
	expect_log(side, "open 1;data 1 abc;");
	expect_out(side, "000100020000000100000000");
}

static void syn_with_credit_widens_the_window(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000100");
	expect_log(side, "open 1;window 1 256;");
	assert_int_equal(yamux_writable(side->s), YAMUX_WINDOW + 256);
}

static void frames_straddle_every_border(void **state)
{
	struct side *side = *state;
	size_t n;
	uint8_t *in = unhex("000100010000000100000000 000000000000000100000002 6869"
			    "000100040000000100000000",
	    &n);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(yamux_input(side->y, in + i, 1), 0);
	expect_log(side, "open 1;data 1 h;data 1 i;fin 1;");
	free(in);
}

static void refused_stream_is_reset_and_its_data_ignored(void **state)
{
	struct side *side = *state;

	side->refuse = true;
	feed(side, "000000010000000100000003 616263 000000000000000100000001 78");
	expect_log(side, "open 1;");
	expect_out(side, "000100020000000100000000 000100080000000100001002");
	assert_int_equal(yamux_count(side->y), 0);
}

static void fin_on_data_comes_after_the_data(void **state)
{
	struct side *side = *state;

	feed(side, "000000050000000100000003 616263");
	expect_log(side, "open 1;data 1 abc;fin 1;");
	feed(side, "000000040000000100000000");
	expect_log(side, "");
	assert_true(yamux_got_fin(side->s));
}

/* So rust-libp2p ends its direction. */
static void fin_on_empty_data(void **state)
{
	struct side *side = *state;

	feed(side, "000000010000000100000000 000000040000000100000000");
	expect_log(side, "open 1;fin 1;");
}

static void data_behind_a_fin_is_ignored(void **state)
{
	struct side *side = *state;

	feed(side, "000100050000000100000000 000000000000000100000003 616263");
	expect_log(side, "open 1;fin 1;");
}

static void both_fins_end_the_stream(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000000");
	yamux_write(side->s, "hi", 2);
	yamux_finish(side->s);
	assert_int_equal(yamux_write(side->s, "x", 1), -1);
	assert_int_equal(yamux_writable(side->s), 0);
	/* FIN is a frame of its own behind the data. */
	expect_out(side, "000100020000000100000000 000000000000000100000002 6869"
			 "000100040000000100000000");
	assert_int_equal(yamux_count(side->y), 1);
	feed(side, "000100040000000100000000");
	expect_log(side, "open 1;sent 1 2;fin 1;closed 1;");
	assert_int_equal(yamux_count(side->y), 0);
	/* What still comes for a finished id is ignored: no reset, no error. */
	assert_int_equal(feed(side, "000100000000000100000100 000000000000000100000001 78"
				    "000100080000000100000000"),
	    0);
	expect_log(side, "");
	expect_out(side, "");
}

static void fin_of_the_peer_first(void **state)
{
	struct side *side = *state;

	feed(side, "000100050000000100000000");
	drop_out(side);
	yamux_finish(side->s);
	assert_true(yamux_sent_fin(side->s));
	expect_log(side, "open 1;fin 1;");
	expect_out(side, "000100040000000100000000");
	expect_log(side, "closed 1;");
	assert_int_equal(yamux_count(side->y), 0);
}

static void reset_by_the_peer_tells_its_code_and_is_no_credit(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000000 000100080000000100001001");
	expect_log(side, "open 1;reset 1 0x1001;");
	feed(side, "000100010000000300000000 000000080000000300000000");
	expect_log(side, "open 3;reset 3 0;");
	assert_int_equal(yamux_count(side->y), 0);
}

static void reset_by_us_drops_what_was_queued(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000000");
	yamux_write(side->s, "lost", 4);
	yamux_reset(side->s, YAMUX_CODE_NEGOTIATION);
	expect_out(side, "000100020000000100000000 000100080000000100001001");
	assert_int_equal(feed(side, "000000000000000100000003 616263"), 0);
	expect_log(side, "open 1;");
}

static void reset_in_the_middle_of_a_frame(void **state)
{
	struct side *side = *state;

	side->reset_on_data = true;
	feed(side, "000000010000000100000006 616263");
	assert_int_equal(feed(side, "646566 000200010000000000000007"), 0);
	expect_log(side, "open 1;data 1 abc;");
	expect_out(side, "000100020000000100000000 000100080000000100001004"
			 "000200020000000000000007");
}

static void id_may_come_again_after_its_end(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000000 000100080000000100000000 000100010000000100000000");
	expect_log(side, "open 1;reset 1 0;open 1;");
}

static void too_many_streams_are_refused(void **state)
{
	struct side *side = *state;
	struct yamux_frame f = {.type = YAMUX_WINDOW_UPDATE, .flags = YAMUX_SYN};
	uint8_t head[YAMUX_HEADER];

	for (uint32_t i = 0; i < YAMUX_STREAMS_MAX; i++) {
		f.stream = 2 * i + 1;
		yamux_frame_put(head, &f);
		assert_int_equal(yamux_input(side->y, head, sizeof(head)), 0);
	}
	drop_out(side);
	assert_int_equal(yamux_count(side->y), YAMUX_STREAMS_MAX);
	feed(side, "000100010000ffff00000000");
	expect_out(side, "000100080000ffff00001002");
	assert_int_equal(yamux_count(side->y), YAMUX_STREAMS_MAX);
}

/* --- flow control ----------------------------------------------------------------------------- */

static void window_is_256_kib_exactly(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000000");
	feed_data(side, 1, YAMUX_WINDOW);
	assert_string_equal(yamux_error(side->y), "");
	expect_log(side, "open 1;data 1 262144;");
	drop_out(side);
	feed_data(side, 1, 1);
	assert_string_equal(yamux_error(side->y), "more data than the window allows");
	expect_log(side, "reset 1 0x1007;");
	expect_out(side, "000300000000000000000001");
}

static void larger_frame_than_the_window_is_refused_at_its_header(void **state)
{
	assert_int_equal(feed(*state, "000000010000000100040001"), -1);
	expect_log(*state, "open 1;reset 1 0x1007;");
	expect_out(*state, "000300000000000000000001");
}

static void credit_is_announced_in_steps(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000000");
	feed_data(side, 1, 100000);
	drop_out(side);
	yamux_credit(side->s, 65535);
	expect_out(side, "");
	yamux_credit(side->s, 1);
	expect_out(side, "000100000000000100010000");
	feed_data(side, 1, YAMUX_WINDOW - 100000 + 65536);
	assert_string_equal(yamux_error(side->y), "");
	/* Nothing is left: less is enough. */
	yamux_credit(side->s, 4095);
	expect_out(side, "");
	yamux_credit(side->s, 1);
	expect_out(side, "000100000000000100001000");
	feed_data(side, 1, 4096);
	assert_string_equal(yamux_error(side->y), "");
	feed_data(side, 1, 1);
	assert_string_not_equal(yamux_error(side->y), "");
}

static void window_grows_by_more_credit_than_was_used(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000000");
	drop_out(side);
	yamux_credit(side->s, 1 << 20);
	expect_out(side, "000100000000000100100000");
	feed_data(side, 1, YAMUX_WINDOW + (1 << 20));
	assert_string_equal(yamux_error(side->y), "");
}

static void credit_does_not_overflow(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000000");
	drop_out(side);
	yamux_credit(side->s, SIZE_MAX);
	expect_out(side, "0001000000000001fffbffff");
	yamux_credit(side->s, 1);
	expect_out(side, "");
}

static void no_credit_behind_a_fin(void **state)
{
	struct side *side = *state;

	feed(side, "000100050000000100000000");
	drop_out(side);
	yamux_credit(side->s, YAMUX_WINDOW);
	expect_out(side, "");
}

static void sender_keeps_to_the_window(void **state)
{
	struct side *side = *state;
	static uint8_t data[YAMUX_WINDOW + 1000];
	struct buf all;

	open_one(side);
	assert_int_equal(yamux_write(side->s, data, sizeof(data)), 0);
	assert_int_equal(yamux_writable(side->s), 0);
	collect(side, &all, RECORD_PLAIN_MAX);
	/* SYN, and five frames since a record holds 65519 bytes. */
	assert_int_equal(buf_len(&all), YAMUX_WINDOW + 6 * YAMUX_HEADER);
	buf_clear(&all);
	assert_int_equal(yamux_queued(side->s), 1000);
	buf_truncate(&side->log, 0);
	feed(side, "000100000000000100000384");
	expect_log(side, "window 1 900;");
	collect(side, &all, RECORD_PLAIN_MAX);
	assert_int_equal(buf_len(&all), 900 + YAMUX_HEADER);
	buf_clear(&all);
	yamux_finish(side->s);
	/* FIN waits for the last byte. */
	expect_out(side, "");
	feed(side, "000100000000000100000064");
	collect(side, &all, RECORD_PLAIN_MAX);
	assert_int_equal(buf_len(&all), 100 + 2 * YAMUX_HEADER);
	buf_clear(&all);
}

/* js-libp2p announces huge windows; two of them must not wrap round. */
static void huge_windows_do_not_overflow(void **state)
{
	struct side *side = *state;

	open_one(side);
	feed(side, "0001000000000001ffffffff 0001000000000001ffffffff");
	expect_log(side, "window 1 4294967295;window 1 4294967295;");
	assert_int_equal(yamux_writable(side->s), YAMUX_WINDOW + 2 * (size_t)UINT32_MAX);
}

/* --- output ----------------------------------------------------------------------------------- */

static void small_frames_share_one_output(void **state)
{
	struct side *side = *state;
	struct bytes pieces[YAMUX_PIECES_MAX];
	size_t count, total = 0;

	open_one(side);
	yamux_write(side->s, "a", 1);
	yamux_write(side->s, "bc", 2);
	open_one(side);
	yamux_write(side->s, "d", 1);
	count = yamux_output(side->y, RECORD_PLAIN_MAX, pieces);
	for (size_t i = 0; i < count; i++)
		total += pieces[i].len;
	assert_int_equal(total, 4 * YAMUX_HEADER + 4);
	assert_false(yamux_has_output(side->y));
}

static void streams_take_turns(void **state)
{
	static const uint32_t want[] = {1, 3, 5, 1, 3, 5, 1, 3, 5};
	struct side *side = *state;
	static uint8_t data[3 * (RECORD_PLAIN_MAX - YAMUX_HEADER)];
	struct bytes pieces[YAMUX_PIECES_MAX];
	struct yamux_frame f;

	for (unsigned i = 0; i < 3; i++)
		open_one(side);
	drop_out(side);
	for (uint32_t id = 1; id <= 5; id += 2)
		yamux_write(map_getn(side->y->by_id, id), data, sizeof(data));
	for (unsigned i = 0; i < sizeof(want) / sizeof(*want); i++) {
		assert_true(yamux_output(side->y, RECORD_PLAIN_MAX, pieces) >= 2);
		yamux_frame_get(&f, pieces[0].data);
		assert_int_equal(f.stream, want[i]);
	}
}

static void control_goes_before_data(void **state)
{
	struct side *side = *state;
	static uint8_t data[200000];
	struct bytes pieces[YAMUX_PIECES_MAX];
	struct yamux_frame f;

	open_one(side);
	drop_out(side);
	yamux_write(side->s, data, sizeof(data));
	yamux_output(side->y, RECORD_PLAIN_MAX, pieces);
	feed(side, "0002000100000000deadbeef");
	yamux_output(side->y, RECORD_PLAIN_MAX, pieces);
	yamux_frame_get(&f, pieces[0].data);
	assert_int_equal(f.type, YAMUX_PING);
	assert_int_equal(f.flags, YAMUX_ACK);
	assert_int_equal(f.length, 0xdeadbeef);
}

/* More control frames than one output takes: data must not overtake its own SYN. */
static void data_does_not_overtake_its_syn(void **state)
{
	struct side *side = *state;
	struct yamux_frame f;
	struct buf all;
	size_t at = 0, data = 0;

	for (unsigned i = 0; i < 100; i++) {
		open_one(side);
		yamux_write(side->s, "x", 1);
	}
	collect(side, &all, YAMUX_OUTPUT_MIN);
	for (; at < buf_len(&all); at += YAMUX_HEADER) {
		yamux_frame_get(&f, buf_data(&all) + at);
		if (f.type == YAMUX_DATA) {
			data++;
			at++;
		} else {
			assert_int_equal(f.flags, YAMUX_SYN);
			assert_int_equal(data, 0);
		}
	}
	assert_int_equal(data, 100);
	buf_clear(&all);
}

static void lent_bytes_are_sent_from_where_they_are(void **state)
{
	struct side *side = *state;
	static uint8_t message[100000];
	struct bytes pieces[YAMUX_PIECES_MAX];
	size_t total = 0;

	open_one(side);
	drop_out(side);
	yamux_write(side->s, "before", 6);
	assert_int_equal(yamux_lend(side->s, message, sizeof(message)), 0);
	assert_int_equal(yamux_output(side->y, RECORD_PLAIN_MAX, pieces), 3);
	assert_memory_equal(pieces[1].data, "before", 6);
	assert_ptr_equal(pieces[2].data, message);
	assert_int_equal(pieces[2].len, RECORD_PLAIN_MAX - YAMUX_HEADER - 6);
	memset(message, 'm', sizeof(message));
	yamux_settle(side->s);
	memset(message, 0, sizeof(message));
	yamux_write(side->s, "after", 5);
	size_t count = yamux_output(side->y, RECORD_PLAIN_MAX, pieces);
	for (size_t i = 1; i < count; i++)
		total += pieces[i].len;
	assert_int_equal(total, sizeof(message) - (RECORD_PLAIN_MAX - YAMUX_HEADER - 6) + 5);
	assert_int_equal(pieces[1].data[0], 'm');
	assert_memory_equal(pieces[count - 1].data + pieces[count - 1].len - 5, "after", 5);
}

static void stream_may_end_while_it_borrows(void **state)
{
	struct side *side = *state;
	uint8_t *message = xcalloc(1, 1000);

	feed(side, "000100050000000100000000");
	struct yamux_stream *s = side->s;
	yamux_lend(s, message, 1000);
	yamux_finish(s);
	drop_out(side);
	drop_out(side);
	expect_log(side, "open 1;fin 1;sent 1 1000;closed 1;");
	yamux_settle(s);
	free(message);
	drop_out(side);
}

static void memory_is_given_back_by_the_next_output(void **state)
{
	struct side *side = *state;
	struct bytes pieces[YAMUX_PIECES_MAX];

	open_one(side);
	yamux_write(side->s, "x", 1);
	yamux_output(side->y, RECORD_PLAIN_MAX, pieces);
	assert_non_null(side->y->spent);
	yamux_output(side->y, RECORD_PLAIN_MAX, pieces);
	assert_null(side->y->spent);
	yamux_reset(side->s, YAMUX_CODE_NONE);
	assert_false(LIST_EMPTY(&side->y->graveyard));
	yamux_output(side->y, RECORD_PLAIN_MAX, pieces);
	assert_true(LIST_EMPTY(&side->y->graveyard));
}

static void queue_is_bounded(void **state)
{
	struct side *side = *state;
	uint8_t *data = xcalloc(1, YAMUX_QUEUE_MAX);

	open_one(side);
	assert_int_equal(yamux_write(side->s, data, YAMUX_QUEUE_MAX), 0);
	assert_int_equal(yamux_write(side->s, data, 1), -1);
	assert_int_equal(yamux_lend(side->s, data, 1), -1);
	struct yamux_stream *other = open_one(side);
	assert_int_equal(yamux_write(other, data, 1), -1);
	/* What is thrown away or sent makes room again. */
	yamux_reset(map_getn(side->y->by_id, 1), YAMUX_CODE_NONE);
	assert_int_equal(yamux_write(other, data, YAMUX_QUEUE_MAX), 0);
	assert_int_equal(yamux_write(other, data, 1), -1);
	drop_out(side);
	assert_int_equal(yamux_write(other, data, YAMUX_WINDOW), 0);
	free(data);
}

/* --- our streams ------------------------------------------------------------------------------ */

static void ids_of_client_and_server(void **state)
{
	struct side *client = *state;
	void *server_state;

	open_one(client);
	open_one(client);
	expect_out(client, "000100010000000100000000 000100010000000300000000");
	assert_true(yamux_stream_is_ours(client->s));
	setup_server(&server_state);
	open_one(server_state);
	expect_out(server_state, "000100010000000200000000");
	teardown(&server_state);
}

static void unacknowledged_streams_are_bounded(void **state)
{
	struct side *side = *state;

	for (unsigned i = 0; i < YAMUX_UNACKED_MAX; i++)
		open_one(side);
	assert_false(yamux_may_open(side->y));
	assert_null(yamux_open(side->y, side));
	/* An ACK on data counts, a second one does not, and neither does the end of a stream. */
	feed(side, "000000020000000100000001 78 000100020000000100000000");
	open_one(side);
	assert_null(yamux_open(side->y, side));
	yamux_reset(side->s, YAMUX_CODE_NONE);
	open_one(side);
	assert_null(yamux_open(side->y, side));
	assert_false(yamux_is_over(side->y));
}

static void our_streams_are_bounded(void **state)
{
	struct side *side = *state;
	struct yamux_frame f = {.type = YAMUX_WINDOW_UPDATE, .flags = YAMUX_ACK};
	uint8_t head[YAMUX_HEADER];

	for (unsigned i = 0; i < YAMUX_STREAMS_MAX; i++) {
		f.stream = yamux_stream_id(open_one(side));
		yamux_frame_put(head, &f);
		yamux_input(side->y, head, sizeof(head));
	}
	assert_null(yamux_open(side->y, side));
	yamux_reset(side->s, YAMUX_CODE_NONE);
	open_one(side);
}

static void opening_waits_while_nothing_is_read(void **state)
{
	struct side *side = *state;

	while (yamux_may_open(side->y))
		yamux_reset(open_one(side), YAMUX_CODE_NONE);
	assert_int_equal(yamux_tick(side->y, 1), 0);
	drop_out(side);
	open_one(side);
}

static void ids_run_out(void **state)
{
	struct side *side = *state;

	side->y->next_id = UINT32_MAX;
	open_one(side);
	assert_int_equal(yamux_stream_id(side->s), UINT32_MAX);
	assert_null(yamux_open(side->y, side));
	assert_true(yamux_is_over(side->y));
}

static void goaway_ends_opening(void **state)
{
	struct side *side = *state;

	open_one(side);
	assert_int_equal(feed(side, "000300000000000000000000 000300000000000000000001"), 0);
	expect_log(side, "goaway 0;");
	assert_true(yamux_is_over(side->y));
	assert_null(yamux_open(side->y, side));
	/* What is open goes on. */
	feed(side, "000000020000000100000001 78");
	expect_log(side, "data 1 x;");
}

static void close_resets_all_and_says_goaway_last(void **state)
{
	struct side *side = *state;

	open_one(side);
	yamux_write(side->s, "x", 1);
	yamux_close(side->y, YAMUX_GOAWAY_NORMAL);
	expect_log(side, "reset 1 0x1007;");
	expect_out(side, "000300000000000000000000");
	assert_int_equal(feed(side, "000100010000000200000000"), 0);
	expect_log(side, "");
	expect_out(side, "");
}

static void close_from_a_callback(void **state)
{
	struct side *side = *state;

	side->close_on_data = true;
	assert_int_equal(feed(side, "000000010000000100000006 616263 646566"), 0);
	expect_log(side, "open 1;data 1 abcdef;reset 1 0x1007;");
	expect_out(side, "000300000000000000000000");
}

/* --- the session ------------------------------------------------------------------------------ */

static void ping_is_echoed_exactly(void **state)
{
	struct side *side = *state;

	feed(side, "000200010000000000000000 000200010000000012345678");
	expect_out(side, "000200020000000000000000 000200020000000012345678");
}

static void answers_that_nobody_asked_for_are_ignored(void **state)
{
	assert_int_equal(feed(*state, "000200020000000000000000 000200000000000000000000"), 0);
	expect_out(*state, "");
}

static void pings_only_into_silence_and_one_at_a_time(void **state)
{
	struct side *side = *state;
	uint64_t t = 5000000;

	assert_int_equal(yamux_tick(side->y, t), 0);
	assert_int_equal(yamux_tick(side->y, t + YAMUX_PING_AFTER - 1), 0);
	expect_out(side, "");
	assert_int_equal(yamux_tick(side->y, t += YAMUX_PING_AFTER), 0);
	expect_out(side, "000200010000000000000000");
	assert_int_equal(yamux_tick(side->y, t + YAMUX_PING_WAIT - 1), 0);
	feed(side, "000200020000000000000000");
	assert_int_equal(yamux_tick(side->y, t += YAMUX_PING_WAIT), 0);
	expect_out(side, "");
	/* The next one counts up. */
	assert_int_equal(yamux_tick(side->y, t += YAMUX_PING_AFTER), 0);
	expect_out(side, "000200010000000000000001");
	/* The wrong value is no answer, but a sign of life. */
	feed(side, "000200020000000000000000");
	assert_int_equal(yamux_tick(side->y, t += YAMUX_PING_WAIT), 0);
	expect_out(side, "");
	assert_int_equal(yamux_tick(side->y, t + YAMUX_PING_WAIT - 1), 0);
	assert_int_equal(yamux_tick(side->y, t + YAMUX_PING_WAIT), -1);
	assert_string_equal(yamux_error(side->y), "no sign of life after a ping");
}

static void flood_of_pings_without_reading_is_cut(void **state)
{
	struct side *side = *state;
	unsigned n = 0;

	while (feed(side, "000200010000000000000000") == 0)
		assert_true(++n <= YAMUX_CONTROL_MAX / YAMUX_HEADER);
	assert_int_equal(n, YAMUX_CONTROL_MAX / YAMUX_HEADER);
	expect_out(side, "000300000000000000000001");
	assert_int_equal(feed(side, "000200010000000000000000"), -1);
}

static void flood_by_our_own_credit_is_seen_at_the_tick(void **state)
{
	struct side *side = *state;

	feed(side, "000100010000000100000000");
	for (unsigned i = 0; i < YAMUX_CONTROL_MAX / YAMUX_HEADER; i++)
		yamux_credit(side->s, 65536);
	assert_int_equal(yamux_tick(side->y, 1000), -1);
	expect_log(side, "open 1;reset 1 0x1007;");
}

static void expect_violation(const char *hex, const char *error)
{
	void *state;

	setup_server(&state);
	struct side *side = state;
	assert_int_equal(feed(side, hex), -1);
	assert_string_equal(yamux_error(side->y), error);
	expect_out(side, "000300000000000000000001");
	assert_int_equal(yamux_count(side->y), 0);
	assert_int_equal(feed(side, "000200010000000000000000"), -1);
	expect_out(side, "");
	teardown(&state);
}

static void violations_end_the_session(void **state)
{
	(void)state;
	expect_violation("010200010000000000000000", "a version other than 0");
	expect_violation("000400000000000000000000", "a frame of unknown type");
	expect_violation("000000000000000000000001", "a stream frame for stream 0");
	expect_violation("000100010000000000000000", "a stream frame for stream 0");
	expect_violation("000100010000000200000000", "a stream was opened with an id of our side");
	expect_violation(
	    "000100010000000100000000 000000010000000100000000", "a stream was opened twice");
}

static void unknown_streams_are_ignored_with_their_data(void **state)
{
	struct side *side = *state;

	assert_int_equal(feed(side, "000000000000000900000004 00000000 000100000000000700000001"
				    "000100080000000200000000 000100090000000b00000000"
				    "000200010000000000000001"),
	    0);
	expect_log(side, "");
	expect_out(side, "000200020000000000000001");
}

#define CLIENT(name) cmocka_unit_test_setup_teardown(name, setup_client, teardown)
#define SERVER(name) cmocka_unit_test_setup_teardown(name, setup_server, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVER(stream_is_acknowledged_at_once),
	    SERVER(syn_on_data),
	    SERVER(syn_with_credit_widens_the_window),
	    SERVER(frames_straddle_every_border),
	    SERVER(refused_stream_is_reset_and_its_data_ignored),
	    SERVER(fin_on_data_comes_after_the_data),
	    SERVER(fin_on_empty_data),
	    SERVER(data_behind_a_fin_is_ignored),
	    SERVER(both_fins_end_the_stream),
	    SERVER(fin_of_the_peer_first),
	    SERVER(reset_by_the_peer_tells_its_code_and_is_no_credit),
	    SERVER(reset_by_us_drops_what_was_queued),
	    SERVER(reset_in_the_middle_of_a_frame),
	    SERVER(id_may_come_again_after_its_end),
	    SERVER(too_many_streams_are_refused),
	    SERVER(window_is_256_kib_exactly),
	    SERVER(larger_frame_than_the_window_is_refused_at_its_header),
	    SERVER(credit_is_announced_in_steps),
	    SERVER(window_grows_by_more_credit_than_was_used),
	    SERVER(credit_does_not_overflow),
	    SERVER(no_credit_behind_a_fin),
	    CLIENT(sender_keeps_to_the_window),
	    CLIENT(huge_windows_do_not_overflow),
	    CLIENT(small_frames_share_one_output),
	    CLIENT(streams_take_turns),
	    CLIENT(control_goes_before_data),
	    CLIENT(data_does_not_overtake_its_syn),
	    CLIENT(lent_bytes_are_sent_from_where_they_are),
	    SERVER(stream_may_end_while_it_borrows),
	    CLIENT(memory_is_given_back_by_the_next_output),
	    CLIENT(queue_is_bounded),
	    CLIENT(ids_of_client_and_server),
	    CLIENT(unacknowledged_streams_are_bounded),
	    CLIENT(our_streams_are_bounded),
	    CLIENT(opening_waits_while_nothing_is_read),
	    CLIENT(ids_run_out),
	    CLIENT(goaway_ends_opening),
	    CLIENT(close_resets_all_and_says_goaway_last),
	    SERVER(close_from_a_callback),
	    SERVER(ping_is_echoed_exactly),
	    SERVER(answers_that_nobody_asked_for_are_ignored),
	    SERVER(pings_only_into_silence_and_one_at_a_time),
	    SERVER(flood_of_pings_without_reading_is_cut),
	    SERVER(flood_by_our_own_credit_is_seen_at_the_tick),
	    cmocka_unit_test(violations_end_the_session),
	    SERVER(unknown_streams_are_ignored_with_their_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
