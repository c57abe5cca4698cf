/* Whose word about whom is believed: signatures, clocks, gossip and rendezvous servers. */
#include "tests/unit/discovery/people_testing.h"

static void test_nobody_speaks_for_another(void **state)
{
	struct somebody ann = somebody(1), eve = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);
	struct presence p;

	(void)state;
	parse(&p, plain(&ann, "online", 1, ""));
	assert_int_equal(people_hear(t, &p, &eve.id, PEOPLE_VIA_GOSSIP, at(1)), PEOPLE_FORGED);
	sign(&p, &ann);
	assert_int_equal(people_hear(t, &p, &eve.id, PEOPLE_VIA_GOSSIP, at(1)), PEOPLE_FORGED);
	assert_int_equal(people_count(t), 0);
	presence_clear(&p);
	people_free(t);
}

static void test_a_wrong_signature_is_refused_everywhere(void **state)
{
	struct somebody ann = somebody(1), eve = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);
	struct presence p;

	(void)state;
	parse(&p, plain(&ann, "online", 1, ""));
	sign(&p, &eve);
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(1)), PEOPLE_FORGED);
	assert_int_equal(people_hear(t, &p, &ann.id, PEOPLE_VIA_GOSSIP, at(1)), PEOPLE_FORGED);
	sign(&p, &ann);
	p.ts++;
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(1)), PEOPLE_FORGED);
	assert_int_equal(people_count(t), 0);
	presence_clear(&p);
	people_free(t);
}

static void test_who_signs_is_not_believed_unsigned(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(hear(t, &bob, "online", 1, OVER_RENDEZVOUS, 1000), PEOPLE_TAKEN);
	assert_int_equal(hear(t, &ann, "online", 5, SIGNED, 1000), PEOPLE_TAKEN);
	assert_int_equal(hear(t, &ann, "offline", 6, OVER_RENDEZVOUS, 2000), PEOPLE_UNSIGNED);
	assert_int_equal(hear(t, &ann, "update", 7, 0, 2000), PEOPLE_UNSIGNED);
	assert_non_null(people_get(t, &ann.id));
	people_free(t);
}

static void test_older_messages_of_a_signer_are_refused(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 5, SIGNED, 1000);
	assert_int_equal(hear(t, &ann, "offline", 4, SIGNED | OVER_RENDEZVOUS, 2000), PEOPLE_STALE);
	/* The very message, on another way: true, but nothing new. */
	assert_int_equal(hear(t, &ann, "online", 5, SIGNED, 2000), PEOPLE_AGAIN);
	assert_int_equal(s.refreshed, 0);
	assert_int_equal(hear(t, &ann, "offline", 6, SIGNED, 3000), PEOPLE_TAKEN);
	/* Also after it has left. */
	assert_int_equal(hear(t, &ann, "online", 5, SIGNED, 4000), PEOPLE_STALE);
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_a_signer_is_forgotten_after_a_day_of_silence(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	uint64_t day = 1000 + PEOPLE_SILENCE_MS;

	(void)state;
	hear(t, &ann, "online", 5, SIGNED, 1000);
	assert_int_equal(people_expire(t, 1000 + TTL), day);
	assert_int_equal(hear(t, &ann, "update", 9, 0, day - 1), PEOPLE_UNSIGNED);
	/* What was refused does not count as having been heard. */
	assert_int_equal(hear(t, &ann, "update", 9, 0, day), PEOPLE_TAKEN);
	assert_int_equal(hear(t, &ann, "update", 3, 0, day + 1), PEOPLE_TAKEN);
	hear(t, &ann, "update", (int64_t)day, SIGNED, day + 2);
	people_expire(t, day + 2 + TTL);
	assert_int_equal(people_expire(t, day + 2 + PEOPLE_SILENCE_MS), UINT64_MAX);
	people_free(t);
}

