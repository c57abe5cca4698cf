#include "tests/unit/testing.h"

#include "svc-discovery/netif.h"

#include "tests/unit/discovery/rtnetlink.h"

struct seen {
	char text[512]; /* "+eth0:2 -3 ": appeared or changed with two addresses; gone */
};

static void on_present(void *arg, const struct netif *nif)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof s->text - n, "+%s:%zu ", nif->name, nif->count);
}

static void on_gone(void *arg, unsigned index)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof s->text - n, "-%u ", index);
}

static const struct netif_events events = {on_present, on_gone};

static enum netif_ask feed(struct netif_table *t, struct datagram *d)
{
	enum netif_ask ask = netif_input(t, d->p, d->n);

	d->n = 0;
	return ask;
}

/* A table that knows lo and eth0 with one address each. */
static struct netif_table *settled(struct seen *seen)
{
	struct netif_table *t = netif_new(&events, seen);
	struct datagram d = {.n = 0};

	seen->text[0] = '\0';
	assert_int_equal(netif_restart(t), NETIF_ASK_LINKS);
	put_link(&d, RTM_NEWLINK, 1, "lo", IFF_UP | IFF_RUNNING | IFF_LOOPBACK);
	put_link(&d, RTM_NEWLINK, 2, "eth0", RUNNING);
	put_done(&d, t, 0);
	assert_int_equal(feed(t, &d), NETIF_ASK_ADDRS);
	put_addr(&d, RTM_NEWADDR, 1, "127.0.0.1", 8, 0);
	put_addr(&d, RTM_NEWADDR, 2, "192.168.1.5", 24, 0);
	put_done(&d, t, 0);
	assert_string_equal(seen->text, "");
	assert_int_equal(feed(t, &d), NETIF_ASK_NOTHING);
	assert_non_null(strstr(seen->text, "+lo:1 "));
	assert_non_null(strstr(seen->text, "+eth0:1 "));
	seen->text[0] = '\0';
	return t;
}

static void test_what_is_there_is_told_once(void **state)
{
	struct seen seen;
	struct netif_table *t = settled(&seen);
	struct datagram d = {.n = 0};

	(void)state;
	put_link(&d, RTM_NEWLINK, 2, "eth0", RUNNING);
	put_addr(&d, RTM_NEWADDR, 2, "192.168.1.5", 24, 0);
	feed(t, &d);
	assert_string_equal(seen.text, "");
	netif_free(t);
}

static void test_addresses_come_and_go(void **state)
{
	struct seen seen;
	struct netif_table *t = settled(&seen);
	struct datagram d = {.n = 0};
	size_t at = 0;
	const struct netif *nif;

	(void)state;
	put_addr(&d, RTM_NEWADDR, 2, "2001:db8::1", 64, 0);
	put_addr(&d, RTM_NEWADDR, 2, "10.0.0.1", 8, 0);
	feed(t, &d);
	assert_string_equal(seen.text, "+eth0:3 ");
	while ((nif = netif_next(t, &at)) != NULL && strcmp(nif->name, "eth0") != 0)
		;
	assert_non_null(nif);
	assert_int_equal(nif->addrs[0].family, AF_INET);
	assert_int_equal(nif->addrs[2].family, AF_INET6);
	put_addr(&d, RTM_DELADDR, 2, "192.168.1.5", 24, 0);
	put_addr(&d, RTM_DELADDR, 2, "10.0.0.1", 8, 0);
	feed(t, &d);
	assert_string_equal(seen.text, "+eth0:3 +eth0:1 ");
	put_addr(&d, RTM_DELADDR, 2, "2001:db8::1", 64, 0);
	feed(t, &d);
	assert_string_equal(seen.text, "+eth0:3 +eth0:1 -2 ");
	netif_free(t);
}

static void test_an_address_counts_when_it_can_be_used(void **state)
{
	struct seen seen;
	struct netif_table *t = settled(&seen);
	struct datagram d = {.n = 0};

	(void)state;
	put_addr(&d, RTM_NEWADDR, 2, "2001:db8::1", 64, IFA_F_TENTATIVE);
	feed(t, &d);
	assert_string_equal(seen.text, "");
	put_addr(&d, RTM_NEWADDR, 2, "2001:db8::1", 64, 0);
	feed(t, &d);
	assert_string_equal(seen.text, "+eth0:2 ");
	put_addr(&d, RTM_NEWADDR, 2, "2001:db8::1", 64, IFA_F_DEPRECATED);
	feed(t, &d);
	assert_string_equal(seen.text, "+eth0:2 +eth0:1 ");
	netif_free(t);
}

