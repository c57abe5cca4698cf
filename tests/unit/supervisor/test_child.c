/* A child's life, walked with the time as an argument. */
#include "tests/unit/testing.h"

#include "supervisor/child.h"

#define T0 1000000u

static enum child_order die(struct child *c, const char *why, uint64_t now)
{
	struct child_end end = {.wall_ms = (int64_t)now, .why = why};

	return child_died(c, &end, now);
}

static enum child_order die_hopeless(struct child *c, const char *why, uint64_t now)
{
	struct child_end end = {.wall_ms = (int64_t)now, .hopeless = true, .why = why};

	return child_died(c, &end, now);
}

/* A child brought into a state by the shortest way, at T0. */
static struct child in_state(enum child_state state)
{
	struct child c = {0};

	if (state == CHILD_DOWN)
		return c;
	child_event(&c, CHILD_WANT_UP, T0);
	if (state == CHILD_UP)
		child_event(&c, CHILD_READY, T0);
	if (state == CHILD_STOPPING)
		child_event(&c, CHILD_WANT_DOWN, T0);
	if (state == CHILD_BACKOFF)
		die(&c, "x", T0);
	if (state == CHILD_HELD)
		die_hopeless(&c, "x", T0);
	assert_int_equal(c.state, state);
	return c;
}

/* Every cell of the table: the state after it and the order it gives. */
static void every_state_by_every_event(void **unused)
{
	static const struct {
		enum child_state from;
		enum child_event event;
		enum child_state to;
		enum child_order order;
	} cells[] = {
	    {CHILD_DOWN, CHILD_READY, CHILD_DOWN, CHILD_NOTHING},
	    {CHILD_DOWN, CHILD_HEARD, CHILD_DOWN, CHILD_NOTHING},
	    {CHILD_DOWN, CHILD_CLOSED, CHILD_DOWN, CHILD_NOTHING},
	    {CHILD_DOWN, CHILD_DIED, CHILD_DOWN, CHILD_NOTHING},
	    {CHILD_DOWN, CHILD_TIMEOUT, CHILD_DOWN, CHILD_NOTHING},
	    {CHILD_DOWN, CHILD_WANT_UP, CHILD_STARTING, CHILD_SPAWN},
	    {CHILD_DOWN, CHILD_WANT_DOWN, CHILD_DOWN, CHILD_NOTHING},

	    {CHILD_STARTING, CHILD_READY, CHILD_UP, CHILD_NOTHING},
	    {CHILD_STARTING, CHILD_HEARD, CHILD_STARTING, CHILD_NOTHING},
	    {CHILD_STARTING, CHILD_CLOSED, CHILD_STARTING, CHILD_NOTHING},
	    {CHILD_STARTING, CHILD_DIED, CHILD_BACKOFF, CHILD_NOTHING},
	    {CHILD_STARTING, CHILD_TIMEOUT, CHILD_STARTING, CHILD_KILL},
	    {CHILD_STARTING, CHILD_WANT_UP, CHILD_STARTING, CHILD_NOTHING},
	    {CHILD_STARTING, CHILD_WANT_DOWN, CHILD_STOPPING, CHILD_ASK},

	    {CHILD_UP, CHILD_READY, CHILD_UP, CHILD_NOTHING},
	    {CHILD_UP, CHILD_HEARD, CHILD_UP, CHILD_NOTHING},
	    {CHILD_UP, CHILD_CLOSED, CHILD_UP, CHILD_NOTHING},
	    {CHILD_UP, CHILD_DIED, CHILD_STARTING, CHILD_SPAWN},
	    {CHILD_UP, CHILD_TIMEOUT, CHILD_UP, CHILD_ABORT},
	    {CHILD_UP, CHILD_WANT_UP, CHILD_UP, CHILD_NOTHING},
	    {CHILD_UP, CHILD_WANT_DOWN, CHILD_STOPPING, CHILD_ASK},

	    {CHILD_STOPPING, CHILD_READY, CHILD_STOPPING, CHILD_NOTHING},
	    {CHILD_STOPPING, CHILD_HEARD, CHILD_STOPPING, CHILD_NOTHING},
	    {CHILD_STOPPING, CHILD_CLOSED, CHILD_STOPPING, CHILD_NOTHING},
	    {CHILD_STOPPING, CHILD_DIED, CHILD_DOWN, CHILD_NOTHING},
	    {CHILD_STOPPING, CHILD_TIMEOUT, CHILD_STOPPING, CHILD_KILL},
	    {CHILD_STOPPING, CHILD_WANT_UP, CHILD_STOPPING, CHILD_NOTHING},
	    {CHILD_STOPPING, CHILD_WANT_DOWN, CHILD_STOPPING, CHILD_NOTHING},

	    {CHILD_BACKOFF, CHILD_READY, CHILD_BACKOFF, CHILD_NOTHING},
	    {CHILD_BACKOFF, CHILD_HEARD, CHILD_BACKOFF, CHILD_NOTHING},
	    {CHILD_BACKOFF, CHILD_CLOSED, CHILD_BACKOFF, CHILD_NOTHING},
	    {CHILD_BACKOFF, CHILD_DIED, CHILD_BACKOFF, CHILD_NOTHING},
	    {CHILD_BACKOFF, CHILD_TIMEOUT, CHILD_STARTING, CHILD_SPAWN},
	    {CHILD_BACKOFF, CHILD_WANT_UP, CHILD_STARTING, CHILD_SPAWN},
	    {CHILD_BACKOFF, CHILD_WANT_DOWN, CHILD_DOWN, CHILD_NOTHING},

	    {CHILD_HELD, CHILD_READY, CHILD_HELD, CHILD_NOTHING},
	    {CHILD_HELD, CHILD_HEARD, CHILD_HELD, CHILD_NOTHING},
	    {CHILD_HELD, CHILD_CLOSED, CHILD_HELD, CHILD_NOTHING},
	    {CHILD_HELD, CHILD_DIED, CHILD_HELD, CHILD_NOTHING},
	    {CHILD_HELD, CHILD_TIMEOUT, CHILD_HELD, CHILD_NOTHING},
	    {CHILD_HELD, CHILD_WANT_UP, CHILD_STARTING, CHILD_SPAWN},
	    {CHILD_HELD, CHILD_WANT_DOWN, CHILD_DOWN, CHILD_NOTHING},
	};

	(void)unused;
	assert_int_equal(sizeof(cells) / sizeof(cells[0]), CHILD_STATES * CHILD_EVENTS);
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		struct child c = in_state(cells[i].from);
		uint64_t now = c.deadline > 0 ? c.deadline : T0 + 1;
		enum child_order order = cells[i].event == CHILD_DIED
		                             ? die(&c, "y", now)
		                             : child_event(&c, cells[i].event, now);

		if (c.state != cells[i].to || order != cells[i].order)
			fail_msg("%s by event %d: now %s with order %d",
			    child_state_name(cells[i].from), cells[i].event,
			    child_state_name(c.state), order);
	}
}

