#include "tests/unit/testing.h"

#include "svc-discovery/lan.h"

/* Who was dialled, by number. */
struct seen {
	unsigned dials;
	uint32_t last;
};

static struct peer_id peer(uint32_t n)
{
	struct peer_id id = {.len = 38};

	id.bytes[0] = (uint8_t)(n >> 24);
	id.bytes[1] = (uint8_t)(n >> 16);
	id.bytes[2] = (uint8_t)(n >> 8);
	id.bytes[3] = (uint8_t)n;
	return id;
}

static void on_dial(void *arg, const struct peer_id *id)
{
	struct seen *s = arg;

	s->dials++;
	s->last = (uint32_t)id->bytes[0] << 24 | (uint32_t)id->bytes[1] << 16 |
	          (uint32_t)id->bytes[2] << 8 | id->bytes[3];
}

#define SELF    100
#define SMALLER 50
#define LARGER  200

static struct lan *lan_of(struct seen *s)
{
	struct lan *l = lan_new(3, on_dial, s);
	struct peer_id self = peer(SELF);

	memset(s, 0, sizeof *s);
	lan_set_self(l, &self);
	return l;
}

static uint64_t heard(struct lan *l, uint32_t n, bool fresh, uint64_t now)
{
	struct peer_id id = peer(n);

	lan_heard(l, &id, n, fresh, now);
	return lan_run(l, now);
}

static uint64_t up(struct lan *l, uint32_t n, uint64_t now)
{
	struct peer_id id = peer(n);

	lan_up(l, &id, now);
	return lan_run(l, now);
}

static uint64_t down(struct lan *l, uint32_t n, uint64_t now)
{
	struct peer_id id = peer(n);

	lan_down(l, &id, now);
	return lan_run(l, now);
}

static uint64_t failed(struct lan *l, uint32_t n, uint64_t now)
{
	struct peer_id id = peer(n);

	lan_failed(l, &id, now);
	return lan_run(l, now);
}

static void test_the_smaller_id_dials_at_once(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	heard(l, LARGER, true, 1000);
	assert_int_equal(s.dials, 1);
	assert_int_equal(s.last, LARGER);
	lan_free(l);
}

static void test_the_larger_id_waits_and_then_dials_too(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	assert_int_equal(heard(l, SMALLER, true, 1000), 1000 + LAN_OTHER_FIRST_MS);
	assert_int_equal(s.dials, 0);
	lan_run(l, 1000 + LAN_OTHER_FIRST_MS);
	assert_int_equal(s.dials, 1);
	lan_free(l);
}

static void test_whoever_is_connected_is_not_dialled(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	heard(l, SMALLER, true, 1000);
	assert_int_equal(up(l, SMALLER, 1100), UINT64_MAX);
	heard(l, SMALLER, true, 5000);
	lan_run(l, 1000000);
	assert_int_equal(s.dials, 0);
	lan_free(l);
}

static void test_we_do_not_dial_ourselves(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	assert_int_equal(heard(l, SELF, true, 1000), UINT64_MAX);
	assert_int_equal(lan_count(l), 0);
	lan_free(l);
}

static void test_failures_are_retried_ever_more_seldom(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);
	uint64_t now = 1000, next, wait, least = LAN_BACKOFF_MS;

	(void)state;
	heard(l, LARGER, true, now);
	for (unsigned i = 1; i <= 12; i++) {
		assert_int_equal(s.dials, i);
		next = failed(l, LARGER, now);
		wait = next - now;
		assert_in_range(wait, least, least + least / 2);
		least = least * 2 < LAN_BACKOFF_MAX_MS ? least * 2 : LAN_BACKOFF_MAX_MS;
		lan_run(l, next - 1);
		assert_int_equal(s.dials, i);
		now = next;
		lan_run(l, now);
	}
	lan_free(l);
}

static void test_no_answer_is_a_failure(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	assert_int_equal(heard(l, LARGER, true, 1000), 1000 + LAN_DIAL_MS);
	assert_in_range(lan_run(l, 1000 + LAN_DIAL_MS), 1000 + LAN_DIAL_MS + LAN_BACKOFF_MS,
	    1000 + LAN_DIAL_MS + 2 * LAN_BACKOFF_MS);
	lan_free(l);
}

static void test_a_lost_connection_is_dialled_again_after_a_while(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);
	uint64_t next;

	(void)state;
	heard(l, LARGER, true, 1000);
	up(l, LARGER, 1010);
	next = down(l, LARGER, 100000);
	assert_in_range(next, 100000 + LAN_BACKOFF_MS, 100000 + LAN_BACKOFF_MS * 3 / 2);
	assert_int_equal(s.dials, 1);
	lan_run(l, next);
	assert_int_equal(s.dials, 2);
	/* A connection that never lasts is tried less and less. */
	up(l, LARGER, next);
	assert_in_range(
	    down(l, LARGER, next + 10) - next, 2 * LAN_BACKOFF_MS, 3 * LAN_BACKOFF_MS + 10);
	lan_free(l);
}

