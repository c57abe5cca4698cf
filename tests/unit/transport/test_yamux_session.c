/* Pings, the end of a session, and peers that break the rules or flood. */
#include "tests/unit/transport/yamux_side.h"

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
	/* The wrong value is no answer, but a sign of life: the next silence begins anew. */
	feed(side, "000200020000000000000000");
	assert_int_equal(yamux_tick(side->y, t += YAMUX_PING_WAIT), 0);
	expect_out(side, "");
	assert_int_equal(yamux_tick(side->y, t + YAMUX_PING_AFTER - 1), 0);
	expect_out(side, "");
	assert_int_equal(yamux_tick(side->y, t += YAMUX_PING_AFTER), 0);
	expect_out(side, "000200010000000000000002");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
