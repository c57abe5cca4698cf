/* The life of streams: opened, accepted, ended, and what a restart does to them. */
#include "tests/unit/proto/stream_testing.h"

static void test_request_and_answer(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	buf_init(&in.got, 100);
	open_down(&p, &out);
	buf_init(&out.got, 100);
	assert_int_equal(stream_write(out.s, "GET /\n", 6, true), 6);
	assert_int_equal(streams_count(p.transport.streams), 1);
	PAIR_UNTIL(&p, in.last && out.opened);
	assert_int_equal(out.protocol, PROTOCOL_GOOP_SITE);
	assert_int_equal(in.protocol, PROTOCOL_GOOP_SITE);
	assert_string_equal(in.peer, "12D3KooWRemote");
	assert_string_equal(stream_peer(in.s), "12D3KooWRemote");
	assert_string_equal(in.address, "/ip4/10.0.0.2/tcp/4001");
	assert_memory_equal(buf_data(&in.got), "GET /\n", 6);
	assert_int_equal(in.messages, 1); /* one turn, one message */
	stream_write(in.s, "OK text/plain 2\n", 16, false);
	stream_write(in.s, "hi", 2, false);
	stream_finish(in.s);
	PAIR_UNTIL(&p, out.closed && in.closed);
	assert_int_equal(out.messages, 1);
	assert_memory_equal(buf_data(&out.got), "OK text/plain 2\nhi", 18);
	assert_int_equal(streams_count(p.transport.streams), 0);
	assert_int_equal(streams_count(p.viewer.streams), 0);
	buf_clear(&out.got);
	end(&p);
}

/* What a hook writes after the hook of streams has run. Not at once: loop_turn() runs the hooks
 * before it thinks of sleeping, too. */
struct late {
	struct stream *s;
	unsigned calls;
};

static bool write_late(void *arg)
{
	struct late *l = arg;

	if (++l->calls == 2)
		assert_int_equal(stream_write(l->s, "late", 4, false), 4);
	return false;
}

static void test_written_in_a_later_hook(void **state)
{
	struct pair p;
	struct side out;
	struct late late = {0};
	struct before_sleep *hook;
	uint64_t began;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	late.s = out.s;
	hook = loop_before_sleep(p.loop, write_late, &late);
	began = clock_mono_ms();
	while (in.received < 4)
		loop_turn(p.loop, 10000);
	assert_true(clock_mono_ms() - began < 5000);
	before_sleep_free(hook);
	end(&p);
}

static void test_request_with_choices(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	open_up(&p, &out, 5000);
	stream_write(out.s, "early", 5, false);
	PAIR_UNTIL(&p, in.received == 5);
	assert_false(out.opened);
	assert_int_equal(asked.protocol_count, 2);
	assert_int_equal(asked.protocols[1], PROTOCOL_GOOP_AVATAR);
	assert_int_equal(asked.deadline_ms, 5000);
	assert_string_equal(in.peer, "12D3KooWRemote");
	/* Before it is accepted, what is written waits. */
	assert_int_equal(stream_write(in.s, "NONE\n", 5, true), 5);
	for (int i = 0; i < 5; i++)
		loop_turn(p.loop, 5);
	assert_int_equal(out.received, 0);
	stream_accept(in.s, PROTOCOL_GOOP_AVATAR, "/ip4/10.0.0.9/tcp/1");
	PAIR_UNTIL(&p, out.last);
	assert_true(out.opened);
	assert_int_equal(out.protocol, PROTOCOL_GOOP_AVATAR);
	assert_string_equal(out.address, "/ip4/10.0.0.9/tcp/1");
	stream_finish(out.s);
	PAIR_UNTIL(&p, out.closed && in.closed);
	end(&p);
}

static unsigned opened_sent(const struct pair *p)
{
	return (unsigned)link_counted_type(p->transport.link, MSG_STREAM_OPENED).messages_out;
}

/* Messages that leave one after the other, with nothing between, wake the other end once. */
static void test_acceptance_leaves_with_the_first_bytes(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	open_up(&p, &out, 5000);
	stream_write(out.s, "early", 5, false);
	PAIR_UNTIL(&p, in.received == 5);
	stream_accept(in.s, PROTOCOL_GOOP_SITE, "");
	assert_int_equal(opened_sent(&p), 0);
	assert_int_equal(stream_write(in.s, "NONE\n", 5, true), 5);
	loop_turn(p.loop, 0);
	assert_int_equal(opened_sent(&p), 1);
	PAIR_UNTIL(&p, out.last);
	stream_finish(out.s);
	PAIR_UNTIL(&p, out.closed && in.closed);
	/* Accepted and ended in one breath: the end is all that is heard. */
	open_up(&p, &out, 5000);
	PAIR_UNTIL(&p, incoming_count == 2);
	stream_accept(in.s, PROTOCOL_GOOP_SITE, "");
	stream_reset(in.s, STREAM_BROKEN, "after all");
	PAIR_UNTIL(&p, out.was_reset);
	assert_false(out.opened);
	assert_int_equal(out.code, STREAM_BROKEN);
	assert_int_equal(opened_sent(&p), 1);
	end(&p);
}

