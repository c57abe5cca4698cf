#include "tests/unit/testing.h"

#include "svc-discovery/mdns_heard.h"

struct seen {
	unsigned heard, gone;
	size_t count; /* addresses of the last one heard */
	uint32_t ttl_ms;
	bool fresh;
	uint64_t source;
};

static void on_heard(void *arg, const struct mdns_heard_peer *peer)
{
	struct seen *s = arg;

	s->heard++;
	s->count = peer->count;
	s->ttl_ms = peer->ttl_ms;
	s->fresh = peer->fresh;
	s->source = peer->source;
}

static void on_gone(void *arg, const struct peer_id *peer)
{
	struct seen *s = arg;

	(void)peer;
	s->gone++;
}

static const struct mdns_heard_events events = {on_heard, on_gone};

static struct mdns_heard *fresh_table(struct seen *seen)
{
	memset(seen, 0, sizeof *seen);
	return mdns_heard_new(&events, seen);
}

/* As if each peer were a machine of its own. */
static void take(struct mdns_heard *h, const struct mdns_entry *e, uint64_t now)
{
	uint32_t n;

	memcpy(&n, e->peer.bytes, sizeof n);
	mdns_heard_take(h, e, n, now);
}

/* Peer number `n` in its life `instance` at the addresses given. */
static struct mdns_entry *entry(uint32_t n, const char *instance, uint32_t ttl, const char *addr)
{
	static struct mdns_entry e;

	memset(&e, 0, sizeof e);
	e.ttl = ttl;
	e.instance_len = strlen(instance);
	memcpy(e.instance, instance, e.instance_len);
	e.peer.len = 38;
	memcpy(e.peer.bytes, &n, sizeof n);
	e.count = addr != NULL;
	if (addr != NULL)
		assert_int_equal(multiaddr_from_text(&e.addrs[0], addr, strlen(addr)), 0);
	return &e;
}

static void test_a_new_peer_is_told_at_once_and_again_seldom(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	take(h, entry(1, "a", 120, "/ip4/10.0.0.1/tcp/1"), 1000);
	assert_int_equal(s.heard, 1);
	assert_true(s.fresh);
	assert_int_equal(s.ttl_ms, 120000);
	take(h, entry(1, "a", 120, "/ip4/10.0.0.1/tcp/1"), 2000);
	assert_int_equal(s.heard, 1);
	take(h, entry(1, "a", 120, "/ip4/10.0.0.1/tcp/1"), 11000);
	assert_int_equal(s.heard, 2);
	assert_false(s.fresh);
	mdns_heard_free(h);
}

static void test_addresses_of_several_packets_add_up(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	take(h, entry(1, "a", 120, "/ip4/10.0.0.1/tcp/1"), 0);
	take(h, entry(1, "a", 120, "/ip4/10.0.0.2/tcp/1"), 1);
	assert_int_equal(s.heard, 2);
	assert_true(s.fresh);
	assert_int_equal(s.count, 2);
	mdns_heard_free(h);
}

static void test_another_life_has_other_addresses(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	take(h, entry(1, "a", 120, "/ip4/10.0.0.1/tcp/1"), 0);
	take(h, entry(1, "b", 120, "/ip4/10.0.0.1/tcp/2"), 1);
	assert_int_equal(s.count, 1);
	assert_true(s.fresh);
	/* The goodbye of the former life comes late. */
	take(h, entry(1, "a", 0, NULL), 2);
	assert_int_equal(s.gone, 0);
	take(h, entry(1, "b", 0, NULL), 3);
	assert_int_equal(s.gone, 1);
	assert_int_equal(mdns_heard_count(h), 0);
	mdns_heard_free(h);
}

static void test_the_silent_are_forgotten(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	assert_int_equal(mdns_heard_expire(h, 0), UINT64_MAX);
	take(h, entry(1, "a", 10, "/ip4/10.0.0.1/tcp/1"), 0);
	take(h, entry(2, "b", 20, "/ip4/10.0.0.2/tcp/1"), 0);
	assert_int_equal(mdns_heard_expire(h, 9999), 10000);
	take(h, entry(1, "a", 30, "/ip4/10.0.0.1/tcp/1"), 9999);
	assert_int_equal(mdns_heard_expire(h, 10000), 20000);
	assert_int_equal(s.gone, 0);
	assert_int_equal(mdns_heard_expire(h, 20000), 39999);
	assert_int_equal(s.gone, 1);
	assert_int_equal(mdns_heard_expire(h, 39999), UINT64_MAX);
	assert_int_equal(s.gone, 2);
	mdns_heard_free(h);
}

static void test_an_address_ends_by_itself(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	take(h, entry(1, "a", 10, "/ip4/10.0.0.1/tcp/1"), 0);
	take(h, entry(1, "a", 60, "/ip4/10.0.0.2/tcp/1"), 0);
	assert_int_equal(s.count, 2);
	take(h, entry(1, "a", 60, "/ip4/10.0.0.2/tcp/1"), 20000);
	assert_int_equal(s.count, 1);
	mdns_heard_free(h);
}

static void test_nobody_is_believed_for_ever(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	take(h, entry(1, "a", UINT32_MAX, "/ip4/10.0.0.1/tcp/1"), 0);
	assert_int_equal(s.ttl_ms, MDNS_HEARD_TTL_MAX * 1000);
	mdns_heard_free(h);
}

