/* What is sent, in which order and from whose memory. */
#include "tests/unit/transport/yamux_side.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CLIENT(small_frames_share_one_output),
	    CLIENT(streams_take_turns),
	    CLIENT(control_goes_before_data),
	    CLIENT(data_does_not_overtake_its_syn),
	    CLIENT(lent_bytes_are_sent_from_where_they_are),
	    SERVER(stream_may_end_while_it_borrows),
	    CLIENT(memory_is_given_back_by_the_next_output),
	    CLIENT(queue_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
