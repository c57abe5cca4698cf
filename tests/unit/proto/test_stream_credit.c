/* Credit of streams: what a slow reader stops, and how windows grow. */
#include "tests/unit/proto/stream_testing.h"

static void test_a_reader_that_never_consumes(void **state)
{
	static uint8_t chunk[STREAM_WINDOW_MAX];
	struct pair p;
	struct side out;
	size_t sent;

	(void)state;
	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	sent = write_pattern(out.s, 0, 4 * MIB, 1000);
	assert_int_equal(sent, STREAM_WINDOW);
	assert_int_equal(stream_credit(out.s), 0);
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW);
	for (int i = 0; i < 20; i++)
		loop_turn(p.loop, 5);
	assert_int_equal(stream_write(out.s, "x", 1, false), 0);
	assert_int_equal(out.writables, 0);
	/* It takes heart: exactly what it has consumed may come (and at most as much again). */
	stream_consumed(in.s, STREAM_WINDOW);
	PAIR_UNTIL(&p, out.writables == 1);
	assert_in_range(stream_credit(out.s), STREAM_WINDOW, 2 * STREAM_WINDOW);
	/* Credit that grows from more than nothing is no event. */
	for (int i = 0; i < 20; i++) {
		size_t n = stream_credit(out.s) / 2;

		assert_int_equal(stream_write(out.s, chunk, n, false), n);
		in.received = 0;
		PAIR_UNTIL(&p, in.received == n);
		stream_consumed(in.s, n);
	}
	assert_int_equal(out.writables, 1);
	end(&p);
}

/* Credit goes back even if less than half a window is consumed, when the writer has run dry. */
static void test_no_deadlock_below_half_a_window(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	write_pattern(out.s, 0, STREAM_WINDOW + 1, 4096);
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW);
	stream_consumed(in.s, 1000);
	PAIR_UNTIL(&p, stream_credit(out.s) == 1000);
	end(&p);
}

static void test_small_returns_are_batched(void **state)
{
	struct pair p;
	struct side out;
	uint64_t before;

	(void)state;
	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	assert_int_equal(write_pattern(out.s, 0, SIZE_MAX, 100000), STREAM_WINDOW);
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW);
	/* The writer is not short of credit then. */
	stream_consumed(in.s, STREAM_WINDOW / 2);
	PAIR_UNTIL(&p, stream_credit(out.s) > 0);
	before = link_counted(p.viewer.link).messages_out;
	for (int i = 0; i < 1000; i++) {
		stream_consumed(in.s, 10);
		if (i % 100 == 0)
			loop_turn(p.loop, 1);
	}
	assert_int_equal(link_counted(p.viewer.link).messages_out, before);
	end(&p);
}

/* The whole way: the writer fills credit whenever there is some. */
static double transfer(struct pair *p, struct side *out, size_t total, size_t piece)
{
	uint64_t began = clock_mono_us();
	size_t at = 0;

	while (!in.last) {
		if (at < total && out->s != NULL && stream_credit(out->s) > 0)
			at = write_pattern(out->s, at, total, piece);
		loop_turn(p->loop, at < total && stream_credit(out->s) > 0 ? 0 : 100);
		assert_true(clock_mono_us() - began < 60000000);
	}
	assert_int_equal(in.received, total);
	return (double)total / (double)(clock_mono_us() - began);
}

static void test_every_byte_arrives(void **state)
{
	const size_t pieces[] = {1, 7, 999, 4096, 65536, 300000};
	struct pair p;
	struct side out;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		begin(&p);
		in.check = true;
		open_down(&p, &out);
		transfer(&p, &out, pieces[i] == 1 ? 300000 : 3 * MIB, pieces[i]);
		end(&p);
	}
}

/* The writer sees it as credit beyond the first window. */
static void grow_one(struct pair *p)
{
	struct side out;

	open_down(p, &out);
	for (size_t at = 0; stream_credit(out.s) <= 2 * STREAM_WINDOW;) {
		assert_true(at < 64 * MIB);
		at = write_pattern(out.s, at, SIZE_MAX, 256 * 1024);
		PAIR_UNTIL(p, in.received == at);
		for (int i = 0; i < 3; i++)
			loop_turn(p->loop, 0);
	}
	assert_true(stream_credit(out.s) <= STREAM_WINDOW_MAX);
	stream_reset(out.s, STREAM_CANCELLED, "");
	PAIR_UNTIL(p, in.was_reset);
	memset(&in, 0, sizeof(in));
}

/* Many times, since the budget of the process must come back with each stream's end. */
static void test_window_grows_for_a_fast_reader(void **state)
{
	struct pair p;

	(void)state;
	begin(&p);
	for (size_t n = 0; n < 2 * STREAM_BUDGET / STREAM_WINDOW; n++)
		grow_one(&p);
	end(&p);
}

/* The path that is slow lies behind the one who passes on; between two processes 2 MiB are enough.
 */
static void test_window_of_what_is_passed_on(void **state)
{
	struct side out;
	struct pair p;
	size_t at = 0;

	(void)state;
	begin(&p);
	manner = PASS;
	open_up(&p, &out, 5000);
	PAIR_UNTIL(&p, in.s != NULL);
	stream_accept(in.s, PROTOCOL_GOOP_SITE, "");
	PAIR_UNTIL(&p, out.opened);
	in.hold = true;
	while (at < 32 * MIB) {
		uint64_t began = loop_now(p.loop);
		size_t before = at;

		at = write_pattern(out.s, at, SIZE_MAX, 256 * 1024);
		assert_in_range(at - before, 1, 2 * MIB);
		PAIR_UNTIL(&p, in.received == at && loop_now(p.loop) > began + 10);
		stream_consumed(in.s, at - before);
		PAIR_UNTIL(&p, stream_credit(out.s) > 0);
	}
	stream_reset(out.s, STREAM_CANCELLED, "");
	PAIR_UNTIL(&p, in.was_reset);
	end(&p);
}