static void test_who_said_goodbye_is_not_dialled_again(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);
	struct peer_id id = peer(LARGER);

	(void)state;
	heard(l, LARGER, true, 1000);
	up(l, LARGER, 1010);
	lan_gone(l, &id);
	assert_int_equal(down(l, LARGER, 2000), UINT64_MAX);
	assert_int_equal(lan_count(l), 0);
	lan_free(l);
}

static void test_who_is_connected_before_it_is_heard_is_not_dialled(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);
	struct peer_id id = peer(LARGER);

	(void)state;
	up(l, LARGER, 1000);
	assert_int_equal(heard(l, LARGER, true, 1001), UINT64_MAX);
	/* Unheard and heard again, it is still connected. */
	lan_gone(l, &id);
	assert_int_equal(heard(l, LARGER, true, 2000), UINT64_MAX);
	assert_int_equal(s.dials, 0);
	assert_in_range(down(l, LARGER, 3000), 3000 + LAN_BACKOFF_MS, 3000 + 2 * LAN_BACKOFF_MS);
	/* And one that was never heard is of no interest once it is gone. */
	up(l, SMALLER, 4000);
	down(l, SMALLER, 4001);
	assert_int_equal(lan_count(l), 1);
	lan_free(l);
}

static void test_a_new_address_is_worth_a_try(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	heard(l, LARGER, true, 1000);
	failed(l, LARGER, 1100);
	heard(l, LARGER, false, 1500);
	assert_int_equal(s.dials, 1);
	/* But not in a row: anyone can send new addresses all the time. */
	assert_int_equal(heard(l, LARGER, true, 1500), 1000 + LAN_FRESH_GAP_MS);
	assert_int_equal(s.dials, 1);
	lan_run(l, 2000);
	assert_int_equal(s.dials, 2);
	lan_free(l);
}

static void test_after_a_restart_of_the_transport_all_are_dialled(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	heard(l, LARGER, true, 1000);
	up(l, LARGER, 1010);
	heard(l, SMALLER, true, 1000);
	up(l, SMALLER, 1010);
	lan_restart(l, 5000);
	lan_run(l, 5000);
	assert_int_equal(s.dials, 2);
	assert_int_equal(s.last, LARGER);
	lan_run(l, 5000 + LAN_OTHER_FIRST_MS);
	assert_int_equal(s.dials, 3);
	lan_free(l);
}

static void test_few_are_dialled_at_once(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	for (uint32_t n = 0; n < LAN_DIALS_MAX + 10; n++)
		heard(l, LARGER + n, true, 1000);
	assert_int_equal(s.dials, LAN_DIALS_MAX);
	up(l, LARGER, 1100);
	assert_int_equal(s.dials, LAN_DIALS_MAX + 1);
	failed(l, LARGER + 1, 1200);
	assert_int_equal(s.dials, LAN_DIALS_MAX + 2);
	lan_free(l);
}

static void test_the_table_is_bounded(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	for (uint32_t n = 0; n < LAN_MAX + 10; n++)
		heard(l, LARGER + n, true, 1000);
	assert_int_equal(lan_count(l), LAN_MAX);
	lan_free(l);
}

static void test_we_are_not_dialled_once_we_know_ourselves(void **state)
{
	struct seen s = {0};
	struct lan *l = lan_new(3, on_dial, &s);
	struct peer_id self = peer(SELF);

	(void)state;
	heard(l, SELF, true, 1000);
	lan_set_self(l, &self);
	lan_restart(l, 2000);
	assert_int_equal(lan_run(l, 2000), UINT64_MAX);
	assert_int_equal(s.dials, 0);
	lan_free(l);
}

static void test_nobody_is_dialled_before_we_know_who_we_are(void **state)
{
	struct seen s = {0};
	struct lan *l = lan_new(3, on_dial, &s);
	struct peer_id self = peer(SELF);

	(void)state;
	assert_int_equal(heard(l, LARGER, true, 1000), UINT64_MAX);
	lan_set_self(l, &self);
	lan_restart(l, 2000);
	lan_run(l, 2000);
	assert_int_equal(s.dials, 1);
	lan_free(l);
}

/* Peers that one machine speaks of. */
static void heard_from(struct lan *l, uint64_t source, uint32_t from, uint32_t count, uint64_t now)
{
	for (uint32_t n = from; n < from + count; n++) {
		struct peer_id id = peer(n);

		lan_heard(l, &id, source, true, now);
	}
	lan_run(l, now);
}

static void down_for_good(struct lan *l, uint32_t n)
{
	struct peer_id id = peer(n);

	lan_gone(l, &id);
}

static void fail_all(struct lan *l, uint64_t now)
{
	for (uint32_t n = 1000; n < 1000 + LAN_SOURCE_MAX; n++)
		failed(l, n, now);
}

