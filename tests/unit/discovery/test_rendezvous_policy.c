#include "tests/unit/testing.h"

#include "svc-discovery/rendezvous_policy.h"

#define TTL   20000
#define START 1000000
#define WALL  1767225600000 /* 2026-01-01 */

struct stage {
	struct rendezvous_policy p;
	uint64_t now, next;
};

static struct people_time at(const struct stage *s)
{
	return (struct people_time){s->now, WALL + (int64_t)(s->now - START)};
}

static unsigned run(struct stage *s)
{
	return rendezvous_policy_run(&s->p, at(s), &s->next);
}

/* Goes on to the next moment at which something is due, and does it. */
static unsigned wait_next(struct stage *s)
{
	run(s);
	s->now = s->next;
	return run(s);
}

static void begin(struct stage *s)
{
	*s = (struct stage){.now = START};
	rendezvous_policy_init(&s->p, TTL, 7);
	assert_int_equal(run(s), RENDEZVOUS_SUBSCRIBE);
}

static void open_stream(struct stage *s)
{
	rendezvous_policy_opened(&s->p, at(s));
	assert_int_equal(run(s), 0);
	assert_int_equal(s->p.stage, RENDEZVOUS_STANDING);
}

static void lose(struct stage *s, uint32_t retry_s)
{
	rendezvous_policy_lost(&s->p, at(s), "it broke", retry_s);
	assert_int_equal(run(s), 0);
	assert_int_equal(s->p.stage, RENDEZVOUS_APART);
}

static void answer(struct stage *s, unsigned status, uint32_t retry_s)
{
	rendezvous_policy_published(&s->p, at(s), status, "HTTP", retry_s);
}

static void test_the_back_off_doubles_up_to_five_seconds(void **state)
{
	static const unsigned most[] = {250, 500, 1000, 2000, 4000, 5000, 5000, 5000};
	struct stage s;

	(void)state;
	begin(&s);
	for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
		lose(&s, 0);
		assert_in_range(s.next - s.now, most[i] / 2, most[i]);
		assert_int_equal(wait_next(&s), RENDEZVOUS_SUBSCRIBE);
	}
}

static void test_peers_do_not_come_back_together(void **state)
{
	struct stage s;
	uint64_t first = 0;
	bool differs = false;

	(void)state;
	for (uint64_t i = 0; i < 10; i++) {
		begin(&s);
		s.p.chance = i;
		lose(&s, 0);
		differs |= i > 0 && s.next != first;
		first = s.next;
	}
	assert_true(differs);
}

static void test_a_server_that_stood_begins_the_back_off_anew(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	for (int i = 0; i < 6; i++) {
		lose(&s, 0);
		wait_next(&s);
	}
	open_stream(&s);
	s.now += RENDEZVOUS_BACKOFF_MAX_MS;
	lose(&s, 0);
	assert_in_range(s.next - s.now, 125, 250);
	/* One that opens and ends at once does not. */
	for (int i = 0; i < 6; i++) {
		wait_next(&s);
		open_stream(&s);
		lose(&s, 0);
	}
	assert_in_range(s.next - s.now, 2500, 5000);
}

static void test_the_servers_retry_and_retry_after(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	open_stream(&s);
	rendezvous_policy_retry(&s.p, 3456);
	lose(&s, 0);
	assert_int_equal(s.next - s.now, 3456);
	assert_int_equal(wait_next(&s), RENDEZVOUS_SUBSCRIBE);
	lose(&s, 30);
	assert_int_equal(s.next - s.now, 30000);
	wait_next(&s);
	lose(&s, 86400);
	assert_int_equal(s.next - s.now, RENDEZVOUS_WAIT_MAX);
}

static void test_two_missed_pings_are_a_dead_connection(void **state)
{
	char text[RENDEZVOUS_TEXT * 3];
	struct stage s;

	(void)state;
	begin(&s);
	open_stream(&s);
	s.now += 50000;
	assert_int_equal(run(&s), 0);
	rendezvous_policy_heard(&s.p, at(&s));
	s.now += 52499;
	assert_int_equal(run(&s), 0);
	s.now += 1;
	assert_int_equal(run(&s), RENDEZVOUS_HANG_UP);
	assert_int_equal(s.p.stage, RENDEZVOUS_APART);
	rendezvous_policy_state(&s.p, text);
	assert_non_null(strstr(text, "nothing came for two pings"));
	assert_int_equal(wait_next(&s), RENDEZVOUS_SUBSCRIBE);
}

static void test_a_server_that_does_not_answer_is_given_up(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	assert_int_equal(s.next, START + RENDEZVOUS_ASK_MS);
	assert_int_equal(wait_next(&s), RENDEZVOUS_HANG_UP);
	assert_int_equal(wait_next(&s), RENDEZVOUS_SUBSCRIBE);
}

