#include "tests/unit/testing.h"

#include "svc-discovery/mdns_agent.h"

#include <arpa/inet.h>

#define INSTANCE "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"
#define OTHER    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
#define PEER_A   "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define PEER_B   "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define ETH0     2
#define LO       1

/* What an agent has sent and heard, with the packets it sent taken apart. */
struct seen {
	unsigned questions, answers, goodbyes, entries;
	unsigned ifindex;
	sa_family_t family;
	bool unicast;
	uint16_t id;
	size_t strings;            /* addresses in all answers */
	size_t largest;            /* packet */
	struct mdns_entry entry;   /* the last one heard */
	struct mdns_packet last;   /* the last one sent, as another peer reads it */
	uint8_t wire[MDNS_PACKET]; /* and as it is */
	size_t wire_len;
};

static void on_send(void *arg, unsigned ifindex, sa_family_t family, const struct sockaddr *to,
    const uint8_t *p, size_t n)
{
	struct seen *s = arg;
	struct mdns_names names;

	mdns_names_init(&names, "goop-mdns", "someoneelse");
	assert_in_range(n, 1, MDNS_PACKET);
	assert_int_equal(mdns_parse(&names, p, n, &s->last), 0);
	s->ifindex = ifindex;
	s->family = family;
	s->unicast = to != NULL;
	s->id = s->last.id;
	memcpy(s->wire, p, n);
	s->wire_len = n;
	if (n > s->largest)
		s->largest = n;
	if (s->last.asks) {
		s->questions++;
		return;
	}
	assert_int_equal(s->last.count, 1);
	if (s->last.entries[0].ttl == 0)
		s->goodbyes++;
	else
		s->answers++;
	s->strings += s->last.entries[0].count;
}

static void on_entry(void *arg, const struct mdns_entry *e)
{
	struct seen *s = arg;

	s->entries++;
	s->entry = *e;
}

static const struct mdns_agent_events events = {on_send, on_entry};

static void forget(struct seen *s)
{
	memset(s, 0, sizeof *s);
}

static struct peer_id peer(const char *text)
{
	struct peer_id id;

	assert_int_equal(peer_id_from_text(&id, text, strlen(text)), 0);
	return id;
}

static struct netif_addr addr(const char *text, uint8_t prefix)
{
	struct netif_addr a = {.prefix = prefix};

	a.family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;
	assert_int_equal(inet_pton(a.family, text, &a.ip6), 1);
	return a;
}

static struct netif eth0(void)
{
	struct netif nif = {.index = ETH0, .name = "eth0", .count = 1};

	nif.addrs[0] = addr("192.168.1.5", 24);
	return nif;
}

static struct mdns_agent *agent_as(const char *instance, const char *who, struct seen *s)
{
	struct mdns_agent *a = mdns_agent_new("goop-mdns", instance, 7, &events, s);
	struct peer_id self = peer(who);

	forget(s);
	assert_non_null(a);
	mdns_agent_self(a, &self, 4001, 0);
	return a;
}

/* An agent on eth0 at time 0, whose first words have been said and forgotten. */
static struct mdns_agent *settled(struct seen *s)
{
	struct mdns_agent *a = agent_as(INSTANCE, PEER_A, s);
	struct netif nif = eth0();

	mdns_agent_iface(a, &nif, 0);
	mdns_agent_run(a, 0);
	mdns_agent_run(a, 1000);
	forget(s);
	return a;
}

struct sender {
	struct sockaddr_storage from;
	bool unicast;
	unsigned ifindex;
};

static struct sender sender(const char *ip)
{
	struct sender s = {.ifindex = ETH0};
	struct netif_addr a = addr(ip, 0);

	if (a.family == AF_INET)
		memcpy(&s.from, &(struct sockaddr_in){.sin_family = AF_INET, .sin_addr = a.ip4},
		    sizeof(struct sockaddr_in));
	else
		memcpy(&s.from, &(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = a.ip6},
		    sizeof(struct sockaddr_in6));
	return s;
}

static void hear(struct mdns_agent *a, struct sender s, const uint8_t *p, size_t n, uint64_t now)
{
	const struct mdns_agent_packet packet = {.ifindex = s.ifindex,
	    .to_group = !s.unicast,
	    .from = (struct sockaddr *)&s.from,
	    .data = p,
	    .len = n};

	mdns_agent_input(a, &packet, now);
}

static void ask(struct mdns_agent *a, struct sender s, uint16_t id, bool unicast, uint64_t now)
{
	struct mdns_names names;
	uint8_t wire[MDNS_PACKET];
	size_t n;

	mdns_names_init(&names, "goop-mdns", OTHER);
	n = mdns_build_query(&names, id, wire, sizeof wire);
	if (unicast)
		wire[n - 2] = 0x80;
	hear(a, s, wire, n, now);
}

static void tell(struct mdns_agent *a, struct sender s, const char *string, uint64_t now)
{
	struct mdns_answer answer = {.ttl = 120, .strings = &string, .count = 1};
	struct mdns_names names;
	uint8_t wire[MDNS_PACKET];
	size_t n;

	mdns_names_init(&names, "goop-mdns", OTHER);
	n = mdns_build_answer(&names, &answer, wire, sizeof wire);
	hear(a, s, wire, n, now);
}

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

static void test_loopback_of_others_is_not_ours(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	tell(a, sender("192.168.1.6"), "dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/" PEER_B, 2000);
	assert_int_equal(s.entries, 1);
	assert_int_equal(s.entry.count, 0);
	tell(a, sender("192.168.1.5"), "dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/" PEER_B, 2000);
	assert_int_equal(s.entry.count, 1);
	mdns_agent_free(a);
}