static void test_what_was_signed_does_not_outlive_the_signers_row(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const uint64_t start = 2 * PEOPLE_SILENCE_MS;
	int64_t last = at(start).wall + PEOPLE_CLOCK_MS - 1; /* a clock as far ahead as may be */

	(void)state;
	assert_int_equal(hear(t, &ann, "online", last, SIGNED, start), PEOPLE_TAKEN);
	/* Replayed to the end, by whatever way; at last there is no row any more. */
	for (int flags = SIGNED; flags <= (SIGNED | OVER_RENDEZVOUS); flags += OVER_RENDEZVOUS) {
		assert_int_equal(
		    hear(t, &ann, "update", last - 1, flags, start + PEOPLE_SILENCE_MS - 1),
		    PEOPLE_STALE);
		assert_int_equal(
		    hear(t, &ann, "update", last, flags, start + PEOPLE_SILENCE_MS - 1),
		    PEOPLE_CLOCK);
	}
	people_expire(t, start + TTL);
	people_expire(t, start + PEOPLE_SILENCE_MS);
	assert_int_equal(
	    hear(t, &ann, "update", last, SIGNED, start + PEOPLE_SILENCE_MS), PEOPLE_CLOCK);
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_a_clock_may_be_wrong_by_hours(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const uint64_t now = 2 * PEOPLE_SILENCE_MS;
	const int64_t wall = at(now).wall;

	(void)state;
	assert_int_equal(
	    hear(t, &ann, "update", wall - PEOPLE_CLOCK_MS, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(
	    hear(t, &ann, "update", wall + PEOPLE_CLOCK_MS, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(hear(t, &ann, "update", 0, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(hear(t, &ann, "update", INT64_C(1) << 53, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(people_count(t), 0);
	assert_int_equal(
	    hear(t, &ann, "update", wall - PEOPLE_CLOCK_MS + 1, SIGNED, now), PEOPLE_TAKEN);
	assert_int_equal(
	    hear(t, &ann, "update", wall + PEOPLE_CLOCK_MS - 1, SIGNED, now), PEOPLE_TAKEN);
	people_free(t);
}

/* Two machines without the time of day still meet. */
static void test_a_peers_own_connection_needs_no_clock(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const uint64_t now = 2 * PEOPLE_SILENCE_MS;

	(void)state;
	assert_int_equal(hear(t, &ann, "online", 1, SIGNED | ITSELF, now), PEOPLE_TAKEN);
	assert_int_equal(people_get(t, &ann.id)->via, PEOPLE_VIA_GOSSIP);
	assert_int_equal(hear(t, &ann, "update", 2, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(hear(t, &ann, "update", 2, SIGNED | ITSELF, now), PEOPLE_TAKEN);
	/* What is not signed has no time to rely on. */
	hear(t, &ann, "offline", 3, SIGNED | ITSELF, now + 1);
	people_expire(t, now + 1 + PEOPLE_SILENCE_MS);
	assert_int_equal(hear(t, &ann, "update", 2, 0, now + 1 + PEOPLE_SILENCE_MS), PEOPLE_TAKEN);
	people_free(t);
}

static void test_others_may_go_back_in_time(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 5, 0, 1000);
	assert_int_equal(hear(t, &ann, "update", 3, 0, 2000), PEOPLE_TAKEN);
	people_free(t);
}

static void test_gossip_outweighs_the_rendezvous(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const struct person *p;

	(void)state;
	hear(t, &ann, "online", 1, SIGNED | OVER_RENDEZVOUS, 1000);
	p = people_get(t, &ann.id);
	assert_int_equal(p->via, PEOPLE_VIA_RENDEZVOUS);
	hear(t, &ann, "online", 1, SIGNED, 1001);
	hear(t, &ann, "update", 2, SIGNED | OVER_RENDEZVOUS, 6000);
	assert_int_equal(p->via, PEOPLE_VIA_GOSSIP);
	hear(t, &ann, "update", 3, SIGNED | OVER_RENDEZVOUS, 1001 + TTL);
	assert_int_equal(p->via, PEOPLE_VIA_RENDEZVOUS);
	people_free(t);
}

static struct presence message(const struct somebody *who, const char *type, int64_t ts, int flags)
{
	struct presence p;

	parse(&p, plain(who, type, ts, ",\"content\":\"label\""));
	if (flags & SIGNED)
		sign(&p, who);
	return p;
}

static void test_whom_a_server_sees_stays_without_a_word(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 1, SIGNED | OVER_RENDEZVOUS, 1000);
	hear(t, &bob, "online", 1, SIGNED | OVER_RENDEZVOUS, 1000);
	people_stand(t, &ann.id, at(15000));
	assert_true(people_expire(t, 1000 + TTL) == 15000 + TTL);
	assert_int_equal(s.gone, 1);
	assert_non_null(people_get(t, &ann.id));
	assert_int_equal(people_get(t, &ann.id)->last_seen, 1015000);
	assert_int_equal(s.refreshed + s.changed, 0);
	/* Nobody comes back by that alone. */
	people_stand(t, &bob.id, at(16000));
	assert_null(people_get(t, &bob.id));
	people_free(t);
}

static void test_gossip_that_falls_silent_leaves_the_rendezvous(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 1, SIGNED, 1000);
	people_stand(t, &ann.id, at(11000));
	assert_int_equal(people_get(t, &ann.id)->via, PEOPLE_VIA_GOSSIP);
	assert_int_equal(s.changed, 0);
	people_stand(t, &ann.id, at(1000 + TTL));
	assert_int_equal(people_get(t, &ann.id)->via, PEOPLE_VIA_RENDEZVOUS);
	assert_int_equal(s.changed, 1);
	people_free(t);
}

static void test_a_servers_word_counts_less_than_gossip(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 1, SIGNED, 1000);
	hear(t, &ann, "update", 2, SIGNED | OVER_RENDEZVOUS, 15000);
	people_lose(t, &ann.id, at(1000 + TTL - 1));
	assert_int_equal(s.gone, 0);
	people_lose(t, &ann.id, at(1000 + TTL));
	assert_int_equal(s.gone, 1);
	assert_string_equal(s.why, "offline");
	/* It is still known as a signer, and may come back at once. */
	assert_int_equal(hear(t, &ann, "update", 3, OVER_RENDEZVOUS, 22000), PEOPLE_UNSIGNED);
	assert_int_equal(hear(t, &ann, "update", 3, SIGNED | OVER_RENDEZVOUS, 22000), PEOPLE_TAKEN);
	people_free(t);
}

/* The last message of somebody who was silent here, from a server that still sees him. */
static void test_a_server_brings_back_whom_we_lost_sight_of(void **state)
{
	struct somebody ann = somebody(1);
	struct presence p = message(&ann, "update", 7, SIGNED);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	people_hear_back(t, &p, at(500));
	assert_int_equal(people_count(t), 0);
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(1000)), PEOPLE_TAKEN);
	people_expire(t, 1000 + TTL);
	assert_int_equal(people_count(t), 0);
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(30000)), PEOPLE_AGAIN);
	assert_int_equal(people_count(t), 0);
	people_hear_back(t, &p, at(30000));
	assert_int_equal(people_count(t), 1);
	assert_int_equal(s.new, 2);
	assert_true(people_expire(t, 30000) == 30000 + TTL);
	presence_clear(&p);
	people_free(t);
}

static void test_nobody_is_brought_back_after_a_goodbye(void **state)
{
	struct somebody ann = somebody(1);
	struct presence p = message(&ann, "update", 7, SIGNED);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 6, SIGNED, 1000);
	hear(t, &ann, "offline", 7, SIGNED, 2000);
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(3000)), PEOPLE_AGAIN);
	people_hear_back(t, &p, at(3000));
	assert_int_equal(people_count(t), 0);
	presence_clear(&p);
	people_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nobody_speaks_for_another),
	    cmocka_unit_test(test_a_wrong_signature_is_refused_everywhere),
	    cmocka_unit_test(test_who_signs_is_not_believed_unsigned),
	    cmocka_unit_test(test_older_messages_of_a_signer_are_refused),
	    cmocka_unit_test(test_a_signer_is_forgotten_after_a_day_of_silence),
	    cmocka_unit_test(test_what_was_signed_does_not_outlive_the_signers_row),
	    cmocka_unit_test(test_a_clock_may_be_wrong_by_hours),
	    cmocka_unit_test(test_a_peers_own_connection_needs_no_clock),
	    cmocka_unit_test(test_others_may_go_back_in_time),
	    cmocka_unit_test(test_gossip_outweighs_the_rendezvous),
	    cmocka_unit_test(test_whom_a_server_sees_stays_without_a_word),
	    cmocka_unit_test(test_gossip_that_falls_silent_leaves_the_rendezvous),
	    cmocka_unit_test(test_a_servers_word_counts_less_than_gossip),
	    cmocka_unit_test(test_a_server_brings_back_whom_we_lost_sight_of),
	    cmocka_unit_test(test_nobody_is_brought_back_after_a_goodbye),
	};

	return cmocka_run_group_tests_name("people", tests, NULL, NULL);
}
