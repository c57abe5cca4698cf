/* The order of changes: any numbers go, the others stay in order. */
#include "svc-rendezvous/hub_order.h"

#include "tests/unit/testing.h"

#define PEERS 1000

/* Only their addresses are looked at. */
static char peers[PEERS];

static const struct hub_peer *peer(size_t i)
{
	return (const struct hub_peer *)(const void *)&peers[i];
}

static void expect_after(const struct hub_order *o, uint64_t number, uint64_t expected)
{
	const struct hub_peer *p = hub_order_after(o, &number);

	assert_int_equal(p == NULL ? 0 : number, expected);
}

static void test_empty(void **state)
{
	struct hub_order o = {0};

	(void)state;
	expect_after(&o, 0, 0);
	hub_order_remove(&o, 0);
	hub_order_clear(&o);
}

static void test_removed_ones_are_passed_over(void **state)
{
	struct hub_order o = {0};

	(void)state;
	for (uint64_t n = 2; n <= 10; n += 2)
		hub_order_add(&o, n, peer(n));
	hub_order_remove(&o, 4);
	hub_order_remove(&o, 4);
	hub_order_remove(&o, 5);
	hub_order_remove(&o, 10);
	expect_after(&o, 0, 2);
	expect_after(&o, 1, 2);
	expect_after(&o, 2, 6);
	expect_after(&o, 8, 0);
	expect_after(&o, UINT64_MAX, 0);
	hub_order_clear(&o);
}

static void test_many_changes_take_no_more_room(void **state)
{
	struct hub_order o = {0};
	uint64_t last[PEERS] = {0}, number = 0, at = 0;
	size_t seen = 0;

	(void)state;
	for (int round = 0; round < 50; round++)
		for (size_t i = 0; i < PEERS; i++) {
			/* The first of them never changes. */
			if (last[i] != 0 && i == 0)
				continue;
			hub_order_remove(&o, last[i]);
			hub_order_add(&o, last[i] = ++number, peer(i));
		}
	assert_true(o.size <= 4 * PEERS);
	for (const struct hub_peer *p; (p = hub_order_after(&o, &at)) != NULL; seen++) {
		assert_ptr_equal(p, peer(seen));
		assert_int_equal(at, last[seen]);
	}
	assert_int_equal(seen, PEERS);
	hub_order_clear(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_removed_ones_are_passed_over),
	    cmocka_unit_test(test_many_changes_take_no_more_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