static void test_one_machine_does_not_have_us_dial_everywhere(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	heard_from(l, 1, 1000, LAN_MAX, 1000);
	assert_int_equal(lan_count(l), LAN_SOURCE_MAX);
	assert_int_equal(s.dials, LAN_SOURCE_DIALS);
	heard_from(l, 2, LARGER, 1, 1000);
	assert_int_equal(s.dials, LAN_SOURCE_DIALS + 1);
	assert_int_equal(s.last, LARGER);
	/* What has come to an end, or has gone, makes room for the next. */
	down_for_good(l, LARGER);
	for (int i = 0; i < LAN_SOURCE_MAX / LAN_SOURCE_DIALS; i++)
		fail_all(l, 1100);
	assert_int_equal(s.dials, LAN_SOURCE_BURST + 1);
	/* But with time: one after the other. */
	for (uint64_t now = 2000; now < 2000 + 100 * LAN_SOURCE_GAP_MS; now += LAN_SOURCE_GAP_MS)
		fail_all(l, now);
	assert_int_equal(s.dials, LAN_SOURCE_BURST + 1 + 100);
	lan_free(l);
}

/* Nor by taking back what it said and naming others, for ever. */
static void test_one_machine_cannot_have_us_dial_without_an_end(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);
	uint64_t now = 1000, next;

	(void)state;
	for (uint32_t n = 1000; n < 3000; n++, now += 10) {
		heard_from(l, 1, n, 1, now);
		failed(l, n, now);
		down_for_good(l, n);
	}
	/* 20 s have passed. */
	assert_in_range(s.dials, LAN_SOURCE_BURST + 15, LAN_SOURCE_BURST + 20);
	/* Others are as free as ever. */
	s.dials = 0;
	heard_from(l, 2, LARGER, 1, now);
	assert_int_equal(s.dials, 1);
	/* Who waits is dialled when it is time, without another word. */
	heard_from(l, 1, 4000, 2, now);
	s.dials = 1;
	heard_from(l, 1, 5000, 1, now);
	assert_int_equal(s.dials, 1);
	down_for_good(l, 4000);
	down_for_good(l, 4001);
	next = lan_run(l, now);
	assert_in_range(next, now + 1, now + LAN_SOURCE_GAP_MS);
	lan_run(l, next);
	assert_int_equal(s.dials, 2);
	assert_int_equal(s.last, 5000);
	/* In the end all is forgotten. */
	now += LAN_SOURCE_BURST * LAN_SOURCE_GAP_MS + LAN_SOURCE_GAP_MS;
	s.dials = 0;
	for (uint32_t n = 6000; n < 6000 + LAN_SOURCE_BURST; n++) {
		heard_from(l, 1, n, 1, now);
		failed(l, n, now);
	}
	assert_int_equal(s.dials, LAN_SOURCE_BURST);
	lan_free(l);
}

/* Another machine's word of a peer takes nothing of the first one's. */
static void test_who_spoke_last_counts(void **state)
{
	struct seen s;
	struct lan *l = lan_of(&s);

	(void)state;
	heard_from(l, 1, 1000, LAN_SOURCE_DIALS, 1000);
	heard_from(l, 1, 2000, 1, 1000);
	assert_int_equal(s.dials, LAN_SOURCE_DIALS);
	heard_from(l, 2, 1000, 1, 1000);
	assert_int_equal(s.dials, LAN_SOURCE_DIALS + 1);
	assert_int_equal(s.last, 2000);
	lan_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_smaller_id_dials_at_once),
	    cmocka_unit_test(test_the_larger_id_waits_and_then_dials_too),
	    cmocka_unit_test(test_whoever_is_connected_is_not_dialled),
	    cmocka_unit_test(test_we_do_not_dial_ourselves),
	    cmocka_unit_test(test_failures_are_retried_ever_more_seldom),
	    cmocka_unit_test(test_no_answer_is_a_failure),
	    cmocka_unit_test(test_a_lost_connection_is_dialled_again_after_a_while),
	    cmocka_unit_test(test_who_said_goodbye_is_not_dialled_again),
	    cmocka_unit_test(test_who_is_connected_before_it_is_heard_is_not_dialled),
	    cmocka_unit_test(test_a_new_address_is_worth_a_try),
	    cmocka_unit_test(test_after_a_restart_of_the_transport_all_are_dialled),
	    cmocka_unit_test(test_few_are_dialled_at_once),
	    cmocka_unit_test(test_one_machine_does_not_have_us_dial_everywhere),
	    cmocka_unit_test(test_one_machine_cannot_have_us_dial_without_an_end),
	    cmocka_unit_test(test_who_spoke_last_counts),
	    cmocka_unit_test(test_the_table_is_bounded),
	    cmocka_unit_test(test_we_are_not_dialled_once_we_know_ourselves),
	    cmocka_unit_test(test_nobody_is_dialled_before_we_know_who_we_are),
	};

	return cmocka_run_group_tests_name("lan", tests, NULL, NULL);
}
