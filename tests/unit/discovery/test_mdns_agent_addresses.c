/* Which addresses an agent tells on which interface, and what becomes of them as interfaces come
 * and go. */
#include "tests/unit/discovery/mdns_lab.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_loopback_of_others_is_not_ours),
	    cmocka_unit_test(test_link_local_addresses_get_the_zone_they_came_from),
	    cmocka_unit_test(test_each_interface_tells_its_own_addresses),
	    cmocka_unit_test(test_link_local_ip6_is_told_only_when_there_is_nothing_else),
	    cmocka_unit_test(test_new_addresses_are_announced_at_once),
	    cmocka_unit_test(test_many_addresses_are_split_over_packets),
	    cmocka_unit_test(test_goodbye_is_the_last_word),
	    cmocka_unit_test(test_a_vanished_interface_is_left_alone),
	};

	return cmocka_run_group_tests_name("mdns_agent", tests, NULL, NULL);
}
