/* One agent and packets made by hand: what it asks, answers and hears, and when. */
#include "tests/unit/discovery/mdns_lab.h"

static void test_a_new_interface_hears_of_us_at_once(void **state)
{
	struct seen s;
	struct mdns_agent *a = agent_as(INSTANCE, PEER_A, &s);
	struct netif nif = eth0();

	(void)state;
	mdns_agent_iface(a, &nif, 50);
	assert_int_equal(mdns_agent_run(a, 50), 1050);
	assert_int_equal(s.questions, 1);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.ifindex, ETH0);
	assert_int_equal(s.last.entries[0].count, 1);
	mdns_agent_run(a, 1050);
	assert_int_equal(s.questions, 2);
	assert_int_equal(s.answers, 2);
	mdns_agent_run(a, 2050);
	assert_int_equal(s.answers, 2);
	mdns_agent_free(a);
}

static void test_questions_grow_rare(void **state)
{
	struct seen s;
	struct mdns_agent *a = agent_as(INSTANCE, PEER_A, &s);
	struct netif nif = eth0();
	uint64_t now = 0, last = 0, gap = 0;

	(void)state;
	mdns_agent_iface(a, &nif, 0);
	for (unsigned asked = 0; asked < 12;) {
		now = mdns_agent_run(a, now);
		if (s.questions == asked)
			continue;
		asked = s.questions;
		assert_in_range(now - last, 1, MDNS_AGENT_ASK_MAX_MS);
		if (asked == 3)
			assert_in_range(now, 4000, 4000 + 8000);
		gap = now - last;
		last = now;
	}
	assert_int_equal(gap, MDNS_AGENT_ASK_MAX_MS);
	mdns_agent_free(a);
}

static void test_the_third_question_is_asked_after_four_seconds(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	mdns_agent_run(a, 3999);
	assert_int_equal(s.questions, 0);
	mdns_agent_run(a, 4000);
	assert_int_equal(s.questions, 1);
	mdns_agent_free(a);
}

static void test_nothing_is_announced_before_we_know_who_we_are(void **state)
{
	struct seen s;
	struct mdns_agent *a = mdns_agent_new("goop-mdns", INSTANCE, 7, &events, &s);
	struct netif nif = eth0();
	struct peer_id self = peer(PEER_A);

	(void)state;
	forget(&s);
	mdns_agent_iface(a, &nif, 0);
	mdns_agent_run(a, 0);
	ask(a, sender("192.168.1.6"), 5, true, 1);
	mdns_agent_run(a, 10);
	assert_int_equal(s.questions, 1);
	assert_int_equal(s.answers, 0);
	mdns_agent_self(a, &self, 4001, 20);
	mdns_agent_run(a, 20);
	assert_int_equal(s.answers, 1);
	mdns_agent_free(a);
}

/* Byte for byte but for the owner of the A record, see test_mdns.c. */
static void test_a_question_is_answered_in_go_s_shape(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);
	size_t n;
	uint8_t *want =
	    unhex("1a2b 8400 0000 0001 0000 0003"
		  "09676f6f702d6d646e73056c6f63616c00 000c 0001 00000078 0023 20"
		  "6131623263336434653566366737683869396a306b316c326d336e346f357036 c00c"
		  "c027 0021 0001 00000078 002e 0000 0000 0fa1 20",
		&n);

	(void)state;
	ask(a, sender("192.168.1.6"), 0x1a2b, false, 2000);
	mdns_agent_run(a, 2010);
	assert_int_equal(s.answers, 1);
	assert_false(s.unicast);
	assert_int_equal(s.family, AF_INET);
	assert_memory_equal(s.wire, want, n);
	free(want);
	mdns_agent_free(a);
}

static void test_an_answer_comes_within_milliseconds(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	for (unsigned i = 1; i <= 10; i++) {
		ask(a, sender("192.168.1.6"), 5, false, 2000 + 100 * i);
		mdns_agent_run(a, 2000 + 100 * i + 10);
		assert_int_equal(s.answers, i);
	}
	mdns_agent_free(a);
}

static void test_a_question_on_ip6_is_answered_there(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);
	struct netif nif = eth0();

	(void)state;
	nif.addrs[nif.count++] = addr("fe80::5", 64);
	mdns_agent_iface(a, &nif, 2000);
	mdns_agent_run(a, 2000);
	mdns_agent_run(a, 3000);
	forget(&s);
	ask(a, sender("fe80::6"), 5, false, 3500);
	mdns_agent_run(a, 3510);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.family, AF_INET6);
	mdns_agent_free(a);
}

static void test_who_wants_it_unicast_gets_it_unicast(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	ask(a, sender("192.168.1.6"), 77, true, 2000);
	assert_int_equal(s.answers, 1);
	assert_true(s.unicast);
	assert_int_equal(s.id, 77);
	mdns_agent_run(a, 2010);
	assert_int_equal(s.answers, 1);
	mdns_agent_free(a);
}

