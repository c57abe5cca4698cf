/* What the hub does with messages: who is believed, what subscribers hear. */
#include "tests/unit/rendezvous/hub_testing.h"

#define DAY (24LL * 3600 * 1000)

static struct stage s;
static struct key alice, bob;

static int set_up(void **state)
{
	(void)state;
	stage_open(&s);
	key_make(&alice, 1);
	key_make(&bob, 2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stage_close(&s);
	return 0;
}

/* Says that the channel has said so many events since the last time. */
static void expect_events(enum hub_channel c, size_t n)
{
	char *text = stage_said(&s, c);

	assert_int_equal(occurrences(text, "\ndata: "), n);
	assert_int_equal(occurrences(text, "id: 00112233aabbccdd:"), n);
	free(text);
}

static void expect_said(enum hub_channel c, const char *what)
{
	char *text = stage_said(&s, c);

	if (strstr(text, what) == NULL)
		fail_msg("\"%s\" is not in: %s", what, text);
	free(text);
}

static unsigned signed_(const struct key *k, enum presence_type type, int64_t ts, int64_t now)
{
	return say(&s, ADDR, k, type, "label", ts, true, now);
}

static unsigned unsigned_(const struct key *k, enum presence_type type, int64_t ts, int64_t now)
{
	return say(&s, ADDR, k, type, "label", ts, false, now);
}

static void test_first_message_lists_and_both_channels_hear(void **state)
{
	(void)state;
	assert_int_equal(unsigned_(&alice, PRESENCE_UPDATE, 5, NOW), 204);
	assert_int_equal(hub_online(s.hub), 1);
	expect_events(HUB_ALL, 1);
	expect_said(HUB_CHANGES, alice.text);
}

static void test_heartbeat_is_no_change(void **state)
{
	(void)state;
	signed_(&alice, PRESENCE_ONLINE, 1, NOW);
	expect_events(HUB_ALL, 1);
	expect_events(HUB_CHANGES, 1);
	assert_int_equal(signed_(&alice, PRESENCE_UPDATE, 2, NOW + 5000), 204);
	expect_events(HUB_ALL, 1);
	expect_events(HUB_CHANGES, 0);
	assert_int_equal(
	    say(&s, ADDR, &alice, PRESENCE_UPDATE, "new name", 3, true, NOW + 10000), 204);
	expect_events(HUB_ALL, 1);
	expect_said(HUB_CHANGES, "new name");
}

static void test_unknown_fields_pass_and_the_token_does_not(void **state)
{
	char *text, *json = xasprintf("{\"type\":\"online\",\"peerId\":\"%s\",\"ts\":7,"
				      "\"goopClientVersion\":\"2.1\",\"verified\":true,"
				      "\"\\u0076erificationToken\":\"secret\",\n\"x\":{\"y\":[1]}}",
			alice.text);

	(void)state;
	assert_int_equal(publish(&s, ADDR, json, NOW), 204);
	text = stage_said(&s, HUB_ALL);
	assert_non_null(strstr(text, "\"goopClientVersion\":\"2.1\""));
	assert_non_null(strstr(text, "\"verified\":true"));
	assert_non_null(strstr(text, "\"x\":{\"y\":[1]}"));
	assert_null(strstr(text, "secret"));
	assert_int_equal(occurrences(text, "\n"), 3);
	free(text);
	free(json);
}

static void test_change_of_an_unknown_field_is_a_change(void **state)
{
	const char *format =
	    "{\"type\":\"update\",\"peerId\":\"%s\",\"ts\":%d,\"publicKey\":\"%s\"}";
	const char *keys[] = {"a", "a", "b"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		char *json = xasprintf(format, alice.text, i, keys[i]);
		publish(&s, ADDR, json, NOW);
		free(json);
	}
	expect_events(HUB_CHANGES, 2);
}

static void test_malformed_is_400_with_a_reason(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "null", "{\"type\":\"online\"}",
	    "{\"type\":\"online\",\"peerId\":\"nobody\",\"ts\":1}",
	    "{\"type\":\"online\",\"peerId\":5,\"ts\":1}",
	    "{\"type\":\"punch\",\"peerId\":"
	    "\"12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq\""
	    ",\"ts\":1}",
	    "{\"type\":\"online\",\"peerId\":"
	    "\"12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq\""
	    ",\"ts\":\"x\"}",
	    "{\"type\":\"online\",\"peerId\":"
	    "\"12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq\""
	    ",\"ts\":1,\"sig\":\"AAAA\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(publish(&s, ADDR, bad[i], NOW), 400);
		assert_true(strlen(s.answer.why) > 0);
	}
	assert_int_equal(hub_online(s.hub), 0);
	expect_events(HUB_ALL, 0);
}

