/* Rates and bounds: what a client address pays for, and what an attacker cannot do to others. */
#include "tests/unit/rendezvous/hub_testing.h"

static struct stage s;

static int tear_down(void **state)
{
	(void)state;
	stage_close(&s);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	stage_open(&s);
	return 0;
}

static void test_unsigned_sixty_a_minute_per_address(void **state)
{
	struct key k;

	(void)state;
	key_make(&k, 1);
	for (int i = 0; i < 60; i++)
		assert_int_equal(
		    say(&s, ADDR, &k, PRESENCE_UPDATE, "l", i, false, NOW + i * 900), 204);
	assert_int_equal(say(&s, ADDR, &k, PRESENCE_UPDATE, "l", 99, false, NOW + 59000), 429);
	assert_in_range(s.answer.retry_s, 1, 60);
	assert_int_equal(say(&s, OTHER, &k, PRESENCE_UPDATE, "l", 99, false, NOW + 59000), 204);
}

static void test_signed_thirty_a_minute_per_peer(void **state)
{
	struct key k;

	(void)state;
	key_make(&k, 1);
	for (int i = 0; i < 30; i++)
		assert_int_equal(say(&s, ADDR, &k, PRESENCE_UPDATE, "l", i, true, NOW), 204);
	assert_int_equal(say(&s, OTHER, &k, PRESENCE_UPDATE, "l", 40, true, NOW), 429);
	assert_int_equal(say(&s, OTHER, &k, PRESENCE_UPDATE, "l", 40, true, NOW + 120000), 204);
}

/* Five hundred peers behind one address, each with a heartbeat every five seconds. */
static void test_school_behind_one_address_works(void **state)
{
	static struct key keys[500];

	(void)state;
	for (uint32_t i = 0; i < 500; i++)
		key_make(&keys[i], i);
	for (int beat = 0; beat < 12; beat++)
		for (uint32_t i = 0; i < 500; i++)
			assert_int_equal(say(&s, ADDR, &keys[i], PRESENCE_UPDATE, "l", beat, true,
					     NOW + beat * 5000),
			    204);
	assert_int_equal(hub_online(s.hub), 500);
	assert_int_equal(say(&s, ADDR, &keys[0], PRESENCE_UPDATE, "l", 99, true, NOW + 59999), 429);
}

static void test_new_ids_are_rationed(void **state)
{
	struct key k;
	int64_t t = NOW;

	(void)state;
	for (uint32_t i = 0; i < 600; i++, t += 10) {
		key_make(&k, i);
		assert_int_equal(say(&s, ADDR, &k, PRESENCE_ONLINE, "l", 1, true, t), 204);
	}
	key_make(&k, 1000);
	assert_int_equal(say(&s, ADDR, &k, PRESENCE_ONLINE, "l", 1, true, t), 429);
	assert_true(s.answer.retry_s > 60);
	key_make(&k, 5);
	assert_int_equal(say(&s, ADDR, &k, PRESENCE_UPDATE, "l", 2, true, t), 204);
}

static void test_bytes_are_rationed(void **state)
{
	char *big = malloc(60001);
	int passed = 0;

	(void)state;
	memset(big, ' ', 60000);
	big[60000] = '\0';
	while (publish(&s, ADDR, big, NOW) != 429)
		passed++;
	assert_in_range(passed, 60, 60);
	free(big);
}

/* A message of exactly so many bytes with a hundred of those numbers in it; for free(3). */
static char *message_of(size_t size, const struct key *k, const char *number)
{
	char *json = malloc(size + 1);
	size_t n = (size_t)sprintf(
	    json, "{\"type\":\"update\",\"peerId\":\"%s\",\"ts\":1,\"n\":[1", k->text);

	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(json + n, ",%s", number);
	n += (size_t)sprintf(json + n, "],\"filler\":\"");
	memset(json + n, 'f', size - n);
	memcpy(json + size - 2, "\"}", 3);
	return json;
}