static void test_strangers_from_afar_are_not_answered(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);
	struct sender far = sender("8.8.8.8"), near = sender("192.168.1.6"), nowhere = near;

	(void)state;
	far.unicast = near.unicast = true;
	nowhere.ifindex = 9;
	ask(a, far, 5, true, 2000);
	ask(a, nowhere, 5, true, 2000);
	assert_int_equal(s.answers, 0);
	ask(a, near, 5, true, 2000);
	assert_int_equal(s.answers, 1);
	mdns_agent_free(a);
}

static void test_answers_are_limited(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	for (uint64_t now = 5000; now < 6000; now += 10) {
		ask(a, sender("192.168.1.6"), 5, false, now);
		ask(a, sender("192.168.1.6"), 5, true, now);
		mdns_agent_run(a, now + 9);
	}
	assert_in_range(s.answers, 1, MDNS_AGENT_ANSWERS);
	/* What is owed is said in the next second. */
	s.answers = 0;
	ask(a, sender("192.168.1.6"), 5, false, 5999);
	assert_int_equal(mdns_agent_run(a, 5999), 6000);
	mdns_agent_run(a, 6000);
	assert_int_equal(s.answers, 1);
	mdns_agent_free(a);
}

static void test_our_own_question_is_not_answered(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	mdns_agent_run(a, 4000);
	assert_int_equal(s.questions, 1);
	hear(a, sender("192.168.1.5"), s.wire, s.wire_len, 4001);
	mdns_agent_run(a, 4020);
	assert_int_equal(s.answers, 0);
	/* Another program of this machine may ask. */
	ask(a, sender("192.168.1.5"), (uint16_t)(s.id + 1), false, 4030);
	mdns_agent_run(a, 4040);
	assert_int_equal(s.answers, 1);
	mdns_agent_free(a);
}

static void test_our_own_announcement_is_not_heard(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	ask(a, sender("192.168.1.6"), 5, true, 2000);
	hear(a, sender("192.168.1.5"), s.wire, s.wire_len, 2001);
	/* Nor what an earlier life of ours left behind. */
	tell(a, sender("192.168.1.5"), "dnsaddr=/ip4/192.168.1.5/tcp/1/p2p/" PEER_A, 2002);
	assert_int_equal(s.entries, 0);
	mdns_agent_free(a);
}

static void test_two_agents_hear_each_other(void **state)
{
	struct seen sa, sb;
	struct mdns_agent *a = settled(&sa), *b;
	struct netif nif = eth0();
	char text[PEER_ID_TEXT];

	(void)state;
	nif.addrs[0] = addr("192.168.1.6", 24);
	b = agent_as(OTHER, PEER_B, &sb);
	mdns_agent_iface(b, &nif, 2000);
	mdns_agent_run(b, 2000);
	hear(a, sender("192.168.1.6"), sb.wire, sb.wire_len, 2001);
	assert_int_equal(sa.entries, 1);
	peer_id_to_text(&sa.entry.peer, text);
	assert_string_equal(text, PEER_B);
	assert_string_equal(sa.entry.instance, OTHER);
	mdns_agent_free(a);
	mdns_agent_free(b);
}

static void test_garbage_is_counted(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	hear(a, sender("192.168.1.6"), (const uint8_t *)"garbage", 7, 2000);
	assert_int_equal(mdns_agent_counted(a).bad, 1);
	assert_int_equal(mdns_agent_counted(a).packets, 1);
	assert_int_equal(mdns_agent_counted(a).ifaces, 1);
	mdns_agent_free(a);
}

static void test_random_names(void **state)
{
	uint8_t random[MDNS_AGENT_NAME];
	char name[MDNS_AGENT_NAME + 1];

	(void)state;
	for (size_t i = 0; i < sizeof random; i++)
		random[i] = (uint8_t)(i * 8);
	mdns_agent_random_name(random, name);
	assert_int_equal(strlen(name), MDNS_AGENT_NAME);
	assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789"), MDNS_AGENT_NAME);
	assert_null(mdns_agent_new("a,b", name, 1, &events, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_new_interface_hears_of_us_at_once),
	    cmocka_unit_test(test_questions_grow_rare),
	    cmocka_unit_test(test_the_third_question_is_asked_after_four_seconds),
	    cmocka_unit_test(test_nothing_is_announced_before_we_know_who_we_are),
	    cmocka_unit_test(test_a_question_is_answered_in_go_s_shape),
	    cmocka_unit_test(test_an_answer_comes_within_milliseconds),
	    cmocka_unit_test(test_a_question_on_ip6_is_answered_there),
	    cmocka_unit_test(test_who_wants_it_unicast_gets_it_unicast),
	    cmocka_unit_test(test_strangers_from_afar_are_not_answered),
	    cmocka_unit_test(test_answers_are_limited),
	    cmocka_unit_test(test_our_own_question_is_not_answered),
	    cmocka_unit_test(test_our_own_announcement_is_not_heard),
	    cmocka_unit_test(test_two_agents_hear_each_other),
	    cmocka_unit_test(test_garbage_is_counted),
	    cmocka_unit_test(test_random_names),
	};

	return cmocka_run_group_tests_name("mdns_agent", tests, NULL, NULL);
}