static void test_wrong_signature_is_400_whoever_it_is_for(void **state)
{
	char *json = key_says(&alice, PRESENCE_ONLINE, "label", 9, true), *label;

	(void)state;
	label = strstr(json, "label");
	label[0] = 'x';
	assert_int_equal(publish(&s, ADDR, json, NOW), 400);
	assert_int_equal(hub_online(s.hub), 0);
	label[0] = 'l';
	assert_int_equal(publish(&s, ADDR, json, NOW), 204);
	free(json);
	assert_int_equal(hub_counted(s.hub)->publishes[HUB_FORGED], 1);
}

static void test_who_signs_cannot_be_spoofed_replayed_or_silenced(void **state)
{
	char *heard = key_says(&alice, PRESENCE_ONLINE, "label", 10, true);

	(void)state;
	assert_int_equal(publish(&s, ADDR, heard, NOW), 204);
	assert_int_equal(publish(&s, OTHER, heard, NOW + 1), 409);
	assert_int_equal(signed_(&alice, PRESENCE_UPDATE, 9, NOW + 2), 409);
	assert_int_equal(s.answer.after, NOW + 10);
	assert_int_equal(unsigned_(&alice, PRESENCE_UPDATE, 99, NOW + 3), 409);
	assert_int_equal(s.answer.after, -1);
	assert_int_equal(unsigned_(&alice, PRESENCE_OFFLINE, 99, NOW + 4), 409);
	assert_int_equal(hub_online(s.hub), 1);
	expect_events(HUB_ALL, 1);
	assert_int_equal(signed_(&alice, PRESENCE_UPDATE, 11, NOW + 5), 204);
	free(heard);
}

/* Its signer is forgotten after a day: nobody may bring it back to life with what it once said. */
static void test_old_words_are_not_said_again_when_the_signer_is_forgotten(void **state)
{
	char *heard = key_says(&alice, PRESENCE_ONLINE, "label", 10, true);

	(void)state;
	assert_int_equal(publish(&s, ADDR, heard, NOW), 204);
	hub_tick(s.hub, NOW + HUB_SIGNER_MS + 1);
	assert_int_equal(hub_signers(s.hub), 0);
	assert_int_equal(publish(&s, OTHER, heard, NOW + HUB_SIGNER_MS + 1), 409);
	assert_int_equal(hub_online(s.hub), 0);
	free(heard);
}

static void test_a_clock_may_be_wrong_by_hours_and_not_by_half_a_day(void **state)
{
	(void)state;
	assert_int_equal(signed_(&alice, PRESENCE_ONLINE, NOW - HUB_CLOCK_MS, NOW), 409);
	assert_int_equal(signed_(&alice, PRESENCE_ONLINE, NOW - HUB_CLOCK_MS + 1, NOW), 204);
	assert_int_equal(signed_(&alice, PRESENCE_ONLINE, NOW + HUB_CLOCK_MS, NOW), 409);
	assert_int_equal(signed_(&alice, PRESENCE_ONLINE, INT64_MAX / 4096, NOW), 409);
	assert_int_equal(signed_(&alice, PRESENCE_ONLINE, NOW + HUB_CLOCK_MS - 1, NOW), 204);
	/* The server's own clock has been set right in the meantime. */
	hub_set_wall_ahead(s.hub, HUB_SIGNER_MS);
	assert_int_equal(signed_(&alice, PRESENCE_ONLINE, NOW + HUB_SIGNER_MS, NOW), 204);
}

