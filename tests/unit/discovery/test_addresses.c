#include "tests/unit/testing.h"

#include "svc-discovery/addresses.h"
#include "tests/unit/discovery/rtnetlink.h"

static void on_present(void *arg, const struct netif *nif)
{
	(void)arg;
	(void)nif;
}

static void on_gone(void *arg, unsigned index)
{
	(void)arg;
	(void)index;
}

static const struct netif_events events = {on_present, on_gone};

static void feed(struct netif_table *t, struct datagram *d)
{
	put_done(d, t, 0);
	netif_input(t, d->p, d->n);
	d->n = 0;
}

/* lo with its addresses, and eth0 with those given (ended by NULL). */
static struct netif_table *machine(const char *const *eth0)
{
	struct netif_table *t = netif_new(&events, NULL);
	struct datagram d = {.n = 0};

	netif_restart(t);
	put_link(&d, RTM_NEWLINK, 1, "lo", IFF_UP | IFF_RUNNING | IFF_LOOPBACK);
	put_link(&d, RTM_NEWLINK, 2, "eth0", RUNNING);
	feed(t, &d);
	put_addr(&d, RTM_NEWADDR, 1, "127.0.0.1", 8, 0);
	put_addr(&d, RTM_NEWADDR, 1, "::1", 128, 0);
	for (; *eth0 != NULL; eth0++)
		put_addr(&d, RTM_NEWADDR, 2, *eth0, 24, 0);
	feed(t, &d);
	return t;
}

static void joined(const struct addresses *a, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < a->count; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s ", a->text[i]);
}

static void assert_addresses(const char *const *eth0, const char *all, const char *public)
{
	struct netif_table *t = machine(eth0);
	struct addresses a;
	char text[1024];

	addresses_all(&a, t, 4001);
	joined(&a, text, sizeof text);
	assert_string_equal(text, all);
	addresses_clear(&a);
	addresses_public(&a, t, 4001);
	joined(&a, text, sizeof text);
	assert_string_equal(text, public);
	addresses_clear(&a);
	netif_free(t);
}

static void test_with_a_network(void **state)
{
	static const char *const eth0[] = {"192.168.1.5", "2001:db8::5", "fe80::5", NULL};

	(void)state;
	assert_addresses(eth0,
	    "/ip4/192.168.1.5/tcp/4001 /ip6/2001:db8::5/tcp/4001 /ip4/127.0.0.1/tcp/4001 "
	    "/ip6/::1/tcp/4001 ",
	    "/ip4/192.168.1.5/tcp/4001 /ip6/2001:db8::5/tcp/4001 ");
}

static void test_with_link_local_addresses_alone(void **state)
{
	static const char *const eth0[] = {"169.254.7.7", "fe80::5", NULL};

	(void)state;
	assert_addresses(eth0,
	    "/ip4/169.254.7.7/tcp/4001 /ip4/127.0.0.1/tcp/4001 /ip6/::1/tcp/4001 ",
	    "/ip4/169.254.7.7/tcp/4001 ");
}

static void test_with_nothing_but_loopback(void **state)
{
	static const char *const eth0[] = {NULL};

	(void)state;
	assert_addresses(eth0, "/ip4/127.0.0.1/tcp/4001 /ip6/::1/tcp/4001 ",
	    "/ip4/127.0.0.1/tcp/4001 /ip6/::1/tcp/4001 ");
}

static void test_equal(void **state)
{
	static const char *const one[] = {"192.168.1.5", NULL}, *const other[] = {
								    "192.168.1.6", NULL};
	struct netif_table *s = machine(one), *t = machine(other);
	struct addresses a, b;

	(void)state;
	addresses_public(&a, s, 1);
	addresses_public(&b, s, 1);
	assert_true(addresses_equal(&a, &b));
	addresses_clear(&b);
	assert_false(addresses_equal(&a, &b));
	addresses_public(&b, t, 1);
	assert_false(addresses_equal(&a, &b));
	addresses_clear(&a);
	addresses_clear(&b);
	netif_free(s);
	netif_free(t);
}

static void test_whose_addresses_mean_something_here(void **state)
{
	struct addresses lan = {1, {(char *)"/ip4/192.168.1.5/tcp/1"}};
	struct addresses alone = {1, {(char *)"/ip4/127.0.0.1/tcp/1"}};
	struct addresses none = {.count = 0};

	(void)state;
	assert_true(addresses_can_reach(&lan, "/ip4/10.0.0.1/tcp/1"));
	assert_true(addresses_can_reach(&alone, "/ip4/10.0.0.1/tcp/1"));
	assert_true(addresses_can_reach(&none, "/ip4/10.0.0.1/tcp/1"));
	assert_false(addresses_can_reach(&lan, "/ip4/127.0.0.1/tcp/1"));
	assert_false(addresses_can_reach(&lan, "/ip6/fe80::1/tcp/1"));
	assert_false(addresses_can_reach(&none, "/ip4/127.0.0.1/tcp/1"));
	assert_true(addresses_can_reach(&alone, "/ip4/127.0.0.1/tcp/1"));
	assert_false(addresses_can_reach(&lan, "nonsense"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_with_a_network),
	    cmocka_unit_test(test_with_link_local_addresses_alone),
	    cmocka_unit_test(test_with_nothing_but_loopback),
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_whose_addresses_mean_something_here),
	};

	return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