static void test_going_on_only_while_its_people_are_kept(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	assert_false(rendezvous_policy_resumes(&s.p));
	open_stream(&s);
	lose(&s, 0);
	wait_next(&s);
	assert_true(rendezvous_policy_resumes(&s.p));
	open_stream(&s);
	/* Away for the TTL: everybody is to be told anew. */
	lose(&s, TTL / 1000);
	wait_next(&s);
	assert_false(rendezvous_policy_resumes(&s.p));
	open_stream(&s);
	/* Asked in time, answered too late. */
	lose(&s, TTL / 1000 - 1);
	wait_next(&s);
	assert_true(rendezvous_policy_resumes(&s.p));
	s.now += 1000;
	rendezvous_policy_opened(&s.p, at(&s));
	assert_int_equal(run(&s), RENDEZVOUS_HANG_UP | RENDEZVOUS_SUBSCRIBE);
	assert_false(rendezvous_policy_resumes(&s.p));
}

static void test_the_newest_message_is_published(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	rendezvous_policy_say(&s.p, false);
	assert_int_equal(run(&s), RENDEZVOUS_PUBLISH);
	/* What comes meanwhile waits for the answer; once, however much it is. */
	rendezvous_policy_say(&s.p, false);
	rendezvous_policy_say(&s.p, false);
	assert_int_equal(run(&s), 0);
	answer(&s, 204, 0);
	assert_int_equal(run(&s), RENDEZVOUS_PUBLISH);
	answer(&s, 200, 0);
	assert_int_equal(run(&s), 0);
	assert_int_equal(s.next, START + RENDEZVOUS_ASK_MS);
}

static void test_no_server_is_flooded(void **state)
{
	unsigned sent = 0;
	struct stage s;

	(void)state;
	begin(&s);
	open_stream(&s);
	/* Somebody makes us talk all the time. */
	while (s.now < START + 60000) {
		rendezvous_policy_heard(&s.p, at(&s));
		rendezvous_policy_say(&s.p, false);
		if (run(&s) & RENDEZVOUS_PUBLISH) {
			sent++;
			answer(&s, 204, 0);
		}
		s.now += 20;
		if (s.now == START + 200)
			assert_int_equal(sent, RENDEZVOUS_BURST);
	}
	assert_in_range(sent, 27, 29);
}

static void test_what_did_not_arrive_is_said_again(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	rendezvous_policy_say(&s.p, false);
	run(&s);
	answer(&s, 0, 0);
	run(&s);
	assert_in_range(s.next - s.now, 125, 250);
	assert_int_equal(wait_next(&s), RENDEZVOUS_PUBLISH);
	answer(&s, 503, 7);
	run(&s);
	assert_int_equal(s.next - s.now, 7000);
	assert_int_equal(wait_next(&s), RENDEZVOUS_PUBLISH);
	answer(&s, 204, 0);
}

static void test_a_server_that_limits_us_is_waited_for(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	open_stream(&s);
	rendezvous_policy_say(&s.p, false);
	run(&s);
	answer(&s, 429, 12);
	run(&s);
	assert_int_equal(s.next - s.now, 12000);
	assert_int_equal(wait_next(&s), RENDEZVOUS_PUBLISH);
	answer(&s, 429, 0);
	run(&s);
	assert_int_equal(s.next - s.now, 10000);
	wait_next(&s);
	/* Too large: not so soon again. */
	answer(&s, 413, 0);
	rendezvous_policy_heard(&s.p, at(&s));
	s.now += 50000;
	rendezvous_policy_say(&s.p, false);
	assert_int_equal(run(&s), 0);
	rendezvous_policy_heard(&s.p, at(&s));
	s.now += 10000;
	assert_int_equal(run(&s), RENDEZVOUS_PUBLISH);
}

static void test_a_server_that_minds_sig_gets_it_without(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	rendezvous_policy_say(&s.p, false);
	run(&s);
	assert_false(s.p.plain);
	answer(&s, 400, 0);
	assert_true(s.p.plain);
	assert_int_equal(run(&s), RENDEZVOUS_PUBLISH);
	answer(&s, 204, 0);
	rendezvous_policy_say(&s.p, false);
	assert_int_equal(run(&s), RENDEZVOUS_PUBLISH);
	assert_true(s.p.plain);
	/* It has learned to read it, and wants it. */
	answer(&s, 409, 0);
	assert_false(s.p.plain);
}

