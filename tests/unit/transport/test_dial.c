/* Dialling as a state machine: the time is a number, connecting is a row in a table. */
#include "tests/unit/testing.h"

#include "svc-transport/dial.h"
#include "svc-transport/limits.h"

#define A "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"

/* A handle is the address of its row. */
struct row {
	char addr[MULTIADDR_TEXT];
	bool aborted;
};

static struct {
	struct row rows[64];
	size_t count;
	const char *refuse; /* start() fails with it */
	char failed[DIAL_TEXT];
	unsigned failures;
} world;

static struct dialer *d;
static struct peer_id peer;

static void *start(void *arg, const struct peer_id *id, const struct multiaddr *addr, char *why)
{
	struct row *row = &world.rows[world.count];

	assert_ptr_equal(arg, &world);
	assert_true(peer_id_equal(id, &peer));
	if (world.refuse != NULL) {
		snprintf(why, DIAL_WHY, "%s", world.refuse);
		return NULL;
	}
	assert_true(world.count < 64);
	world.count++;
	multiaddr_to_text(addr, row->addr);
	return row;
}

static void abort_(void *arg, void *handle)
{
	struct row *row = handle;

	assert_ptr_equal(arg, &world);
	assert_false(row->aborted);
	row->aborted = true;
}

static void failed(void *arg, const struct peer_id *id, const char *text)
{
	assert_ptr_equal(arg, &world);
	assert_true(peer_id_equal(id, &peer));
	world.failures++;
	snprintf(world.failed, sizeof world.failed, "%s", text);
}

static const struct dial_io io = {.start = start, .abort = abort_, .failed = failed};

static int setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	d = dialer_new(&io, &world);
	return peer_id_from_text(&peer, A, strlen(A));
}

static int teardown(void **state)
{
	(void)state;
	dialer_free(d);
	return 0;
}

static struct multiaddr addr_of(const char *text)
{
	struct multiaddr addr;

	assert_int_equal(multiaddr_from_text(&addr, text, strlen(text)), 0);
	return addr;
}

static void dial(uint64_t now, const char *const *texts)
{
	struct multiaddr list[64];
	size_t n = 0;

	for (; texts[n] != NULL; n++)
		list[n] = addr_of(texts[n]);
	assert_int_equal(dialer_start(d, &peer, list, n, now), 0);
}
#define DIAL(now, ...) dial(now, (const char *const[]){__VA_ARGS__, NULL})

#define ONE   "/ip4/192.168.1.5/tcp/4001"
#define TWO   "/ip4/198.51.100.7/tcp/4001"
#define THREE "/ip4/198.51.100.8/tcp/4001"

static void the_next_begins_after_a_stagger(void **state)
{
	(void)state;
	DIAL(1000, ONE, TWO, THREE);
	assert_int_equal(world.count, 0);
	assert_int_equal(dialer_tick(d, 1000), 1000 + LIMIT_DIAL_STAGGER_MS);
	assert_int_equal(world.count, 1);
	assert_string_equal(world.rows[0].addr, ONE);
	dialer_tick(d, 1000 + LIMIT_DIAL_STAGGER_MS - 1);
	assert_int_equal(world.count, 1);
	dialer_tick(d, 1000 + LIMIT_DIAL_STAGGER_MS);
	assert_int_equal(world.count, 2);
	assert_string_equal(world.rows[1].addr, TWO);
}

static void a_failure_lets_the_next_begin_at_once(void **state)
{
	(void)state;
	DIAL(0, ONE, TWO);
	dialer_tick(d, 0);
	dialer_failed(d, &peer, &world.rows[0], "connection refused", 3);
	assert_int_equal(dialer_tick(d, 3), 3 + LIMIT_DIAL_PUBLIC_MS);
	assert_string_equal(world.rows[1].addr, TWO);
	assert_false(world.rows[0].aborted);
}

static void a_connected_one_is_given_time(void **state)
{
	(void)state;
	DIAL(0, ONE, TWO);
	dialer_tick(d, 0);
	dialer_progress(d, &peer, &world.rows[0], 10);
	dialer_tick(d, LIMIT_DIAL_STAGGER_MS + 10);
	assert_int_equal(world.count, 1);
	dialer_tick(d, 10 + LIMIT_DIAL_PROGRESS_MS);
	assert_int_equal(world.count, 2);
}

