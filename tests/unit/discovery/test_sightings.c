#include "tests/unit/testing.h"

#include "svc-discovery/sightings.h"

static struct peer_id peer(unsigned n)
{
	struct peer_id id = {.len = 38};

	id.bytes[0] = (uint8_t)(n >> 8);
	id.bytes[1] = (uint8_t)n;
	return id;
}

static size_t count(const struct sightings *t, unsigned server)
{
	size_t n = 0;

	for (size_t at = 0; sightings_next(t, &at, server) != NULL;)
		n++;
	return n;
}

static void test_a_peer_stays_while_one_server_sees_it(void **state)
{
	struct sightings *t = sightings_new();
	struct peer_id a = peer(1), b = peer(2);

	(void)state;
	sightings_see(t, &a, 0);
	sightings_see(t, &a, 31);
	assert_true(sightings_any(t, &a));
	assert_false(sightings_any(t, &b));
	assert_false(sightings_unsee(t, &a, 0));
	assert_false(sightings_unsee(t, &a, 0));
	assert_true(sightings_unsee(t, &a, 31));
	assert_false(sightings_any(t, &a));
	assert_true(sightings_unsee(t, &b, 3));
	sightings_free(t);
}

static void test_a_server_forgets_its_own_alone(void **state)
{
	struct sightings *t = sightings_new();
	struct peer_id id;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		id = peer(i);
		sightings_see(t, &id, 1);
		if (i % 4 == 0)
			sightings_see(t, &id, 2);
	}
	assert_int_equal(count(t, 1), 100);
	assert_int_equal(count(t, 2), 25);
	sightings_clear(t, 1);
	assert_int_equal(count(t, 1), 0);
	assert_int_equal(count(t, 2), 25);
	id = peer(1);
	assert_false(sightings_any(t, &id));
	id = peer(4);
	assert_true(sightings_any(t, &id));
	sightings_forget(t, &id);
	assert_int_equal(count(t, 2), 24);
	sightings_free(t);
}

static void test_there_is_a_bound(void **state)
{
	struct sightings *t = sightings_new();
	struct peer_id id;

	(void)state;
	for (unsigned i = 0; i < SIGHTINGS_MAX + 10; i++) {
		id = peer(i);
		sightings_see(t, &id, 0);
	}
	assert_int_equal(count(t, 0), SIGHTINGS_MAX);
	/* Who is noted can still be seen by others. */
	id = peer(0);
	sightings_see(t, &id, 1);
	assert_int_equal(count(t, 1), 1);
	sightings_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_peer_stays_while_one_server_sees_it),
	    cmocka_unit_test(test_a_server_forgets_its_own_alone),
	    cmocka_unit_test(test_there_is_a_bound),
	};

	return cmocka_run_group_tests_name("sightings", tests, NULL, NULL);
}