static void test_too_many_peers_push_out_the_silent(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	for (uint32_t n = 1; n <= MDNS_HEARD_MAX; n++)
		take(h, entry(n, "a", 120, "/ip4/10.0.0.1/tcp/1"), n);
	/* Number 1 is heard again, so 2 is the one silent longest. */
	take(h, entry(1, "a", 120, "/ip4/10.0.0.1/tcp/1"), 2000);
	take(h, entry(5000, "a", 120, "/ip4/10.0.0.1/tcp/1"), 2001);
	assert_int_equal(mdns_heard_count(h), MDNS_HEARD_MAX);
	assert_int_equal(s.gone, 1);
	s.heard = 0;
	take(h, entry(1, "a", 120, "/ip4/10.0.0.1/tcp/1"), 2002);
	assert_int_equal(s.heard, 0);
	take(h, entry(2, "a", 120, "/ip4/10.0.0.1/tcp/1"), 2003);
	assert_int_equal(s.heard, 1);
	assert_true(s.fresh);
	mdns_heard_free(h);
}

static void test_too_many_addresses_push_out_the_oldest(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);
	char addr[64];

	(void)state;
	for (int i = 0; i < MDNS_ADDRS_MAX + 5; i++) {
		snprintf(addr, sizeof addr, "/ip4/10.0.0.%d/tcp/1", i);
		take(h, entry(1, "a", 120, addr), (uint64_t)i);
	}
	assert_int_equal(s.count, MDNS_ADDRS_MAX);
	mdns_heard_free(h);
}

static void test_all_can_be_told_again(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	take(h, entry(1, "a", 10, "/ip4/10.0.0.1/tcp/1"), 0);
	take(h, entry(2, "b", 20, "/ip4/10.0.0.2/tcp/1"), 0);
	memset(&s, 0, sizeof s);
	mdns_heard_each(h, 5000, on_heard, &s);
	assert_int_equal(s.heard, 2);
	assert_true(s.fresh);
	memset(&s, 0, sizeof s);
	mdns_heard_each(h, 15000, on_heard, &s);
	assert_int_equal(s.heard, 1);
	assert_int_equal(s.ttl_ms, 5000);
	mdns_heard_free(h);
}

/* One machine fills its own part of the table, and pushes nobody out. */
static void test_one_machine_has_a_part_of_the_table(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	take(h, entry(1, "a", 120, "/ip4/10.0.0.1/tcp/1"), 0);
	for (uint32_t n = 1000; n < 1000 + 2 * MDNS_HEARD_MAX; n++)
		mdns_heard_take(h, entry(n, "x", 120, "/ip4/10.0.0.9/tcp/1"), 9, 1);
	assert_int_equal(mdns_heard_count(h), 1 + MDNS_HEARD_SOURCE_MAX);
	assert_int_equal(s.gone, 0);
	/* Others are heard as ever; it, too, when one of its own has gone. */
	take(h, entry(2, "b", 120, "/ip4/10.0.0.2/tcp/1"), 2);
	assert_int_equal(mdns_heard_count(h), 2 + MDNS_HEARD_SOURCE_MAX);
	mdns_heard_take(h, entry(1000, "x", 0, NULL), 9, 3);
	mdns_heard_take(h, entry(5000, "x", 120, "/ip4/10.0.0.9/tcp/1"), 9, 3);
	assert_int_equal(mdns_heard_count(h), 2 + MDNS_HEARD_SOURCE_MAX);
	assert_int_equal(s.source, 9);
	mdns_heard_free(h);
}

static void test_a_peer_counts_for_who_speaks_of_the_fewest(void **state)
{
	struct seen s;
	struct mdns_heard *h = fresh_table(&s);

	(void)state;
	/* Somebody speaks of many, one of them a peer that is there. */
	for (uint32_t n = 1; n <= MDNS_HEARD_SOURCE_MAX; n++)
		mdns_heard_take(h, entry(n, "a", 120, "/ip4/10.0.0.9/tcp/1"), 900, n);
	assert_int_equal(s.source, 900);
	take(h, entry(7, "a", 120, "/ip4/10.0.0.7/tcp/1"), 2000);
	assert_int_equal(s.source, 7);
	/* Speaking of it again does not bring it back. */
	mdns_heard_take(h, entry(7, "a", 120, "/ip4/10.0.0.8/tcp/1"), 900, 3000);
	assert_int_equal(s.source, 7);
	/* Nor can a newcomer take it. */
	mdns_heard_take(h, entry(7, "a", 120, "/ip4/10.0.0.6/tcp/1"), 800, 3000);
	assert_int_equal(s.source, 7);
	mdns_heard_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_new_peer_is_told_at_once_and_again_seldom),
	    cmocka_unit_test(test_addresses_of_several_packets_add_up),
	    cmocka_unit_test(test_another_life_has_other_addresses),
	    cmocka_unit_test(test_the_silent_are_forgotten),
	    cmocka_unit_test(test_an_address_ends_by_itself),
	    cmocka_unit_test(test_nobody_is_believed_for_ever),
	    cmocka_unit_test(test_too_many_peers_push_out_the_silent),
	    cmocka_unit_test(test_too_many_addresses_push_out_the_oldest),
	    cmocka_unit_test(test_all_can_be_told_again),
	    cmocka_unit_test(test_one_machine_has_a_part_of_the_table),
	    cmocka_unit_test(test_a_peer_counts_for_who_speaks_of_the_fewest),
	};

	return cmocka_run_group_tests_name("mdns_heard", tests, NULL, NULL);
}