static void ready_within_ten_seconds_or_killed(void **unused)
{
	struct child c = in_state(CHILD_STARTING);

	(void)unused;
	assert_int_equal(c.deadline, T0 + 10000);
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 9999), CHILD_NOTHING);
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 10000), CHILD_KILL);
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 10001), CHILD_NOTHING);
	/* A READY that crosses the kill changes nothing. */
	child_event(&c, CHILD_READY, T0 + 10001);
	assert_int_equal(c.state, CHILD_STARTING);
	die(&c, "killed by SIGKILL", T0 + 10002);
	assert_int_equal(c.state, CHILD_BACKOFF);
	assert_string_equal(child_death(&c, 0)->why, "was not ready within 10 s");
}

static void early_deaths_wait_twice_as_long_each_time(void **unused)
{
	static const uint64_t waits[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct child c = {0};
	uint64_t now = T0;

	(void)unused;
	child_event(&c, CHILD_WANT_UP, now);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		/* Far enough apart not to be held. */
		now += 20000;
		assert_int_equal(die(&c, "exit 1", now), CHILD_NOTHING);
		assert_int_equal(c.state, CHILD_BACKOFF);
		assert_int_equal(c.deadline, now + waits[i]);
		now = c.deadline;
		assert_int_equal(child_event(&c, CHILD_TIMEOUT, now), CHILD_SPAWN);
	}
	/* Once it has been ready, the wait begins anew. */
	child_event(&c, CHILD_READY, now);
	now += 100000;
	assert_int_equal(die(&c, "exit 1", now), CHILD_SPAWN);
	die(&c, "exit 1", now + 1);
	assert_int_equal(c.deadline, now + 1 + 500);
}

static void sixth_death_in_a_minute_holds(void **unused)
{
	struct child c = in_state(CHILD_UP);

	(void)unused;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(
		    die(&c, "killed by SIGSEGV", T0 + 1000 * (unsigned)i), CHILD_SPAWN);
		child_event(&c, CHILD_READY, T0 + 1000 * (unsigned)i);
	}
	assert_int_equal(die(&c, "killed by SIGSEGV", T0 + 59999), CHILD_NOTHING);
	assert_int_equal(c.state, CHILD_HELD);
	assert_int_equal(c.deadline, 0);
	assert_string_equal(c.held, "6 deaths within a minute, the last: killed by SIGSEGV");
}