static void success_aborts_the_others(void **state)
{
	(void)state;
	DIAL(0, ONE, TWO, THREE);
	dialer_tick(d, 0);
	dialer_tick(d, LIMIT_DIAL_STAGGER_MS);
	dialer_connected(d, &peer, &world.rows[1]);
	assert_true(world.rows[0].aborted);
	assert_false(world.rows[1].aborted);
	assert_false(dialer_busy(d, &peer));
	assert_int_equal(dialer_tick(d, 100000), UINT64_MAX);
	assert_int_equal(world.count, 2);
	assert_int_equal(world.failures, 0);
}

static void an_inbound_connection_ends_the_dial(void **state)
{
	(void)state;
	DIAL(0, ONE);
	dialer_tick(d, 0);
	dialer_connected(d, &peer, NULL);
	assert_true(world.rows[0].aborted);
	dialer_failed(d, &peer, &world.rows[0], "too late", 1);
	dialer_tick(d, 1);
	assert_int_equal(world.failures, 0);
}

static void when_all_failed_each_is_listed(void **state)
{
	(void)state;
	DIAL(0, ONE, TWO);
	dialer_tick(d, 0);
	dialer_failed(d, &peer, &world.rows[0], "connection refused", 1);
	dialer_tick(d, 1);
	dialer_failed(d, &peer, &world.rows[1], "no route to host", 2);
	assert_int_equal(dialer_tick(d, 2), UINT64_MAX);
	assert_int_equal(world.failures, 1);
	assert_string_equal(world.failed, ONE ": connection refused\n" TWO ": no route to host");
	assert_false(dialer_busy(d, &peer));
}

static void silence_ends_at_the_deadline_of_its_kind(void **state)
{
	(void)state;
	DIAL(0, ONE, TWO);
	dialer_tick(d, 0);
	dialer_tick(d, LIMIT_DIAL_STAGGER_MS);
	dialer_tick(d, LIMIT_DIAL_PRIVATE_MS - 1);
	assert_false(world.rows[0].aborted);
	dialer_tick(d, LIMIT_DIAL_PRIVATE_MS);
	assert_true(world.rows[0].aborted);
	assert_false(world.rows[1].aborted);
	dialer_tick(d, LIMIT_DIAL_STAGGER_MS + LIMIT_DIAL_PUBLIC_MS);
	assert_true(world.rows[1].aborted);
	assert_string_equal(
	    world.failed, ONE ": no answer within 5 s\n" TWO ": no answer within 10 s");
}

static void without_addresses_it_says_so(void **state)
{
	(void)state;
	assert_int_equal(dialer_start(d, &peer, NULL, 0, 0), 0);
	assert_true(dialer_busy(d, &peer));
	dialer_tick(d, 0);
	assert_string_equal(world.failed, "no address is known for this peer");
}

static void what_cannot_begin_has_failed(void **state)
{
	(void)state;
	world.refuse = "no room for more connections";
	DIAL(0, ONE, TWO);
	assert_int_equal(dialer_tick(d, 0), UINT64_MAX);
	assert_int_equal(world.failures, 1);
	assert_string_equal(world.failed,
	    ONE ": no room for more connections\n" TWO ": no room for more connections");
}

static void what_this_host_refuses_is_not_held_against_the_address(void **state)
{
	(void)state;
	world.refuse = "too many connections";
	DIAL(0, ONE);
	dialer_tick(d, 0);
	assert_int_equal(world.failures, 1);
	world.refuse = NULL;
	DIAL(1, ONE);
	dialer_tick(d, 1);
	assert_int_equal(world.count, 1);
	assert_true(dialer_busy(d, &peer));
}

/* Dials at `now` and lets the one address fail. Returns whether it was tried. */
static bool fails_again(uint64_t now)
{
	size_t before = world.count;

	DIAL(now, ONE);
	dialer_tick(d, now);
	if (world.count > before)
		dialer_failed(d, &peer, &world.rows[before], "connection refused", now);
	dialer_tick(d, now);
	assert_false(dialer_busy(d, &peer));
	return world.count > before;
}

static void a_failed_address_is_left_alone_ever_longer(void **state)
{
	uint64_t wait = LIMIT_BACKOFF_FIRST_MS, now = 0;

	(void)state;
	assert_true(fails_again(now));
	for (int i = 0; i < 9; i++) {
		assert_false(fails_again(now + wait - 1));
		assert_string_equal(
		    world.failed, ONE ": connection refused (not tried again for 1 s)");
		now += wait;
		assert_true(fails_again(now));
		wait = wait * 2 < LIMIT_BACKOFF_LAST_MS ? wait * 2 : LIMIT_BACKOFF_LAST_MS;
	}
	assert_int_equal(wait, LIMIT_BACKOFF_LAST_MS);
}