static void test_interfaces_go_down_come_back_and_vanish(void **state)
{
	struct seen seen;
	struct netif_table *t = settled(&seen);
	struct datagram d = {.n = 0};
	size_t at = 0;

	(void)state;
	put_link(&d, RTM_NEWLINK, 2, "eth0", IFF_UP | IFF_MULTICAST); /* the cable is out */
	feed(t, &d);
	put_link(&d, RTM_NEWLINK, 2, "eth0", RUNNING);
	feed(t, &d);
	put_link(&d, RTM_DELLINK, 2, "eth0", RUNNING);
	feed(t, &d);
	assert_string_equal(seen.text, "-2 +eth0:1 -2 ");
	assert_string_equal(netif_next(t, &at)->name, "lo");
	assert_null(netif_next(t, &at));
	netif_free(t);
}

static void test_without_multicast_only_loopback_counts(void **state)
{
	struct seen seen;
	struct netif_table *t = settled(&seen);
	struct datagram d = {.n = 0};

	(void)state;
	put_link(&d, RTM_NEWLINK, 3, "tun0", IFF_UP | IFF_RUNNING | IFF_POINTOPOINT);
	put_addr(&d, RTM_NEWADDR, 3, "10.9.0.1", 32, 0);
	feed(t, &d);
	assert_string_equal(seen.text, "");
	netif_free(t);
}

static void test_a_renamed_interface_is_told_anew(void **state)
{
	struct seen seen;
	struct netif_table *t = settled(&seen);
	struct datagram d = {.n = 0};

	(void)state;
	put_link(&d, RTM_NEWLINK, 2, "lan0", RUNNING);
	feed(t, &d);
	assert_string_equal(seen.text, "+lan0:1 ");
	netif_free(t);
}

/* Messages were lost: after the new dump only the difference is told. */
static void test_after_a_loss_only_changes_are_told(void **state)
{
	struct seen seen;
	struct netif_table *t = settled(&seen);
	struct datagram d = {.n = 0};

	(void)state;
	assert_int_equal(netif_restart(t), NETIF_ASK_LINKS);
	put_link(&d, RTM_NEWLINK, 1, "lo", IFF_UP | IFF_RUNNING | IFF_LOOPBACK);
	put_link(&d, RTM_NEWLINK, 4, "wlan0", RUNNING);
	put_done(&d, t, 0);
	assert_int_equal(feed(t, &d), NETIF_ASK_ADDRS);
	put_addr(&d, RTM_NEWADDR, 1, "127.0.0.1", 8, 0);
	put_addr(&d, RTM_NEWADDR, 4, "10.0.0.1", 8, 0);
	put_done(&d, t, 0);
	assert_string_equal(seen.text, "");
	feed(t, &d);
	assert_non_null(strstr(seen.text, "-2 "));
	assert_non_null(strstr(seen.text, "+wlan0:1 "));
	assert_null(strstr(seen.text, "lo"));
	netif_free(t);
}

static void test_an_interrupted_dump_is_asked_again(void **state)
{
	struct seen seen = {""};
	struct netif_table *t = netif_new(&events, &seen);
	struct datagram d = {.n = 0};

	(void)state;
	netif_restart(t);
	put_link(&d, RTM_NEWLINK, 1, "lo", IFF_UP | IFF_RUNNING | IFF_LOOPBACK);
	put_done(&d, t, NLM_F_DUMP_INTR);
	assert_int_equal(feed(t, &d), NETIF_ASK_LINKS);
	put_done(&d, t, 0);
	assert_int_equal(feed(t, &d), NETIF_ASK_ADDRS);
	netif_free(t);
}

static void test_answers_to_older_questions_are_not_heeded(void **state)
{
	struct seen seen = {""};
	struct netif_table *t = netif_new(&events, &seen);
	struct datagram d = {.n = 0};

	(void)state;
	netif_restart(t);
	put_done(&d, t, 0);
	netif_restart(t);
	assert_int_equal(feed(t, &d), NETIF_ASK_NOTHING);
	netif_free(t);
}

static void test_a_busy_kernel_is_asked_later(void **state)
{
	struct seen seen = {""};
	struct netif_table *t = netif_new(&events, &seen);
	struct datagram d = {.n = 0};
	struct nlmsgerr busy = {.error = -16};

	(void)state;
	netif_restart(t);
	put_head(&d, NLMSG_ERROR, 0, netif_seq(t), &busy, sizeof busy);
	assert_int_equal(feed(t, &d), NETIF_ASK_LATER);
	netif_free(t);
}