static void test_link_local_addresses_get_the_zone_they_came_from(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);
	char text[MULTIADDR_TEXT];

	(void)state;
	tell(a, sender("192.168.1.6"), "dnsaddr=/ip6/fe80::6/tcp/1/p2p/" PEER_B, 2000);
	assert_int_equal(s.entry.count, 1);
	multiaddr_to_text(&s.entry.addrs[0], text);
	assert_string_equal(text, "/ip6zone/eth0/ip6/fe80::6/tcp/1");
	tell(a, sender("192.168.1.6"), "dnsaddr=/ip4/169.254.1.1/tcp/1/p2p/" PEER_B, 2000);
	multiaddr_to_text(&s.entry.addrs[0], text);
	assert_string_equal(text, "/ip4/169.254.1.1/tcp/1");
	mdns_agent_free(a);
}

static void test_each_interface_tells_its_own_addresses(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);
	struct netif lo = {.index = LO, .name = "lo", .loopback = true, .count = 1};
	char text[MULTIADDR_TEXT];

	(void)state;
	lo.addrs[0] = addr("127.0.0.1", 8);
	mdns_agent_iface(a, &lo, 2000);
	mdns_agent_run(a, 2000);
	assert_int_equal(s.ifindex, LO);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.last.entries[0].count, 1);
	multiaddr_to_text(&s.last.entries[0].addrs[0], text);
	assert_string_equal(text, "/ip4/127.0.0.1/tcp/4001");
	mdns_agent_free(a);
}

static void test_link_local_ip6_is_told_only_when_there_is_nothing_else(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);
	struct netif nif = eth0();

	(void)state;
	nif.addrs[nif.count++] = addr("fe80::5", 64);
	mdns_agent_iface(a, &nif, 2000);
	mdns_agent_run(a, 2000);
	assert_int_equal(s.last.entries[0].count, 1);
	assert_true(multiaddr_is_ip4(&s.last.entries[0].addrs[0]));
	nif.count = 1;
	nif.addrs[0] = addr("fe80::5", 64);
	mdns_agent_iface(a, &nif, 3000);
	mdns_agent_run(a, 3000);
	assert_int_equal(s.last.entries[0].count, 1);
	assert_true(multiaddr_is_link_local(&s.last.entries[0].addrs[0]));
	mdns_agent_free(a);
}

static void test_new_addresses_are_announced_at_once(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);
	struct netif nif = eth0();

	(void)state;
	nif.addrs[0] = addr("10.0.0.1", 8);
	mdns_agent_iface(a, &nif, 2000);
	mdns_agent_run(a, 2000);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.questions, 1);
	mdns_agent_free(a);
}

static void test_many_addresses_are_split_over_packets(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);
	struct netif nif = eth0();
	char text[64];

	(void)state;
	for (nif.count = 0; nif.count < NETIF_ADDRS_MAX; nif.count++) {
		snprintf(text, sizeof text, "2001:db8:1111:2222:3333:4444:5555:66%02zx", nif.count);
		nif.addrs[nif.count] = addr(text, 64);
	}
	mdns_agent_iface(a, &nif, 2000);
	mdns_agent_run(a, 2000);
	assert_in_range(s.answers, 2, 4);
	assert_int_equal(s.strings, NETIF_ADDRS_MAX);
	assert_in_range(s.largest, 800, MDNS_PACKET);
	mdns_agent_free(a);
}

static void test_goodbye_is_the_last_word(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	mdns_agent_goodbye(a);
	assert_int_equal(s.goodbyes, 1);
	assert_string_equal(s.last.entries[0].instance, INSTANCE);
	ask(a, sender("192.168.1.6"), 5, true, 2000);
	tell(a, sender("192.168.1.6"), "dnsaddr=/ip4/10.0.0.1/tcp/1/p2p/" PEER_B, 2000);
	assert_int_equal(mdns_agent_run(a, 5000), UINT64_MAX);
	mdns_agent_goodbye(a);
	assert_int_equal(s.goodbyes, 1);
	assert_int_equal(s.answers + s.questions + s.entries, 0);
	mdns_agent_free(a);
}

static void test_a_vanished_interface_is_left_alone(void **state)
{
	struct seen s;
	struct mdns_agent *a = settled(&s);

	(void)state;
	mdns_agent_iface_gone(a, ETH0);
	mdns_agent_iface_gone(a, 99);
	assert_int_equal(mdns_agent_run(a, 4000), UINT64_MAX);
	ask(a, sender("192.168.1.6"), 5, true, 4000);
	assert_int_equal(s.questions + s.answers, 0);
	mdns_agent_free(a);
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
	    cmocka_unit_test(test_loopback_of_others_is_not_ours),
	    cmocka_unit_test(test_link_local_addresses_get_the_zone_they_came_from),
	    cmocka_unit_test(test_each_interface_tells_its_own_addresses),
	    cmocka_unit_test(test_link_local_ip6_is_told_only_when_there_is_nothing_else),
	    cmocka_unit_test(test_new_addresses_are_announced_at_once),
	    cmocka_unit_test(test_many_addresses_are_split_over_packets),
	    cmocka_unit_test(test_goodbye_is_the_last_word),
	    cmocka_unit_test(test_a_vanished_interface_is_left_alone),
	    cmocka_unit_test(test_garbage_is_counted),
	    cmocka_unit_test(test_random_names),
	};

	return cmocka_run_group_tests_name("mdns_agent", tests, NULL, NULL);
}
