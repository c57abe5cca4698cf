/* What a peer or an address has of the streams, however many connections it has. */
#include "svc-transport/share.h"

#include "svc-transport/limits.h"
#include "tests/unit/testing.h"

static struct shares *shares;
static const struct bytes ALICE = {(const uint8_t *)"abc", 3}, BOB = {(const uint8_t *)"xyz", 3};

static int setup(void **state)
{
	(void)state;
	shares = shares_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	shares_free(shares);
	return 0;
}

static void connections_of_one_peer_share(void **state)
{
	struct share *first = shares_enter(shares, ALICE), *second = shares_enter(shares, ALICE);
	struct share *other = shares_enter(shares, BOB);

	(void)state;
	assert_ptr_equal(first, second);
	assert_ptr_not_equal(first, other);
	share_opened(first);
	shares_leave(shares, second);
	assert_int_equal(first->inbound, 1);
	share_over(first, PROTOCOL_NONE);
	shares_leave(shares, first);
	assert_int_equal(shares_enter(shares, ALICE)->connections, 1);
}

static void so_many_negotiate(void **state)
{
	struct share *s = shares_enter(shares, ALICE);

	(void)state;
	for (int i = 0; i < LIMIT_NEGOTIATING_PEER; i++) {
		assert_true(share_may_open(s));
		share_opened(s);
	}
	assert_false(share_may_open(s));
	share_agreed(s, PROTOCOL_GOOP_SITE);
	assert_true(share_may_open(s));
}

static void a_protocol_has_so_many(void **state)
{
	struct share *s = shares_enter(shares, ALICE);

	(void)state;
	for (unsigned i = 0; i < protocol_limit(PROTOCOL_PING); i++) {
		assert_true(share_may_serve(s, PROTOCOL_PING));
		share_opened(s);
		share_agreed(s, PROTOCOL_PING);
	}
	assert_false(share_may_serve(s, PROTOCOL_PING));
	assert_true(share_may_serve(s, PROTOCOL_IDENTIFY));
	share_over(s, PROTOCOL_PING);
	assert_true(share_may_serve(s, PROTOCOL_PING));
}

static void an_address_has_what_one_peer_may_have_or_more(void **state)
{
	struct share *s = shares_enter(shares, ALICE);

	(void)state;
	for (unsigned i = 0; i < LIMIT_SERVED_ADDRESS; i++) {
		assert_true(share_address_may_serve(s, PROTOCOL_PING));
		share_opened(s);
		share_agreed(s, PROTOCOL_PING);
	}
	assert_false(share_address_may_serve(s, PROTOCOL_PING));
	for (unsigned i = 0; i < protocol_limit(PROTOCOL_GOOP_SITE); i++) {
		assert_true(share_address_may_serve(s, PROTOCOL_GOOP_SITE));
		share_opened(s);
		share_agreed(s, PROTOCOL_GOOP_SITE);
	}
	assert_false(share_address_may_serve(s, PROTOCOL_GOOP_SITE));
}

static void all_together_are_so_many(void **state)
{
	struct share *s = shares_enter(shares, ALICE);
	unsigned total = 0;

	(void)state;
	for (unsigned p = 1; p < PROTOCOL_COUNT; p++)
		for (unsigned i = 0; i < protocol_limit((enum protocol)p); i++) {
			share_opened(s);
			share_agreed(s, (enum protocol)p);
			total++;
		}
	while (share_may_open(s)) {
		share_opened(s);
		total++;
	}
	assert_int_equal(total, LIMIT_SERVED_PEER);
	assert_int_equal(s->inbound, LIMIT_SERVED_PEER);
}

static void who_lets_the_most_wait_is_found(void **state)
{
	struct share *alice = shares_enter(shares, ALICE), *bob = shares_enter(shares, BOB);

	(void)state;
	assert_null(shares_greediest(shares));
	alice->unsent = 10;
	assert_ptr_equal(shares_greediest(shares), alice);
	bob->unsent = 11;
	assert_ptr_equal(shares_greediest(shares), bob);
	bob->unsent = 0;
	assert_ptr_equal(shares_greediest(shares), alice);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(connections_of_one_peer_share),
	    TEST(so_many_negotiate),
	    TEST(a_protocol_has_so_many),
	    TEST(an_address_has_what_one_peer_may_have_or_more),
	    TEST(all_together_are_so_many),
	    TEST(who_lets_the_most_wait_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