static void test_more_interfaces_than_fit(void **state)
{
	struct seen seen = {""};
	struct netif_table *t = netif_new(&events, &seen);
	struct datagram d = {.n = 0};
	size_t at = 0, count = 1;

	(void)state;
	netif_restart(t);
	for (int i = 1; i < NETIF_MAX + 20; i++) {
		put_link(&d, RTM_NEWLINK, i, "x", RUNNING);
		put_addr(&d, RTM_NEWADDR, i, "10.0.0.1", 8, 0);
		feed(t, &d);
	}
	for (int i = 0; i < NETIF_ADDRS_MAX + 20; i++) {
		char text[32];
		snprintf(text, sizeof text, "10.0.1.%d", i);
		put_addr(&d, RTM_NEWADDR, 1, text, 8, 0);
		feed(t, &d);
	}
	put_done(&d, t, 0);
	feed(t, &d);
	put_done(&d, t, 0);
	feed(t, &d);
	assert_int_equal(netif_next(t, &at)->count, NETIF_ADDRS_MAX);
	while (netif_next(t, &at) != NULL)
		count++;
	assert_int_equal(count, NETIF_MAX);
	netif_free(t);
}

static struct sockaddr *v4(struct sockaddr_in *sa, const char *text)
{
	*sa = (struct sockaddr_in){.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, text, &sa->sin_addr), 1);
	return (struct sockaddr *)sa;
}

static void test_networks(void **state)
{
	struct netif nif = {.count = 1, .addrs[0] = {.family = AF_INET, .prefix = 25}};
	struct sockaddr_in a;
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};

	(void)state;
	nif.addrs[0].ip4.s_addr = htonl(0xc0a80105);
	assert_true(netif_owns(&nif, v4(&a, "192.168.1.5")));
	assert_false(netif_owns(&nif, v4(&a, "192.168.1.6")));
	assert_true(netif_on_link(&nif, v4(&a, "192.168.1.127")));
	assert_false(netif_on_link(&nif, v4(&a, "192.168.1.128")));
	assert_false(netif_on_link(&nif, v4(&a, "8.8.8.8")));
	assert_false(netif_on_link(&nif, (struct sockaddr *)&six));
	nif.addrs[0] = (struct netif_addr){.family = AF_INET6, .prefix = 10};
	inet_pton(AF_INET6, "fe80::1", &nif.addrs[0].ip6);
	inet_pton(AF_INET6, "febf::2", &six.sin6_addr);
	assert_true(netif_on_link(&nif, (struct sockaddr *)&six));
	inet_pton(AF_INET6, "fec0::2", &six.sin6_addr);
	assert_false(netif_on_link(&nif, (struct sockaddr *)&six));
	assert_true(netif_addr_is_link_local(&nif.addrs[0]));
	assert_false(netif_addr_is_loopback(&nif.addrs[0]));
}

static void survive(const uint8_t *p, size_t n, void *arg)
{
	struct seen seen = {""};
	struct netif_table *t = netif_new(&events, &seen);
	struct datagram d = {.n = n};

	(void)arg;
	memcpy(d.p, p, n);
	netif_restart(t);
	netif_input(t, d.p, d.n);
	netif_free(t);
}

static void test_cut_and_flipped(void **state)
{
	struct datagram d = {.n = 0};

	(void)state;
	put_link(&d, RTM_NEWLINK, 2, "eth0", RUNNING);
	put_addr(&d, RTM_NEWADDR, 2, "192.168.1.5", 24, 0);
	put_addr(&d, RTM_NEWADDR, 2, "fe80::1", 64, 0);
	cut_every_length((uint8_t *)d.p, d.n, survive, NULL);
	flip_every_bit((uint8_t *)d.p, d.n, survive, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_there_is_told_once),
	    cmocka_unit_test(test_addresses_come_and_go),
	    cmocka_unit_test(test_an_address_counts_when_it_can_be_used),
	    cmocka_unit_test(test_interfaces_go_down_come_back_and_vanish),
	    cmocka_unit_test(test_without_multicast_only_loopback_counts),
	    cmocka_unit_test(test_a_renamed_interface_is_told_anew),
	    cmocka_unit_test(test_after_a_loss_only_changes_are_told),
	    cmocka_unit_test(test_an_interrupted_dump_is_asked_again),
	    cmocka_unit_test(test_answers_to_older_questions_are_not_heeded),
	    cmocka_unit_test(test_a_busy_kernel_is_asked_later),
	    cmocka_unit_test(test_more_interfaces_than_fit),
	    cmocka_unit_test(test_networks),
	    cmocka_unit_test(test_cut_and_flipped),
	};

	return cmocka_run_group_tests_name("netif", tests, NULL, NULL);
}
