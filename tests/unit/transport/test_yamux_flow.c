/* Windows and credit, of both directions. */
#include "tests/unit/transport/yamux_side.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVER(window_is_256_kib_exactly),
	    SERVER(larger_frame_than_the_window_is_refused_at_its_header),
	    SERVER(credit_is_announced_in_steps),
	    SERVER(window_grows_by_more_credit_than_was_used),
	    SERVER(credit_does_not_overflow),
	    SERVER(no_credit_behind_a_fin),
	    CLIENT(sender_keeps_to_the_window),
	    CLIENT(huge_windows_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
