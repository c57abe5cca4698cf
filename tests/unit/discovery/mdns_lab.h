/* An agent of mDNS whose packets are taken apart as another peer would, and words of others for it.
 */
#ifndef TESTS_UNIT_DISCOVERY_MDNS_LAB_H
#define TESTS_UNIT_DISCOVERY_MDNS_LAB_H

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

static inline void on_send(void *arg, unsigned ifindex, sa_family_t family,
    const struct sockaddr *to, const uint8_t *p, size_t n)
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

static inline void on_entry(void *arg, const struct mdns_entry *e)
{
	struct seen *s = arg;

	s->entries++;
	s->entry = *e;
}

static const struct mdns_agent_events events = {on_send, on_entry};

static inline void forget(struct seen *s)
{
	memset(s, 0, sizeof *s);
}

static inline struct peer_id peer(const char *text)
{
	struct peer_id id;

	assert_int_equal(peer_id_from_text(&id, text, strlen(text)), 0);
	return id;
}

static inline struct netif_addr addr(const char *text, uint8_t prefix)
{
	struct netif_addr a = {.prefix = prefix};

	a.family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;
	assert_int_equal(inet_pton(a.family, text, &a.ip6), 1);
	return a;
}

static inline struct netif eth0(void)
{
	struct netif nif = {.index = ETH0, .name = "eth0", .count = 1};

	nif.addrs[0] = addr("192.168.1.5", 24);
	return nif;
}

static inline struct mdns_agent *agent_as(const char *instance, const char *who, struct seen *s)
{
	struct mdns_agent *a = mdns_agent_new("goop-mdns", instance, 7, &events, s);
	struct peer_id self = peer(who);

	forget(s);
	assert_non_null(a);
	mdns_agent_self(a, &self, 4001, 0);
	return a;
}

/* An agent on eth0 at time 0, whose first words have been said and forgotten. */
static inline struct mdns_agent *settled(struct seen *s)
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

static inline struct sender sender(const char *ip)
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

static inline void hear(
    struct mdns_agent *a, struct sender s, const uint8_t *p, size_t n, uint64_t now)
{
	const struct mdns_agent_packet packet = {.ifindex = s.ifindex,
	    .to_group = !s.unicast,
	    .from = (struct sockaddr *)&s.from,
	    .data = p,
	    .len = n};

	mdns_agent_input(a, &packet, now);
}

static inline void ask(
    struct mdns_agent *a, struct sender s, uint16_t id, bool unicast, uint64_t now)
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

static inline void tell(struct mdns_agent *a, struct sender s, const char *string, uint64_t now)
{
	struct mdns_answer answer = {.ttl = 120, .strings = &string, .count = 1};
	struct mdns_names names;
	uint8_t wire[MDNS_PACKET];
	size_t n;

	mdns_names_init(&names, "goop-mdns", OTHER);
	n = mdns_build_answer(&names, &answer, wire, sizeof wire);
	hear(a, s, wire, n, now);
}

#endif