/* Not in place: what is written comes from stream_room(). */
static void test_room_in_place(void **state)
{
	struct pair p;
	struct side out;
	size_t at = 0, room;
	uint8_t *to;

	(void)state;
	begin(&p);
	in.check = true;
	open_down(&p, &out);
	while (at < 2 * MIB) {
		to = stream_room(out.s, 16384, &room);
		if (to == NULL) {
			assert_int_equal(room, 0);
			loop_turn(p.loop, 10);
			continue;
		}
		assert_in_range(room, 1, 16384);
		for (size_t i = 0; i < room; i++)
			to[i] = pattern(at + i);
		/* Often less is used than was asked for, as with a decrypted frame. */
		if (room > 16)
			room -= 16;
		at += room;
		stream_wrote(out.s, room, false);
	}
	to = stream_room(out.s, 100, &room);
	if (to != NULL)
		stream_wrote(out.s, 0, true);
	else
		stream_finish(out.s);
	PAIR_UNTIL(&p, in.last);
	assert_int_equal(in.received, at);
	end(&p);
}

/* Frames of 16 KiB in one turn leave as messages of up to 256 KiB. */
static void test_frames_are_gathered(void **state)
{
	struct pair p;
	struct side out;
	size_t room;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	for (int i = 0; i < 16; i++) {
		memset(stream_room(out.s, 16384, &room), 1, 16384);
		assert_int_equal(room, 16384);
		stream_wrote(out.s, room, false);
	}
	assert_int_equal(stream_credit(out.s), 0);
	assert_null(stream_room(out.s, 1, &room));
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW);
	assert_int_equal(in.messages, 1);
	/* Rooms are in one piece: what would be cut begins a message of its own. */
	PAIR_UNTIL(&p, stream_credit(out.s) >= STREAM_WINDOW + 60000);
	for (int i = 0; i < 5; i++) {
		memset(stream_room(out.s, 60000, &room), 1, 60000);
		assert_int_equal(room, 60000);
		stream_wrote(out.s, room, false);
	}
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW + 5 * 60000);
	assert_int_equal(in.messages, 3);
	end(&p);
}

static void test_credit_is_passed_through(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	manner = PASS;
	open_up(&p, &out, 5000);
	PAIR_UNTIL(&p, in.s != NULL);
	stream_accept(in.s, PROTOCOL_GOOP_SITE, "");
	assert_int_equal(write_pattern(in.s, 0, STREAM_WINDOW + 1, 65536), STREAM_WINDOW);
	PAIR_UNTIL(&p, in.passed >= STREAM_WINDOW);
	assert_int_equal(in.writables, 0);
	assert_int_equal(stream_credit(in.s), in.passed);
	end(&p);
}

/* Byte by byte to a reader that is stuck: the number of messages is bounded as well. */
static void test_tiny_writes_to_a_stuck_reader(void **state)
{
	struct pair p;
	struct side out;
	uint64_t before;

	(void)state;
	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	before = link_counted(p.transport.link).messages_out;
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(stream_write(out.s, "x", 1, false), 1);
		loop_turn(p.loop, 0);
	}
	assert_true(link_counted(p.transport.link).messages_out - before < 300);
	/* Held bytes come without being asked for, and without credit. */
	PAIR_UNTIL(&p, in.received == 3000);
	end(&p);
}

/* Both ends in one thread, so this is a floor, printed for comparison and asserted by nobody. */
static void test_throughput(void **state)
{
	const size_t pieces[] = {16384, 65536, 262144};
	static uint8_t chunk[262144];
	struct pair p;
	struct side out;
	uint64_t began;

	(void)state;
	for (int i = 0; i < 3; i++) {
		begin(&p);
		open_down(&p, &out);
		began = clock_mono_us();
		for (size_t at = 0; at < 64 * MIB;) {
			at += stream_write(out.s, chunk, pieces[i], false);
			loop_turn(p.loop, stream_credit(out.s) > 0 ? 0 : 100);
		}
		stream_finish(out.s);
		PAIR_UNTIL(&p, in.last);
		print_message("64 MiB in writes of %zu: %.0f MB/s\n", pieces[i],
		    64.0 * MIB / (double)(clock_mono_us() - began));
		end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_reader_that_never_consumes),
	    cmocka_unit_test(test_no_deadlock_below_half_a_window),
	    cmocka_unit_test(test_small_returns_are_batched),
	    cmocka_unit_test(test_every_byte_arrives),
	    cmocka_unit_test(test_window_grows_for_a_fast_reader),
	    cmocka_unit_test(test_window_of_what_is_passed_on),
	    cmocka_unit_test(test_room_in_place),
	    cmocka_unit_test(test_frames_are_gathered),
	    cmocka_unit_test(test_credit_is_passed_through),
	    cmocka_unit_test(test_tiny_writes_to_a_stuck_reader),
	    cmocka_unit_test(test_throughput),
	};

	int failed = cmocka_run_group_tests_name("messages alone", tests, NULL, NULL);

	with_slab = true;
	return failed + cmocka_run_group_tests_name("with a slab", tests, NULL, NULL);
}