static void test_repeating_what_was_heard_uses_up_nothing_of_the_peer(void **state)
{
	char *heard = key_says(&alice, PRESENCE_ONLINE, "label", 10, true);

	(void)state;
	publish(&s, ADDR, heard, NOW);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(publish(&s, OTHER, heard, NOW), 409);
	for (int i = 0; i < 29; i++)
		assert_int_equal(signed_(&alice, PRESENCE_UPDATE, 11 + i, NOW), 204);
	free(heard);
}

static void test_protection_outlives_offline_and_expiry(void **state)
{
	(void)state;
	signed_(&alice, PRESENCE_ONLINE, 10, NOW);
	assert_int_equal(signed_(&alice, PRESENCE_OFFLINE, 11, NOW + 1000), 204);
	assert_int_equal(hub_online(s.hub), 0);
	assert_int_equal(signed_(&alice, PRESENCE_ONLINE, 10, NOW + 2000), 409);
	assert_int_equal(unsigned_(&alice, PRESENCE_ONLINE, 99, NOW + DAY), 409);
	for (int64_t t = 0; t <= DAY; t += 60000)
		hub_tick(s.hub, NOW + t);
	assert_int_equal(unsigned_(&alice, PRESENCE_ONLINE, 99, NOW + 1000 + DAY), 204);
}

static void test_signature_takes_over_an_unsigned_peer(void **state)
{
	(void)state;
	assert_int_equal(unsigned_(&alice, PRESENCE_ONLINE, 50, NOW), 204);
	assert_int_equal(unsigned_(&alice, PRESENCE_UPDATE, 49, NOW), 204);
	assert_int_equal(signed_(&alice, PRESENCE_UPDATE, 1, NOW), 204);
	assert_int_equal(unsigned_(&alice, PRESENCE_UPDATE, 60, NOW), 409);
}

static void test_silent_peers_are_gone_after_thirty_seconds(void **state)
{
	char *text;

	(void)state;
	signed_(&alice, PRESENCE_ONLINE, 1, NOW);
	signed_(&bob, PRESENCE_ONLINE, 1, NOW);
	signed_(&bob, PRESENCE_UPDATE, 2, NOW + 10000);
	free(stage_said(&s, HUB_CHANGES));
	hub_tick(s.hub, NOW + 29999);
	assert_int_equal(hub_online(s.hub), 2);
	hub_tick(s.hub, NOW + 30000);
	assert_int_equal(hub_online(s.hub), 1);
	text = stage_said(&s, HUB_CHANGES);
	assert_int_equal(occurrences(text, "data: "), 1);
	assert_non_null(strstr(text, "{\"type\":\"offline\",\"peerId\":\""));
	assert_non_null(strstr(text, alice.text));
	assert_null(strstr(text, "sig"));
	free(text);
	expect_said(HUB_ALL, "\"offline\"");
	hub_tick(s.hub, NOW + 40000);
	assert_int_equal(hub_online(s.hub), 0);
}

static void test_offline_is_passed_on_and_forgets(void **state)
{
	(void)state;
	unsigned_(&alice, PRESENCE_ONLINE, 1, NOW);
	free(stage_said(&s, HUB_CHANGES));
	assert_int_equal(unsigned_(&alice, PRESENCE_OFFLINE, 2, NOW), 204);
	expect_said(HUB_CHANGES, "\"offline\"");
	assert_int_equal(hub_online(s.hub), 0);
	free(stage_said(&s, HUB_ALL));
	assert_int_equal(unsigned_(&alice, PRESENCE_OFFLINE, 3, NOW), 204);
	expect_events(HUB_ALL, 1);
	expect_events(HUB_CHANGES, 0);
}

