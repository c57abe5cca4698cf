/* Limits of streams, and ends that misbehave. */
#include "tests/unit/proto/stream_testing.h"

static void test_opens_beyond_the_limit(void **state)
{
	static struct side out[STREAM_COUNT_MAX + 1];
	const enum protocol site = PROTOCOL_GOOP_SITE;
	struct pair p;
	struct msg m;

	(void)state;
	begin(&p);
	for (int i = 0; i < STREAM_COUNT_MAX; i++)
		open_down(&p, &out[i]);
	assert_null(stream_open(p.transport.streams, &site, 1, "", "", 1000, &events, &out[0]));
	PAIR_UNTIL(&p, incoming_count == STREAM_COUNT_MAX);
	/* One that ignores its own limit. */
	msg_begin(&m, MSG_STREAM_OPEN, 0);
	msg_put_u32(&m, 2 * STREAM_COUNT_MAX + 2);
	msg_put_u16(&m, 1);
	msg_put_u8(&m, PROTOCOL_GOOP_SITE);
	msg_put_str(&m, "");
	msg_put_str(&m, "");
	msg_put_u32(&m, 1000);
	assert_int_equal(link_send(p.transport.link, &m), 0);
	for (int i = 0; i < 10; i++)
		loop_turn(p.loop, 5);
	assert_int_equal(incoming_count, STREAM_COUNT_MAX);
	assert_int_equal(streams_count(p.viewer.streams), STREAM_COUNT_MAX);
	assert_true(link_is_up(p.viewer.link));
	end(&p);
}

static void test_who_is_about_to_stop_takes_nothing_new(void **state)
{
	struct side before, out;
	struct pair p;

	(void)state;
	begin(&p);
	open_down(&p, &before);
	PAIR_UNTIL(&p, before.opened);
	streams_stop(p.viewer.streams);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.was_reset);
	assert_int_equal(out.code, STREAM_RESTARTING);
	assert_string_equal(out.text, "the service is stopping");
	assert_int_equal(incoming_count, 1);
	assert_false(before.was_reset);
	end(&p);
}

static void test_nobody_serves(void **state)
{
	struct pair p = {0};
	struct side out;

	(void)state;
	pair_begin(&p);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.was_reset);
	assert_int_equal(out.code, STREAM_REFUSED);
	pair_end(&p);
}

/* The binding end's message, made by hand: the connecting end must take its link down. */
static void expect_violation(void (*build)(struct msg *m, const struct side *out))
{
	struct pair p;
	struct side out;
	struct msg m;

	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	build(&m, &out);
	assert_int_equal(link_send(p.transport.link, &m), 0);
	PAIR_UNTIL(&p, p.viewer.downs == 1);
	assert_int_equal(p.viewer.alarms, 1);
	assert_true(in.was_reset);
	assert_int_equal(in.code, STREAM_RESTARTING);
	/* The other side hears of it, and the link comes up again. */
	PAIR_UNTIL(&p, p.transport.ups == 2 && p.viewer.ups == 2);
	assert_true(out.was_reset);
	assert_int_equal(out.code, STREAM_RESTARTING);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	end(&p);
}

#define FIRST 2 /* the transport binds, so its streams are even */

static void begin_data(struct msg *m, uint32_t id, unsigned flags, size_t n)
{
	msg_begin(m, MSG_STREAM_DATA, 0);
	msg_put_u32(m, id);
	msg_put_u8(m, (uint8_t)flags);
	memset(msg_put_room(m, n), 0, n);
}

static void more_than_credit(struct msg *m, const struct side *out)
{
	(void)out;
	begin_data(m, FIRST, 0, STREAM_WINDOW + 1);
}

static void empty_data(struct msg *m, const struct side *out)
{
	(void)out;
	begin_data(m, FIRST, 0, 0);
}

static void unknown_flag(struct msg *m, const struct side *out)
{
	(void)out;
	begin_data(m, FIRST, 2, 1);
}

static void put_open(struct msg *m, uint32_t id, size_t protocols, unsigned first)
{
	msg_begin(m, MSG_STREAM_OPEN, 0);
	msg_put_u32(m, id);
	msg_put_u16(m, (uint16_t)protocols);
	for (size_t i = 0; i < protocols; i++)
		msg_put_u8(m, (uint8_t)first);
	msg_put_str(m, "peer");
	msg_put_str(m, "address");
	msg_put_u32(m, 1000);
}

static void open_twice(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, FIRST, 1, PROTOCOL_GOOP_SITE);
}