static void six_deaths_in_more_than_a_minute_do_not_hold(void **unused)
{
	struct child c = in_state(CHILD_UP);

	(void)unused;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(die(&c, "exit 1", T0 + 12000 * (unsigned)i), CHILD_SPAWN);
		child_event(&c, CHILD_READY, T0 + 12000 * (unsigned)i);
	}
	assert_int_equal(c.state, CHILD_UP);
}

static void early_deaths_hold_too(void **unused)
{
	struct child c = in_state(CHILD_STARTING);
	uint64_t now = T0;

	(void)unused;
	for (int i = 0; i < 5; i++) {
		die(&c, "exit 1", now);
		assert_int_equal(c.state, CHILD_BACKOFF);
		now = c.deadline;
		assert_int_equal(child_event(&c, CHILD_TIMEOUT, now), CHILD_SPAWN);
	}
	die(&c, "exit 1", now);
	assert_int_equal(c.state, CHILD_HELD);
}

static void restart_forgives(void **unused)
{
	struct child c = in_state(CHILD_UP);

	(void)unused;
	for (int i = 0; i < 6; i++) {
		die(&c, "exit 1", T0);
		child_event(&c, CHILD_READY, T0);
	}
	assert_int_equal(c.state, CHILD_HELD);
	child_forgive(&c);
	assert_int_equal(child_event(&c, CHILD_WANT_UP, T0 + 1), CHILD_SPAWN);
	assert_string_equal(c.held, "");
	child_event(&c, CHILD_READY, T0 + 2);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(die(&c, "exit 1", T0 + 3), CHILD_SPAWN);
		child_event(&c, CHILD_READY, T0 + 3);
	}
	die(&c, "exit 1", T0 + 4);
	assert_int_equal(c.state, CHILD_HELD);
	/* What was forgiven can still be read. */
	assert_int_equal(c.died, 12);
}

static void hopeless_before_ready_holds_at_once(void **unused)
{
	struct child c = in_state(CHILD_STARTING);

	(void)unused;
	assert_int_equal(
	    die_hopeless(&c, "exit 78 (configuration): port in use", T0), CHILD_NOTHING);
	assert_int_equal(c.state, CHILD_HELD);
	assert_string_equal(c.held, "exit 78 (configuration): port in use");
	assert_true(c.hopeless);
	assert_int_equal(c.died, 1);
}

static void hopeless_after_ready_is_tried_again(void **unused)
{
	struct child c = in_state(CHILD_UP);

	(void)unused;
	assert_int_equal(die_hopeless(&c, "exit 78 (configuration)", T0), CHILD_SPAWN);
	die_hopeless(&c, "exit 78 (configuration)", T0 + 5);
	assert_int_equal(c.state, CHILD_HELD);
}

static void keeps_the_last_eight_deaths(void **unused)
{
	struct child c = in_state(CHILD_UP);
	char why[16];

	(void)unused;
	for (unsigned i = 0; i < 11; i++) {
		snprintf(why, sizeof(why), "death %u", i);
		die(&c, why, T0 + 60000 * (i + 1));
		child_event(&c, CHILD_READY, T0 + 60000 * (i + 1));
	}
	assert_int_equal(c.died, 11);
	assert_string_equal(child_death(&c, 0)->why, "death 10");
	assert_string_equal(child_death(&c, 7)->why, "death 3");
	assert_null(child_death(&c, 8));
	assert_true(child_death(&c, 0)->was_ready);
}

static void silence_kills_and_an_answer_does_not(void **unused)
{
	struct child c = in_state(CHILD_UP);

	(void)unused;
	assert_int_equal(c.deadline, T0 + 5000);
	child_event(&c, CHILD_HEARD, T0 + 4000);
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 5000), CHILD_NOTHING);
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 9000), CHILD_ABORT);
	/* It has a second to say where it is; an answer comes too late. */
	assert_int_equal(child_event(&c, CHILD_HEARD, T0 + 9500), CHILD_NOTHING);
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 9999), CHILD_NOTHING);
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 10000), CHILD_KILL);
	/* What comes while it is being killed changes nothing: not the state, not the reason. */
	child_event(&c, CHILD_HEARD, T0 + 9001);
	child_event(&c, CHILD_CLOSED, T0 + 9001);
	assert_int_equal(c.deadline, 0);
	assert_int_equal(die(&c, "killed by SIGKILL", T0 + 9002), CHILD_SPAWN);
	assert_string_equal(child_death(&c, 0)->why, "did not answer for 5 s");
	/* The next death has its own reason. */
	die(&c, "exit 3", T0 + 9003);
	assert_string_equal(child_death(&c, 0)->why, "exit 3");
}