/* As it is passed on: what is longer could be read by nobody, and so not be shown either. */
static void test_message_is_bounded_as_it_is_passed_on(void **state)
{
	char *same, *longer;
	struct key k;

	(void)state;
	key_make(&k, 1);
	same = message_of(HUB_MESSAGE_MAX, &k, "7");
	longer = message_of(HUB_MESSAGE_MAX, &k, "1e9");
	assert_int_equal(publish(&s, ADDR, longer, NOW), 400);
	assert_non_null(strstr(s.answer.why, "65536"));
	assert_int_equal(hub_online(s.hub), 0);
	assert_int_equal(publish(&s, ADDR, same, NOW), 204);
	assert_int_equal(hub_next(s.hub, NULL)->len, HUB_MESSAGE_MAX);
	free(longer);
	free(same);
}

static void test_hundred_thousand_invented_peers_stay_few(void **state)
{
	struct key honest, k;
	int64_t t = NOW;

	(void)state;
	key_make(&honest, 999999);
	say(&s, OTHER, &honest, PRESENCE_ONLINE, "honest", 1, true, t);
	for (uint32_t i = 0; i < 100000; i++, t += 1) {
		char id[128];
		key_make(&k, i % 2000);
		snprintf(
		    id, sizeof(id), "{\"type\":\"online\",\"peerId\":\"%s\",\"ts\":1}", k.text);
		publish(&s, ADDR, id, t);
		if (i % 5000 == 0) {
			hub_tick(s.hub, t);
			assert_int_equal(
			    say(&s, OTHER, &honest, PRESENCE_UPDATE, "honest", 2 + i, true, t),
			    204);
		}
	}
	assert_in_range(hub_online(s.hub), 1, 121);
	assert_in_range(hub_clients(s.hub), 1, 3);
}

static void test_full_table_costs_whoever_has_most(void **state)
{
	struct hub_limits limits = stage_limits();
	struct key honest, k;

	(void)state;
	stage_close(&s);
	limits.peers_max = 100;
	stage_open_with(&s, &limits);
	key_make(&honest, 5000);
	assert_int_equal(say(&s, "10.0.0.1", &honest, PRESENCE_ONLINE, "h", 1, true, NOW), 204);
	for (uint32_t i = 0; i < 99; i++) {
		key_make(&k, i);
		assert_int_equal(say(&s, ADDR, &k, PRESENCE_ONLINE, "l", 1, true, NOW), 204);
	}
	key_make(&k, 200);
	assert_int_equal(say(&s, ADDR, &k, PRESENCE_ONLINE, "l", 1, true, NOW), 503);
	assert_in_range(s.answer.retry_s, 1, 60);
	/* A newcomer from elsewhere gets the place of the attacker's newest. */
	assert_int_equal(say(&s, OTHER, &k, PRESENCE_ONLINE, "l", 2, true, NOW), 204);
	assert_int_equal(hub_online(s.hub), 100);
	assert_int_equal(hub_counted(s.hub)->evicted, 1);
	/* The honest one is still there: it can refresh itself without being new. */
	assert_int_equal(say(&s, "10.0.0.1", &honest, PRESENCE_UPDATE, "h", 2, true, NOW), 204);
	assert_int_equal(hub_counted(s.hub)->joined, 101);
}

static void test_many_addresses_with_one_peer_each_push_nobody_out(void **state)
{
	struct hub_limits limits = stage_limits();
	char address[32];
	struct key k;

	(void)state;
	stage_close(&s);
	limits.peers_max = 50;
	stage_open_with(&s, &limits);
	for (uint32_t i = 0; i < 200; i++) {
		snprintf(address, sizeof(address), "10.1.0.%u", i);
		key_make(&k, i);
		assert_int_equal(
		    say(&s, address, &k, PRESENCE_ONLINE, "l", 1, true, NOW), i < 50 ? 204 : 503);
	}
	assert_int_equal(hub_counted(s.hub)->evicted, 0);
}

