/* The life of streams, of both sides, against bytes written out by hand. */
#include "tests/unit/transport/yamux_side.h"

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
	    CLIENT(ids_of_client_and_server),
	    CLIENT(unacknowledged_streams_are_bounded),
	    CLIENT(our_streams_are_bounded),
	    CLIENT(opening_waits_while_nothing_is_read),
	    CLIENT(ids_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