/* What a newcomer is told from *at on, in at most so many events; for free(3). */
static char *told(uint64_t *at, uint64_t end, size_t most)
{
	struct buf b;
	char *text;

	buf_init(&b, 65536);
	while (most-- > 0 && hub_tell(s.hub, at, end, &b) == HUB_TOLD_ONE)
		;
	buf_put(&b, "", 1);
	text = xstrdup((const char *)buf_data(&b));
	buf_clear(&b);
	return text;
}

static void test_newcomer_gets_one_message_for_everybody(void **state)
{
	uint64_t at = 0;
	char *text;

	(void)state;
	signed_(&alice, PRESENCE_ONLINE, 1, NOW);
	signed_(&bob, PRESENCE_ONLINE, 1, NOW);
	signed_(&bob, PRESENCE_UPDATE, 2, NOW);
	text = told(&at, hub_seq(s.hub), SIZE_MAX);
	assert_int_equal(occurrences(text, "data: "), 2);
	assert_int_equal(occurrences(text, alice.text), 1);
	assert_int_equal(occurrences(text, bob.text), 1);
	/* Only the last one can be resumed from. */
	assert_int_equal(occurrences(text, "id: 00112233aabbccdd:0\n"), 1);
	assert_int_equal(occurrences(text, "id: 00112233aabbccdd:4\n"), 1);
	assert_true(strstr(text, ":0\n") < strstr(text, ":4\n"));
	free(text);
}

/* Who is told slowly hears the rest of it from the stream, and nobody is left out. */
static void test_newcomer_is_told_whatever_changes_meanwhile(void **state)
{
	struct key carol, dave, eve;
	uint64_t at = 0, end;
	char *text;

	(void)state;
	key_make(&carol, 3);
	key_make(&dave, 4);
	key_make(&eve, 5);
	signed_(&alice, PRESENCE_ONLINE, 1, NOW);
	signed_(&bob, PRESENCE_ONLINE, 1, NOW);
	signed_(&carol, PRESENCE_ONLINE, 1, NOW);
	signed_(&dave, PRESENCE_ONLINE, 1, NOW);
	end = hub_seq(s.hub);
	text = told(&at, end, 1);
	assert_non_null(strstr(text, alice.text));
	free(text);
	free(stage_said(&s, HUB_CHANGES));
	signed_(&alice, PRESENCE_OFFLINE, 2, NOW);
	say(&s, ADDR, &bob, PRESENCE_UPDATE, "another label", 2, true, NOW);
	signed_(&carol, PRESENCE_UPDATE, 2, NOW); /* no change */
	signed_(&dave, PRESENCE_OFFLINE, 2, NOW);
	signed_(&eve, PRESENCE_ONLINE, 1, NOW);
	text = told(&at, end, SIZE_MAX);
	assert_int_equal(occurrences(text, "data: "), 1);
	assert_non_null(strstr(text, carol.text));
	assert_int_equal(occurrences(text, "id: 00112233aabbccdd:5\n"), 1);
	free(text);
	expect_events(HUB_CHANGES, 4);
	text = told(&at, hub_seq(s.hub), SIZE_MAX);
	assert_int_equal(occurrences(text, "data: "), 2);
	assert_true(strstr(text, bob.text) < strstr(text, eve.text));
	free(text);
}

static void test_nobody_is_left_out_for_want_of_room(void **state)
{
	uint64_t at = 0;
	struct buf b;

	(void)state;
	signed_(&alice, PRESENCE_ONLINE, 1, NOW);
	buf_init(&b, 100);
	assert_int_equal(hub_tell(s.hub, &at, hub_seq(s.hub), &b), HUB_TOLD_NO_ROOM);
	assert_int_equal(buf_len(&b), 0);
	buf_clear(&b);
	buf_init(&b, HUB_EVENT_MAX);
	assert_int_equal(hub_tell(s.hub, &at, hub_seq(s.hub), &b), HUB_TOLD_ONE);
	assert_int_equal(hub_tell(s.hub, &at, hub_seq(s.hub), &b), HUB_TOLD_ALL);
	buf_clear(&b);
}