static void test_signers_are_bounded_and_present_ones_stay(void **state)
{
	struct hub_limits limits = stage_limits();
	struct key honest, k;

	(void)state;
	stage_close(&s);
	limits.signers_max = 50;
	stage_open_with(&s, &limits);
	key_make(&honest, 5000);
	say(&s, OTHER, &honest, PRESENCE_ONLINE, "h", 10, true, NOW);
	for (uint32_t i = 0; i < 200; i++) {
		key_make(&k, i);
		say(&s, ADDR, &k, PRESENCE_ONLINE, "l", 1, true, NOW + i);
		say(&s, ADDR, &k, PRESENCE_OFFLINE, "l", 2, true, NOW + i);
	}
	assert_int_equal(hub_signers(s.hub), 50);
	assert_int_equal(say(&s, ADDR, &honest, PRESENCE_UPDATE, "h", 99, false, NOW + 300), 409);
}

/* Who keeps more signers present than anybody else has must not keep newcomers out. */
static void test_signers_that_stay_leave_room_for_newcomers(void **state)
{
	struct hub_limits limits = stage_limits();
	struct key k[4];

	(void)state;
	stage_close(&s);
	limits.signers_max = 3;
	stage_open_with(&s, &limits);
	for (uint32_t i = 0; i < 4; i++)
		key_make(&k[i], 6000 + i);
	for (int i = 0; i < 2; i++)
		assert_int_equal(say(&s, ADDR, &k[i], PRESENCE_ONLINE, "l", 1, true, NOW), 204);
	say(&s, OTHER, &k[2], PRESENCE_ONLINE, "l", 1, true, NOW + 1);
	say(&s, OTHER, &k[2], PRESENCE_OFFLINE, "l", 2, true, NOW + 2);
	assert_int_equal(say(&s, "192.0.2.3", &k[3], PRESENCE_ONLINE, "l", 1, true, NOW + 3), 204);
	assert_int_equal(hub_signers(s.hub), 3);
	assert_int_equal(say(&s, ADDR, &k[0], PRESENCE_UPDATE, "l", 99, false, NOW + 4), 409);
	/* When all are present there is none to forget. */
	assert_int_equal(say(&s, OTHER, &k[2], PRESENCE_ONLINE, "l", 3, true, NOW + 5), 503);
}

static void test_client_table_is_bounded(void **state)
{
	char address[32];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		publish(&s, address, "{}", NOW + i);
	}
	assert_in_range(hub_clients(s.hub), 1, 1000);
}

static void test_subscribers_and_connections_per_address(void **state)
{
	struct hub_client *c[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		assert_non_null(c[i] = hub_enter(s.hub, ADDR));
	assert_null(hub_enter(s.hub, ADDR));
	assert_non_null(c[0] = hub_enter(s.hub, OTHER));
	hub_leave(c[1]);
	assert_non_null(hub_enter(s.hub, ADDR));
	for (int i = 0; i < 8; i++)
		assert_true(hub_connect(s.hub, ADDR));
	assert_false(hub_connect(s.hub, ADDR));
	hub_disconnect(s.hub, ADDR);
	assert_true(hub_connect(s.hub, ADDR));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_unsigned_sixty_a_minute_per_address),
	    T(test_signed_thirty_a_minute_per_peer),
	    T(test_school_behind_one_address_works),
	    T(test_new_ids_are_rationed),
	    T(test_bytes_are_rationed),
	    T(test_message_is_bounded_as_it_is_passed_on),
	    T(test_hundred_thousand_invented_peers_stay_few),
	    T(test_full_table_costs_whoever_has_most),
	    T(test_many_addresses_with_one_peer_each_push_nobody_out),
	    T(test_signers_are_bounded_and_present_ones_stay),
	    T(test_signers_that_stay_leave_room_for_newcomers),
	    T(test_client_table_is_bounded),
	    T(test_subscribers_and_connections_per_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