static void an_announcement_clears_the_backoff(void **state)
{
	struct multiaddr addr = addr_of(ONE "/p2p/" A);

	(void)state;
	assert_true(fails_again(0));
	assert_false(fails_again(1));
	dialer_forgive(d, &peer, &addr, 1);
	assert_true(fails_again(2));
	assert_false(fails_again(2 + LIMIT_BACKOFF_FIRST_MS - 1));
}

static void success_clears_the_backoff(void **state)
{
	(void)state;
	assert_true(fails_again(0));
	DIAL(LIMIT_BACKOFF_FIRST_MS, ONE);
	dialer_tick(d, LIMIT_BACKOFF_FIRST_MS);
	dialer_connected(d, &peer, &world.rows[1]);
	assert_true(fails_again(LIMIT_BACKOFF_FIRST_MS + 1));
	/* Counted from the beginning again. */
	assert_true(fails_again(2 * LIMIT_BACKOFF_FIRST_MS + 1));
}

static void another_peers_failure_does_not_count(void **state)
{
	struct multiaddr addr = addr_of(ONE);

	(void)state;
	assert_true(fails_again(0));
	peer.bytes[10] ^= 1;
	assert_int_equal(dialer_start(d, &peer, &addr, 1, 1), 0);
	dialer_tick(d, 1);
	assert_int_equal(world.count, 2);
}

static void a_second_dial_adds_addresses(void **state)
{
	(void)state;
	DIAL(0, ONE);
	dialer_tick(d, 0);
	DIAL(1, ONE, TWO);
	dialer_failed(d, &peer, &world.rows[0], "connection refused", 2);
	dialer_tick(d, 2);
	assert_int_equal(world.count, 2);
	assert_string_equal(world.rows[1].addr, TWO);
	dialer_failed(d, &peer, &world.rows[1], "connection refused", 3);
	dialer_tick(d, 3);
	assert_int_equal(world.failures, 1);
}

static void only_so_many_at_once(void **state)
{
	char text[64];
	struct multiaddr list[2 * LIMIT_DIAL_ADDRS];

	(void)state;
	for (unsigned i = 0; i < 2 * LIMIT_DIAL_ADDRS; i++) {
		snprintf(text, sizeof text, "/ip4/10.0.0.%u/tcp/1", i);
		list[i] = addr_of(text);
	}
	assert_int_equal(dialer_start(d, &peer, list, 2 * LIMIT_DIAL_ADDRS, 0), 0);
	for (uint64_t now = 0; now < LIMIT_DIAL_PRIVATE_MS; now += LIMIT_DIAL_STAGGER_MS)
		dialer_tick(d, now);
	assert_int_equal(world.count, LIMIT_DIAL_TRIES);
	for (uint64_t now = 0; dialer_busy(d, &peer); now += LIMIT_DIAL_STAGGER_MS)
		dialer_tick(d, now);
	assert_int_equal(world.count, LIMIT_DIAL_ADDRS);
}

static void only_so_many_dials(void **state)
{
	struct multiaddr addr = addr_of(ONE);

	(void)state;
	for (uint32_t i = 0; i < LIMIT_DIALS; i++) {
		memcpy(peer.bytes + 10, &i, sizeof i);
		assert_int_equal(dialer_start(d, &peer, &addr, 1, 0), 0);
	}
	peer.bytes[20] ^= 1;
	assert_int_equal(dialer_start(d, &peer, &addr, 1, 0), -1);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(the_next_begins_after_a_stagger),
	    TEST(a_failure_lets_the_next_begin_at_once),
	    TEST(a_connected_one_is_given_time),
	    TEST(success_aborts_the_others),
	    TEST(an_inbound_connection_ends_the_dial),
	    TEST(when_all_failed_each_is_listed),
	    TEST(silence_ends_at_the_deadline_of_its_kind),
	    TEST(without_addresses_it_says_so),
	    TEST(what_cannot_begin_has_failed),
	    TEST(what_this_host_refuses_is_not_held_against_the_address),
	    TEST(a_failed_address_is_left_alone_ever_longer),
	    TEST(an_announcement_clears_the_backoff),
	    TEST(success_clears_the_backoff),
	    TEST(another_peers_failure_does_not_count),
	    TEST(a_second_dial_adds_addresses),
	    TEST(only_so_many_at_once),
	    TEST(only_so_many_dials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