static void test_refused(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	manner = REFUSE;
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.was_reset);
	assert_int_equal(out.code, STREAM_REFUSED);
	open_up(&p, &out, 5000);
	PAIR_UNTIL(&p, out.was_reset);
	assert_int_equal(out.code, STREAM_REFUSED);
	manner = RESET_AT_ONCE;
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.was_reset);
	assert_int_equal(out.code, STREAM_UNREACHABLE);
	assert_string_equal(out.text, "ipc\xc3\xa9");
	end(&p);
}

static void test_write_while_being_offered(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	manner = WRITE_AT_ONCE;
	open_down(&p, &out);
	stream_finish(out.s);
	PAIR_UNTIL(&p, out.closed && in.closed);
	assert_true(out.opened);
	assert_int_equal(out.received, 5);
	end(&p);
}

static void test_no_answer_is_a_timeout(void **state)
{
	struct pair p;
	struct side out, out2;

	(void)state;
	begin(&p);
	open_up(&p, &out2, 60000);
	open_up(&p, &out, 30);
	PAIR_UNTIL(&p, out.was_reset && in.was_reset);
	assert_int_equal(out.code, STREAM_TIMEOUT);
	assert_int_equal(in.code, STREAM_TIMEOUT);
	assert_false(out2.was_reset);
	stream_reset(out2.s, STREAM_CANCELLED, "");
	end(&p);
}

/* Both orders of the two ends. */
static void test_fin_in_either_order(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	for (int order = 0; order < 2; order++) {
		begin(&p);
		open_down(&p, &out);
		PAIR_UNTIL(&p, out.opened);
		stream_finish(order == 0 ? out.s : in.s);
		PAIR_UNTIL(&p, order == 0 ? in.last : out.last);
		assert_false(in.closed || out.closed);
		/* A direction that has ended takes nothing, the other still does. */
		assert_int_equal(stream_credit(order == 0 ? out.s : in.s), 0);
		assert_int_equal(stream_write(order == 0 ? out.s : in.s, "x", 1, false), 0);
		assert_int_equal(stream_write(order == 0 ? in.s : out.s, "x", 1, true), 1);
		PAIR_UNTIL(&p, in.closed && out.closed);
		assert_int_equal((order == 0 ? out : in).received, 1);
		assert_false(in.was_reset || out.was_reset);
		end(&p);
	}
}

static void test_reset_by_either_side(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	for (int who = 0; who < 2; who++) {
		struct side *other = who == 0 ? &in : &out;

		begin(&p);
		open_down(&p, &out);
		PAIR_UNTIL(&p, out.opened);
		stream_write(out.s, "thrown away", 11, false);
		stream_reset(who == 0 ? out.s : in.s, STREAM_BROKEN, "connection lost");
		PAIR_UNTIL(&p, other->was_reset);
		assert_int_equal(other->code, STREAM_BROKEN);
		assert_string_equal(other->text, "connection lost");
		assert_false((who == 0 ? &out : &in)->was_reset);
		assert_int_equal(streams_count(p.viewer.streams), 0);
		assert_int_equal(streams_count(p.transport.streams), 0);
		end(&p);
	}
}

static void test_both_reset_at_once(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	stream_reset(out.s, STREAM_CANCELLED, "");
	stream_reset(in.s, STREAM_CANCELLED, "");
	for (int i = 0; i < 10; i++)
		loop_turn(p.loop, 5);
	assert_false(out.was_reset || in.was_reset);
	assert_true(link_is_up(p.viewer.link) && link_is_up(p.transport.link));
	end(&p);
}

static void test_reset_text_is_cut_whole(void **state)
{
	static char text[STREAM_TEXT_MAX + 10];
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	memset(text, 'a', STREAM_TEXT_MAX - 1);
	memcpy(text + STREAM_TEXT_MAX - 1, "\xc3\xa9\xc3\xa9", 5);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	stream_reset(out.s, STREAM_OK, text);
	PAIR_UNTIL(&p, in.was_reset);
	assert_int_equal(in.code, STREAM_CANCELLED);
	assert_int_equal(strlen(in.text), STREAM_TEXT_MAX - 1);
	assert_int_equal(p.viewer.alarms, 0);
	end(&p);
}