static void who_says_where_it_is_stuck_died_of_silence(void **unused)
{
	struct child c = in_state(CHILD_UP);

	(void)unused;
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 5000), CHILD_ABORT);
	assert_int_equal(child_event(&c, CHILD_CLOSED, T0 + 5001), CHILD_NOTHING);
	assert_int_equal(die(&c, "killed by SIGABRT", T0 + 5002), CHILD_SPAWN);
	assert_string_equal(child_death(&c, 0)->why, "did not answer for 5 s");
	/* Its next life is judged anew. */
	assert_int_equal(die(&c, "exit 1", T0 + 5003), CHILD_NOTHING);
	assert_string_equal(child_death(&c, 0)->why, "exit 1");
}

static void closing_the_channel_is_an_end_or_a_reason_to_kill(void **unused)
{
	struct child c = in_state(CHILD_UP);

	(void)unused;
	child_event(&c, CHILD_CLOSED, T0);
	die(&c, "exit 78 (configuration)", T0 + 1);
	assert_string_equal(child_death(&c, 0)->why, "exit 78 (configuration)");

	c = in_state(CHILD_UP);
	child_event(&c, CHILD_CLOSED, T0);
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 1000), CHILD_KILL);
	die(&c, "killed by SIGKILL", T0 + 1001);
	assert_string_equal(child_death(&c, 0)->why, "closed its channel to the supervisor");
}

static void a_stop_that_is_asked_for_is_no_death(void **unused)
{
	struct child c = in_state(CHILD_STOPPING);

	(void)unused;
	assert_int_equal(c.deadline, T0 + 4500);
	assert_int_equal(child_event(&c, CHILD_TIMEOUT, T0 + 4500), CHILD_KILL);
	die(&c, "killed by SIGKILL", T0 + 4501);
	assert_int_equal(c.state, CHILD_DOWN);
	assert_int_equal(c.died, 0);
}

static void restart_by_hand_stops_and_starts(void **unused)
{
	struct child c = in_state(CHILD_UP);

	(void)unused;
	assert_int_equal(child_event(&c, CHILD_WANT_DOWN, T0), CHILD_ASK);
	assert_int_equal(child_event(&c, CHILD_WANT_UP, T0), CHILD_NOTHING);
	assert_int_equal(die(&c, "exit 0", T0 + 10), CHILD_SPAWN);
	assert_int_equal(c.state, CHILD_STARTING);
	assert_int_equal(c.starts, 2);

	c = in_state(CHILD_UP);
	child_event(&c, CHILD_WANT_DOWN, T0);
	child_event(&c, CHILD_WANT_UP, T0);
	child_event(&c, CHILD_WANT_DOWN, T0);
	assert_int_equal(die(&c, "exit 0", T0 + 10), CHILD_NOTHING);
	assert_int_equal(c.state, CHILD_DOWN);
}

static void long_reasons_are_cut(void **unused)
{
	struct child c = in_state(CHILD_UP);
	char why[2 * CHILD_WHY_MAX];

	(void)unused;
	memset(why, 'w', sizeof(why));
	why[sizeof(why) - 1] = '\0';
	die(&c, why, T0);
	assert_int_equal(strlen(child_death(&c, 0)->why), CHILD_WHY_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_state_by_every_event),
	    cmocka_unit_test(ready_within_ten_seconds_or_killed),
	    cmocka_unit_test(early_deaths_wait_twice_as_long_each_time),
	    cmocka_unit_test(sixth_death_in_a_minute_holds),
	    cmocka_unit_test(six_deaths_in_more_than_a_minute_do_not_hold),
	    cmocka_unit_test(early_deaths_hold_too),
	    cmocka_unit_test(restart_forgives),
	    cmocka_unit_test(hopeless_before_ready_holds_at_once),
	    cmocka_unit_test(hopeless_after_ready_is_tried_again),
	    cmocka_unit_test(keeps_the_last_eight_deaths),
	    cmocka_unit_test(silence_kills_and_an_answer_does_not),
	    cmocka_unit_test(who_says_where_it_is_stuck_died_of_silence),
	    cmocka_unit_test(closing_the_channel_is_an_end_or_a_reason_to_kill),
	    cmocka_unit_test(a_stop_that_is_asked_for_is_no_death),
	    cmocka_unit_test(restart_by_hand_stops_and_starts),
	    cmocka_unit_test(long_reasons_are_cut),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
