/* Who is listed, for how long, and how many. */
#include "tests/unit/discovery/people_testing.h"

static void test_online_lists_update_refreshes_offline_drops(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const struct person *p;

	(void)state;
	assert_int_equal(hear_more(t, &ann, "online", 1, 0, 1000,
			     ",\"content\":\"Ann\",\"email\":\"a@b\",\"avatarHash\":\"ff\","
			     "\"addrs\":[\"/ip4/10.0.0.1/tcp/1\",\"nonsense\"]"),
	    PEOPLE_TAKEN);
	assert_int_equal(s.new, 1);
	p = people_get(t, &ann.id);
	assert_non_null(p);
	assert_string_equal(p->id, ann.text);
	assert_string_equal(p->label, "Ann");
	assert_string_equal(p->email, "a@b");
	assert_string_equal(p->avatar_hash, "ff");
	assert_int_equal(p->addr_count, 1);
	assert_string_equal(p->addrs[0], "/ip4/10.0.0.1/tcp/1");
	assert_int_equal(p->first_seen, 1001000);
	hear_more(t, &ann, "update", 2, 0, 2000,
	    ",\"content\":\"Ann\",\"email\":\"a@b\",\"avatarHash\":\"ff\"");
	assert_int_equal(s.refreshed, 1);
	hear(t, &ann, "update", 3, 0, 3000);
	assert_int_equal(s.changed, 1);
	assert_int_equal(p->first_seen, 1001000);
	assert_int_equal(p->last_seen, 1003000);
	hear(t, &ann, "offline", 4, 0, 4000);
	assert_int_equal(s.gone, 1);
	assert_int_equal(s.left, 0);
	assert_string_equal(s.why, "offline");
	assert_null(people_get(t, &ann.id));
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_an_update_lists_too(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(hear(t, &ann, "update", 1, 0, 1000), PEOPLE_TAKEN);
	assert_int_equal(s.new, 1);
	people_free(t);
}

static void test_offline_of_a_stranger_does_nothing(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(hear(t, &ann, "offline", 1, 0, 1000), PEOPLE_TAKEN);
	assert_int_equal(s.gone, 0);
	people_free(t);
}

static void test_the_silent_are_dropped_after_the_ttl(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(people_expire(t, 0), UINT64_MAX);
	hear(t, &ann, "online", 1, 0, 1000);
	hear(t, &bob, "online", 1, SIGNED, 2000);
	assert_int_equal(people_expire(t, 3000), 1000 + TTL);
	hear(t, &ann, "update", 2, 0, 3000);
	assert_int_equal(people_expire(t, 2000 + TTL), 3000 + TTL);
	assert_int_equal(s.gone, 1);
	assert_string_equal(s.why, "silent");
	assert_null(people_get(t, &bob.id));
	assert_non_null(people_get(t, &ann.id));
	people_expire(t, 3000 + TTL);
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_we_are_not_among_the_people(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	people_set_self(t, &ann.id);
	assert_int_equal(hear(t, &ann, "online", 1, SIGNED, 1000), PEOPLE_OWN);
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_a_punch_is_no_presence(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(hear(t, &ann, "punch", 1, OVER_RENDEZVOUS, 1), PEOPLE_NO_MATTER);
	people_free(t);
}

static void test_those_present_stay_when_the_table_is_full(void **state)
{
	struct seen s;
	struct people *t = people_of(&s);
	struct somebody who, first = somebody(0);

	(void)state;
	for (uint32_t n = 0; n < PEOPLE_LISTED_MAX; n++) {
		who = somebody(n);
		assert_int_equal(hear(t, &who, "online", 1, 0, 1000 + n), PEOPLE_TAKEN);
	}
	who = somebody(PEOPLE_LISTED_MAX);
	assert_int_equal(hear(t, &who, "online", 1, 0, 10000), PEOPLE_FULL);
	assert_int_equal(hear(t, &first, "update", 1, 0, 10000), PEOPLE_TAKEN);
	assert_int_equal(people_count(t), PEOPLE_LISTED_MAX);
	hear(t, &first, "offline", 1, 0, 10001);
	assert_int_equal(hear(t, &who, "online", 1, 0, 10002), PEOPLE_TAKEN);
	people_free(t);
}

static void test_texts_are_bounded_altogether(void **state)
{
	struct seen s;
	struct people *t = people_of(&s);
	enum people_verdict verdict = PEOPLE_TAKEN;
	struct somebody who;
	char *big = NULL, *label = malloc(4097);
	char addrs[32 * 260] = "";
	uint32_t n;

	(void)state;
	memset(label, 'x', 4096);
	label[4096] = '\0';
	for (int i = 0; i < 32; i++) {
		size_t used = strlen(addrs);
		snprintf(addrs + used, sizeof addrs - used, "%s\"/dns4/%.200s/tcp/1\"",
		    i ? "," : "", label);
	}
	assert_true(asprintf(&big, ",\"content\":\"%s\",\"addrs\":[%s]", label, addrs) > 0);
	for (n = 0; n < PEOPLE_LISTED_MAX && verdict == PEOPLE_TAKEN; n++) {
		who = somebody(n);
		verdict = hear_more(t, &who, "online", 1, 0, 1000, big);
	}
	assert_int_equal(verdict, PEOPLE_FULL);
	assert_in_range(n, PEOPLE_BYTES_MAX / 12000, PEOPLE_BYTES_MAX / 10000);
	/* Everybody leaves, so there is room again. */
	people_expire(t, 1000 + TTL);
	assert_int_equal(people_count(t), 0);
	assert_int_equal(hear_more(t, &who, "online", 1, 0, 50000, big), PEOPLE_TAKEN);
	free(big);
	free(label);
	people_free(t);
}

static void test_signers_remembered_are_bounded(void **state)
{
	struct somebody first = somebody(0), second = somebody(1), who;
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &second, "online", 5, SIGNED, 1);
	hear(t, &second, "offline", 6, SIGNED, 1);
	hear(t, &first, "online", 5, SIGNED, 2);
	hear(t, &first, "offline", 6, SIGNED, 2);
	hear(t, &second, "offline", 7, SIGNED, 3);
	for (uint32_t n = 2; n < PEOPLE_KNOWN_MAX + 1; n++) {
		who = somebody(n);
		hear(t, &who, "offline", 1, SIGNED, 4);
	}
	/* The one silent longest had to go, the next has not. */
	assert_int_equal(hear(t, &second, "online", 1, SIGNED, 5), PEOPLE_STALE);
	assert_int_equal(hear(t, &first, "online", 1, SIGNED, 5), PEOPLE_TAKEN);
	/* A flood of such as do not sign drives nobody out, be they listed or not. */
	for (uint32_t n = 100000; n < 100000 + PEOPLE_LISTED_MAX + 100; n++) {
		who = somebody(n);
		hear(t, &who, "offline", 1, 0, 6);
		hear(t, &who, "online", 1, 0, 6);
	}
	assert_int_equal(people_count(t), PEOPLE_LISTED_MAX);
	assert_int_equal(hear(t, &second, "offline", 1, SIGNED, 7), PEOPLE_STALE);
	/* Who was listed and falls silent is counted, too: the next one has to go. */
	hear(t, &first, "offline", 2, SIGNED, 8);
	assert_int_equal(hear(t, &second, "offline", 1, SIGNED, 9), PEOPLE_TAKEN);
	people_free(t);
}

static void test_nobody_speaks_all_the_time(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	for (int64_t i = 0; i < 100; i++)
		assert_int_equal(hear(t, &ann, "update", i, SIGNED, 5000 + (uint64_t)i),
		    i < PEOPLE_BURST ? PEOPLE_TAKEN : PEOPLE_OFTEN);
	assert_int_equal(s.new + s.refreshed, PEOPLE_BURST);
	assert_int_equal(hear(t, &bob, "update", 1, 0, 5500), PEOPLE_TAKEN);
	/* In the next second again; a goodbye at any time, once. */
	for (int64_t i = 0; i < PEOPLE_BURST; i++)
		assert_int_equal(hear(t, &ann, "update", 200 + i, SIGNED, 6000), PEOPLE_TAKEN);
	assert_int_equal(hear(t, &ann, "update", 300, SIGNED, 6999), PEOPLE_OFTEN);
	assert_int_equal(hear(t, &ann, "offline", 301, SIGNED, 6999), PEOPLE_TAKEN);
	assert_null(people_get(t, &ann.id));
	assert_int_equal(hear(t, &ann, "offline", 302, SIGNED, 6999), PEOPLE_OFTEN);
	people_free(t);
}

static void test_walk(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);
	const struct person *p;

	(void)state;
	assert_null(people_next(t, NULL));
	hear(t, &ann, "online", 1, 0, 1);
	hear(t, &bob, "online", 1, 0, 2);
	hear(t, &ann, "update", 1, 0, 3);
	p = people_next(t, NULL);
	assert_string_equal(p->id, bob.text);
	p = people_next(t, p);
	assert_string_equal(p->id, ann.text);
	assert_null(people_next(t, p));
	people_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_online_lists_update_refreshes_offline_drops),
	    cmocka_unit_test(test_an_update_lists_too),
	    cmocka_unit_test(test_offline_of_a_stranger_does_nothing),
	    cmocka_unit_test(test_the_silent_are_dropped_after_the_ttl),
	    cmocka_unit_test(test_we_are_not_among_the_people),
	    cmocka_unit_test(test_a_punch_is_no_presence),
	    cmocka_unit_test(test_those_present_stay_when_the_table_is_full),
	    cmocka_unit_test(test_texts_are_bounded_altogether),
	    cmocka_unit_test(test_signers_remembered_are_bounded),
	    cmocka_unit_test(test_nobody_speaks_all_the_time),
	    cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests_name("people", tests, NULL, NULL);
}
