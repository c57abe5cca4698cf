/* svc-discovery among puppets: whom it hears of, on the network and from others, and what it tells
 * of them. */
#include "tests/service/discovery_stage.h"

static void test_we_are_announced_and_answer(void **state)
{
	static const uint8_t question[] =
	    "\x1a\x2b\0\0\0\1\0\0\0\0\0\0\x09goop-mdns\x05local\0\0\x0c\0\1";
	struct stage s = begin();
	struct msg m;
	char *address;
	char want[128];

	(void)state;
	snprintf(want, sizeof want, "dnsaddr=/ip4/127.0.0.1/tcp/%d/p2p/%s", PORT, s.us.text);
	PUPPET_UNTIL(s.p, ether_heard(&s, want, 120));
	puppet_next(s.transport, MSG_SELF_ADDRS, &m);
	assert_in_range(msg_get_u16(&m), 1, 2);
	address = puppet_text(&m);
	assert_string_equal(address, "/ip4/127.0.0.1/tcp/4001");
	free(address);
	ether_send(&s, question, sizeof question - 1);
	PUPPET_UNTIL(s.p, ether_heard(&s, want, 120));
	end(&s);
}

static void test_a_peer_that_is_heard_is_dialled(void **state)
{
	struct stage s = begin();

	(void)state;
	announce(&s, &s.ann, 7001, 120);
	await_addrs(&s, &s.ann, 1, "/ip4/127.0.0.1/tcp/7001 ");
	assert_connect(&s, &s.ann);
	/* It says goodbye: its addresses are taken back. */
	announce(&s, &s.ann, 7001, 0);
	await_addrs(&s, &s.ann, 1, "");
	end(&s);
}

static void test_a_connected_peer_hears_that_we_are_online(void **state)
{
	struct stage s = begin();
	struct talk t;

	(void)state;
	connect_quietly(&s, &t, &s.ann);
	assert_int_equal(t.from->asked_count, 3);
	assert_int_equal(t.from->asked[0], PROTOCOL_MESHSUB_11);
	assert_int_equal(t.from->asked[1], PROTOCOL_MESHSUB_10);
	assert_int_equal(t.from->asked[2], PROTOCOL_FLOODSUB);
	/* Our subscription comes by itself, our presence with the peer's. */
	PUPPET_UNTIL(s.p, wrote(t.from, TOPIC));
	assert_false(wrote(t.from, s.us.text));
	{
		struct buf b;

		buf_init(&b, 65536);
		actor_subscribe(&b, TOPIC);
		tell(&t, &b);
	}
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text) && wrote(t.from, "\"sig\":"));
	assert_true(wrote(t.from, "\"content\":\"Us\""));
	assert_true(wrote(t.from, "\"email\":\"us@example.org\""));
	assert_true(wrote(t.from, "/ip4/127.0.0.1/tcp/4001"));
	/* Nothing is ever written on the peer's own stream, nor is it ended. */
	assert_int_equal(t.to->len, 0);
	assert_false(t.to->last);
	end(&s);
}

static void test_people_come_and_go(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	const char *report;
	cJSON *json;

	(void)state;
	say_presence(&t, &s.ann,
	    actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", "/ip4/127.0.0.1/tcp/9", true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	actor_assert_person(s.db, &s.ann, "Ann");
	await_addrs(&s, &s.ann, 2, "/ip4/127.0.0.1/tcp/9 ");
	report = puppet_report(s.p, "peers");
	json = json_parse(report, strlen(report), 100, NULL);
	assert_int_equal(cJSON_GetArraySize(json), 1);
	assert_string_equal(json_str(cJSON_GetArrayItem(json, 0), "id"), s.ann.text);
	assert_string_equal(json_str(cJSON_GetArrayItem(json, 0), "label"), "Ann");
	assert_string_equal(json_str(cJSON_GetArrayItem(json, 0), "via"), "gossip");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(json, 0), "connected")));
	cJSON_Delete(json);
	PUPPET_UNTIL(
	    s.p, puppet_fact(s.p, "peers") != NULL && strcmp(puppet_fact(s.p, "peers"), "1") == 0);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_UPDATE, "Anna", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Anna");
	actor_assert_person(s.db, &s.ann, "Anna");
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_OFFLINE, "", NULL, true));
	actor_assert_gone(s.viewer, &s.ann);
	actor_assert_gone(s.db, &s.ann);
	assert_string_equal(puppet_report(s.p, "peers"), "[]");
	end(&s);
}