static void open_with_our_parity(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 7, 1, PROTOCOL_GOOP_SITE);
}

static void open_zero(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 0, 1, PROTOCOL_GOOP_SITE);
}

static void open_without_protocol(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 4, 0, 0);
}

static void open_with_too_many_protocols(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 4, STREAM_PROTOCOLS_MAX + 1, PROTOCOL_GOOP_SITE);
}

static void open_unknown_protocol(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 4, 1, PROTOCOL_COUNT);
}

static void opened_by_the_opener(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_OPENED, 0);
	msg_put_u32(m, FIRST);
	msg_put_u8(m, PROTOCOL_GOOP_SITE);
	msg_put_str(m, "");
}

static void no_credit_at_all(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_CREDIT, 0);
	msg_put_u32(m, FIRST);
	msg_put_u32(m, 0);
}

static void boundless_credit(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_CREDIT, 0);
	msg_put_u32(m, FIRST);
	msg_put_u32(m, UINT32_MAX);
}

static void reset_without_code(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_RESET, 0);
	msg_put_u32(m, FIRST);
	msg_put_u8(m, 0);
	msg_put_str(m, "");
}

static void reset_with_unknown_code(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_RESET, 0);
	msg_put_u32(m, FIRST);
	msg_put_u8(m, 200);
	msg_put_str(m, "");
}

static void cut_short(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_CREDIT, 0);
	msg_put_u16(m, 0);
}

static void bytes_left_over(struct msg *m, const struct side *out)
{
	no_credit_at_all(m, out);
	m->base[m->size - 1] = 1;
	msg_put_u8(m, 0);
}

static void test_violations_take_the_link_down(void **state)
{
	(void)state;
	expect_violation(more_than_credit);
	expect_violation(empty_data);
	expect_violation(unknown_flag);
	expect_violation(open_twice);
	expect_violation(open_with_our_parity);
	expect_violation(open_zero);
	expect_violation(open_without_protocol);
	expect_violation(open_with_too_many_protocols);
	expect_violation(open_unknown_protocol);
	expect_violation(opened_by_the_opener);
	expect_violation(no_credit_at_all);
	expect_violation(boundless_credit);
	expect_violation(reset_without_code);
	expect_violation(reset_with_unknown_code);
	expect_violation(cut_short);
	expect_violation(bytes_left_over);
}

static void test_data_after_the_last_is_a_violation(void **state)
{
	struct pair p;
	struct side out;
	struct msg m;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	stream_finish(out.s);
	PAIR_UNTIL(&p, in.last);
	begin_data(&m, FIRST, 0, 1);
	assert_int_equal(link_send(p.transport.link, &m), 0);
	PAIR_UNTIL(&p, p.viewer.downs == 1);
	end(&p);
}

static void test_answers_nobody_asked_for(void **state)
{
	struct pair p;
	struct side out;
	struct msg m;

	(void)state;
	begin(&p);
	open_up(&p, &out, 5000);
	PAIR_UNTIL(&p, in.s != NULL);
	/* Not one of the protocols that were offered. */
	msg_begin(&m, MSG_STREAM_OPENED, 0);
	msg_put_u32(&m, 1);
	msg_put_u8(&m, PROTOCOL_GOOP_DATA);
	msg_put_str(&m, "");
	assert_int_equal(link_send(p.transport.link, &m), 0);
	PAIR_UNTIL(&p, p.viewer.downs == 1);
	PAIR_UNTIL(&p, p.viewer.ups == 2 && p.transport.ups == 2);
	open_up(&p, &out, 5000);
	in.s = NULL;
	PAIR_UNTIL(&p, in.s != NULL);
	/* Data before the answer. */
	begin_data(&m, 3, 0, 1);
	assert_int_equal(link_send(p.transport.link, &m), 0);
	PAIR_UNTIL(&p, p.viewer.downs == 2);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_opens_beyond_the_limit),
	    cmocka_unit_test(test_who_is_about_to_stop_takes_nothing_new),
	    cmocka_unit_test(test_nobody_serves),
	    cmocka_unit_test(test_violations_take_the_link_down),
	    cmocka_unit_test(test_data_after_the_last_is_a_violation),
	    cmocka_unit_test(test_answers_nobody_asked_for),
	};

	int failed = cmocka_run_group_tests_name("messages alone", tests, NULL, NULL);

	with_slab = true;
	return failed + cmocka_run_group_tests_name("with a slab", tests, NULL, NULL);
}