static void test_who_comes_back_goes_on_where_it_was(void **state)
{
	uint64_t place, before;

	(void)state;
	signed_(&alice, PRESENCE_ONLINE, 1, NOW); /* event 2 */
	before = hub_place(s.hub, HUB_CHANGES);
	signed_(&alice, PRESENCE_UPDATE, 2, NOW); /* event 3: no change */
	assert_true(hub_resume(s.hub, HUB_CHANGES, "00112233aabbccdd:2", &place));
	assert_int_equal(place, before);
	signed_(&bob, PRESENCE_ONLINE, 1, NOW); /* event 4 */
	assert_true(hub_resume(s.hub, HUB_CHANGES, "00112233aabbccdd:3", &place));
	assert_int_equal(place, before);
	assert_true(hub_resume(s.hub, HUB_CHANGES, "00112233aabbccdd:4", &place));
	assert_int_equal(place, hub_place(s.hub, HUB_CHANGES));
	hub_ping(s.hub);
	assert_true(hub_resume(s.hub, HUB_ALL, "00112233aabbccdd:1", &place));
	assert_int_equal(place, 0);
}

static void test_what_cannot_be_resumed(void **state)
{
	static const char *const ids[] = {"", "x", "00112233aabbccdd",
	    "00112233aabbccdd:", "00112233aabbccdd:0", "00112233aabbccdd:99", "00112233aabbccdd:-1",
	    "00112233aabbccde:2", "00112233aabbccdd:2x", "00112233aabbccdd:99999999999999999999"};
	uint64_t place;

	(void)state;
	signed_(&alice, PRESENCE_ONLINE, 1, NOW);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_false(hub_resume(s.hub, HUB_ALL, ids[i], &place));
}

static void test_too_much_missed_needs_a_reset(void **state)
{
	char label[4001];
	uint64_t place;

	(void)state;
	memset(label, 'l', 4000);
	label[4000] = '\0';
	for (int i = 0; i < 200; i++)
		say(&s, ADDR, &alice, PRESENCE_UPDATE, label, i, true, NOW + 3000 * i);
	assert_false(hub_resume(s.hub, HUB_ALL, "00112233aabbccdd:2", &place));
	assert_true(hub_resume(s.hub, HUB_CHANGES, "00112233aabbccdd:2", &place));
	assert_true(hub_resume(s.hub, HUB_ALL, "00112233aabbccdd:150", &place));
}

static void test_heartbeats_are_stored_seldom(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		signed_(&alice, PRESENCE_UPDATE, i, NOW + i * 2100);
	assert_in_range(s.stored, 5, 6);
	hub_tick(s.hub, NOW + 90000);
	assert_int_equal(s.stored_gone, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_first_message_lists_and_both_channels_hear),
	    T(test_heartbeat_is_no_change),
	    T(test_unknown_fields_pass_and_the_token_does_not),
	    T(test_change_of_an_unknown_field_is_a_change),
	    T(test_malformed_is_400_with_a_reason),
	    T(test_wrong_signature_is_400_whoever_it_is_for),
	    T(test_who_signs_cannot_be_spoofed_replayed_or_silenced),
	    T(test_old_words_are_not_said_again_when_the_signer_is_forgotten),
	    T(test_a_clock_may_be_wrong_by_hours_and_not_by_half_a_day),
	    T(test_repeating_what_was_heard_uses_up_nothing_of_the_peer),
	    T(test_protection_outlives_offline_and_expiry),
	    T(test_signature_takes_over_an_unsigned_peer),
	    T(test_silent_peers_are_gone_after_thirty_seconds),
	    T(test_offline_is_passed_on_and_forgets),
	    T(test_newcomer_gets_one_message_for_everybody),
	    T(test_newcomer_is_told_whatever_changes_meanwhile),
	    T(test_nobody_is_left_out_for_want_of_room),
	    T(test_who_comes_back_goes_on_where_it_was),
	    T(test_what_cannot_be_resumed),
	    T(test_too_much_missed_needs_a_reset),
	    T(test_heartbeats_are_stored_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