static void test_a_newcomer_gets_the_whole_list(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	struct msg m;

	(void)state;
	puppet_next(s.viewer, MSG_PEOPLE_ALL, &m);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	puppet_die(s.viewer, "tried");
	puppet_revive(s.viewer);
	puppet_wait_up(s.viewer);
	actor_assert_person(s.viewer, &s.ann, "Ann");
	puppet_next(s.viewer, MSG_PEOPLE_ALL, &m);
	end(&s);
}

/* Whatever is forged comes before an honest message: when that one is listed, nothing else is. */
static void test_forged_presence_is_dropped(void **state)
{
	struct stage s = begin();
	struct talk eve = connect_peer(&s, &s.eve), bob = connect_peer(&s, &s.bob);
	struct actor mask = s.ann;

	(void)state;
	/* Eve signs a message about Ann; without and with Ann's own signature inside. */
	say_presence(&eve, &s.eve, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, false));
	say_presence(&eve, &s.eve, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	/* Eve claims to be Ann, but has not her key. */
	memcpy(mask.secret, s.eve.secret, sizeof mask.secret);
	say_presence(&eve, &mask, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	/* A message of Ann's own with a signature that is not hers inside. */
	say_presence(&eve, &s.ann, actor_presence(&mask, PRESENCE_ONLINE, "Ann", NULL, true));
	/* Not presence at all. */
	say_presence(&eve, &s.eve, xstrdup("{\"type\":\"online\"}"));
	say_presence(&bob, &s.bob, actor_presence(&s.bob, PRESENCE_ONLINE, "Bob", NULL, true));
	actor_assert_person(s.viewer, &s.bob, "Bob");
	assert_int_equal(puppet_count(s.viewer, MSG_PERSON), 0);
	PUPPET_UNTIL(s.p, strstr(puppet_log(s.p), "refused: forged") != NULL);
	end(&s);
}

static void test_who_signs_cannot_be_replayed(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	char *old;

	(void)state;
	old = actor_presence(&s.ann, PRESENCE_OFFLINE, "", NULL, true);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	say_presence(&t, &s.ann, old);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_OFFLINE, "", NULL, false));
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_UPDATE, "Anna", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	actor_assert_person(s.viewer, &s.ann, "Anna");
	assert_int_equal(puppet_count(s.viewer, MSG_PERSON_GONE), 0);
	end(&s);
}

static void test_old_words_count_only_from_who_said_them(void **state)
{
	struct stage s = begin();
	struct talk eve = connect_peer(&s, &s.eve), ann;

	(void)state;
	s.ann.ts -= 13 * 3600 * 1000;
	say_presence(&eve, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Old", NULL, true));
	say_presence(&eve, &s.eve, actor_presence(&s.eve, PRESENCE_ONLINE, "Eve", NULL, true));
	actor_assert_person(s.viewer, &s.eve, "Eve");
	/* Her clock is wrong, but it is she. */
	ann = connect_peer(&s, &s.ann);
	say_presence(&ann, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	end(&s);
}

static void test_the_silent_are_gone_after_the_ttl(void **state)
{
	struct stage s;
	struct talk t;

	(void)state;
	prepare(&s);
	puppet_config(s.p, "presence.ttl_seconds", "1");
	puppet_start(s.p);
	puppet_wait_up(s.transport);
	actor_say_self(&s.us, s.transport, PORT);
	t = connect_peer(&s, &s.ann);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	actor_assert_gone(s.viewer, &s.ann);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_we_are_announced_and_answer),
	    cmocka_unit_test(test_a_peer_that_is_heard_is_dialled),
	    cmocka_unit_test(test_a_connected_peer_hears_that_we_are_online),
	    cmocka_unit_test(test_people_come_and_go),
	    cmocka_unit_test(test_a_newcomer_gets_the_whole_list),
	    cmocka_unit_test(test_forged_presence_is_dropped),
	    cmocka_unit_test(test_who_signs_cannot_be_replayed),
	    cmocka_unit_test(test_old_words_count_only_from_who_said_them),
	    cmocka_unit_test(test_the_silent_are_gone_after_the_ttl),
	};

	return cmocka_run_group_tests_name("discovery", tests, puppet_own_network, NULL);
}