static void test_reset_inside_the_data_event(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	in.reset_in_data = true;
	open_down(&p, &out);
	stream_write(out.s, "x", 1, true);
	PAIR_UNTIL(&p, out.was_reset);
	assert_string_equal(out.text, "enough");
	end(&p);
}

/* --- restarts -----------------------------------------------------------------------------------
 */

static void test_streams_end_when_an_end_restarts(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	for (int who = 0; who < 2; who++) {
		struct pair_end *dies, *stays;
		struct side *of_stays;

		begin(&p);
		dies = who == 0 ? &p.viewer : &p.transport;
		stays = who == 0 ? &p.transport : &p.viewer;
		of_stays = who == 0 ? &out : &in;
		open_down(&p, &out);
		in.hold = true;
		write_pattern(out.s, 0, 200000, 5000);
		PAIR_UNTIL(&p, in.received > 0);
		/* A process that dies says nothing. */
		streams_down(dies->streams, "killed");
		pair_free_end(dies);
		link_lost(stays->link, dies->generation, "killed by signal 9");
		pair_new_end(dies);
		pair_link_set(&p);
		PAIR_UNTIL(&p, link_is_up(dies->link) && link_is_up(stays->link));
		assert_true(of_stays->was_reset);
		assert_int_equal(of_stays->code, STREAM_RESTARTING);
		assert_string_equal(of_stays->text, "killed by signal 9");
		assert_int_equal(p.viewer.alarms + p.transport.alarms, 0);
		/* The same numbers may be used again: nothing of the old life arrives. */
		memset(&in, 0, sizeof(in));
		in.check = true;
		open_down(&p, &out);
		write_pattern(out.s, 0, 1000, 1000);
		PAIR_UNTIL(&p, in.last);
		assert_int_equal(in.received, 1000);
		end(&p);
	}
}

static void test_open_without_a_link(void **state)
{
	const enum protocol site = PROTOCOL_GOOP_SITE;
	struct side out = {0};
	struct pair p;

	(void)state;
	begin(&p);
	link_lost(p.transport.link, p.viewer.generation, "died");
	assert_null(stream_open(p.transport.streams, &site, 1, "", "", 1000, &events, &out));
	end(&p);
}

/* Events wait for the loop, even when the link breaks in the middle of a write. */
static void test_no_event_from_inside_a_write(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	link_lost(p.transport.link, p.viewer.generation, "died");
	write_pattern(out.s, 0, STREAM_WINDOW + 1, 65536);
	stream_finish(out.s);
	assert_false(out.was_reset);
	PAIR_UNTIL(&p, out.was_reset);
	end(&p);
}

static void test_freeing_the_table_ends_all(void **state)
{
	struct side out[3];
	struct pair p;

	(void)state;
	begin(&p);
	for (int i = 0; i < 3; i++)
		open_down(&p, &out[i]);
	PAIR_UNTIL(&p, out[2].opened);
	streams_free(p.transport.streams);
	for (int i = 0; i < 3; i++) {
		assert_true(out[i].was_reset);
		assert_int_equal(out[i].code, STREAM_RESTARTING);
	}
	p.transport.streams = NULL;
	PAIR_UNTIL(&p, in.was_reset);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request_and_answer),
	    cmocka_unit_test(test_written_in_a_later_hook),
	    cmocka_unit_test(test_request_with_choices),
	    cmocka_unit_test(test_acceptance_leaves_with_the_first_bytes),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_write_while_being_offered),
	    cmocka_unit_test(test_no_answer_is_a_timeout),
	    cmocka_unit_test(test_fin_in_either_order),
	    cmocka_unit_test(test_reset_by_either_side),
	    cmocka_unit_test(test_both_reset_at_once),
	    cmocka_unit_test(test_reset_text_is_cut_whole),
	    cmocka_unit_test(test_reset_inside_the_data_event),
	    cmocka_unit_test(test_streams_end_when_an_end_restarts),
	    cmocka_unit_test(test_open_without_a_link),
	    cmocka_unit_test(test_no_event_from_inside_a_write),
	    cmocka_unit_test(test_freeing_the_table_ends_all),
	};

	int failed = cmocka_run_group_tests_name("messages alone", tests, NULL, NULL);

	with_slab = true;
	return failed + cmocka_run_group_tests_name("with a slab", tests, NULL, NULL);
}