static void test_a_message_refused_both_ways_is_not_repeated_at_once(void **state)
{
	char text[RENDEZVOUS_TEXT * 3];
	struct stage s;

	(void)state;
	begin(&s);
	rendezvous_policy_say(&s.p, false);
	run(&s);
	answer(&s, 400, 0);
	run(&s);
	answer(&s, 400, 0);
	assert_int_equal(run(&s), 0);
	assert_false(s.p.plain);
	assert_int_equal(s.next, s.now + RENDEZVOUS_BACKOFF_MAX_MS);
	rendezvous_policy_state(&s.p, text);
	assert_string_equal(
	    text, "connecting, our presence is not taken: HTTP, 2026-01-01T00:00:00.000Z");
}

static void test_a_conflict_waits_for_a_later_message(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	rendezvous_policy_say(&s.p, false);
	run(&s);
	answer(&s, 409, 0);
	assert_int_equal(run(&s), 0);
	assert_int_equal(s.next, START + RENDEZVOUS_ASK_MS);
	rendezvous_policy_say(&s.p, false);
	assert_int_equal(run(&s), RENDEZVOUS_PUBLISH);
	assert_false(s.p.plain);
}

static void test_goodbye_is_said_at_once(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	rendezvous_policy_say(&s.p, false);
	run(&s);
	answer(&s, 204, 0);
	rendezvous_policy_say(&s.p, true);
	assert_false(rendezvous_policy_parted(&s.p));
	assert_int_equal(run(&s), RENDEZVOUS_PUBLISH);
	assert_false(rendezvous_policy_parted(&s.p));
	answer(&s, 204, 0);
	assert_true(rendezvous_policy_parted(&s.p));
	/* No way back. */
	lose(&s, 0);
	assert_true(s.next == UINT64_MAX);
}

static void test_goodbye_waits_for_what_is_under_way(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	rendezvous_policy_say(&s.p, false);
	run(&s);
	rendezvous_policy_say(&s.p, true);
	assert_int_equal(run(&s), 0);
	answer(&s, 503, 60);
	assert_false(rendezvous_policy_parted(&s.p));
	assert_int_equal(run(&s), RENDEZVOUS_PUBLISH);
	/* It is tried without sig, but not again and again. */
	answer(&s, 400, 0);
	assert_false(rendezvous_policy_parted(&s.p));
	assert_int_equal(run(&s), RENDEZVOUS_PUBLISH);
	answer(&s, 0, 0);
	assert_true(rendezvous_policy_parted(&s.p));
}

static void test_nobody_waits_for_a_server_that_never_heard_of_us(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	rendezvous_policy_say(&s.p, true);
	assert_true(rendezvous_policy_parted(&s.p));
	assert_int_equal(run(&s), 0);
}

static void test_what_status_says(void **state)
{
	char text[RENDEZVOUS_TEXT * 3];
	struct stage s;

	(void)state;
	begin(&s);
	rendezvous_policy_state(&s.p, text);
	assert_string_equal(text, "connecting");
	s.now += 1500;
	lose(&s, 0);
	rendezvous_policy_state(&s.p, text);
	assert_string_equal(text, "not connected: it broke, 2026-01-01T00:00:01.500Z");
	wait_next(&s);
	s.now = START + 3000;
	open_stream(&s);
	rendezvous_policy_state(&s.p, text);
	assert_string_equal(text, "connected since 2026-01-01T00:00:03.000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_back_off_doubles_up_to_five_seconds),
	    cmocka_unit_test(test_peers_do_not_come_back_together),
	    cmocka_unit_test(test_a_server_that_stood_begins_the_back_off_anew),
	    cmocka_unit_test(test_the_servers_retry_and_retry_after),
	    cmocka_unit_test(test_two_missed_pings_are_a_dead_connection),
	    cmocka_unit_test(test_a_server_that_does_not_answer_is_given_up),
	    cmocka_unit_test(test_going_on_only_while_its_people_are_kept),
	    cmocka_unit_test(test_the_newest_message_is_published),
	    cmocka_unit_test(test_no_server_is_flooded),
	    cmocka_unit_test(test_what_did_not_arrive_is_said_again),
	    cmocka_unit_test(test_a_server_that_limits_us_is_waited_for),
	    cmocka_unit_test(test_a_server_that_minds_sig_gets_it_without),
	    cmocka_unit_test(test_a_message_refused_both_ways_is_not_repeated_at_once),
	    cmocka_unit_test(test_a_conflict_waits_for_a_later_message),
	    cmocka_unit_test(test_goodbye_is_said_at_once),
	    cmocka_unit_test(test_goodbye_waits_for_what_is_under_way),
	    cmocka_unit_test(test_nobody_waits_for_a_server_that_never_heard_of_us),
	    cmocka_unit_test(test_what_status_says),
	};

	return cmocka_run_group_tests_name("rendezvous_policy", tests, NULL, NULL);
}
