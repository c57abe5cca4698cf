/* A packet from the network, as the agent and the table behind it take it. */
#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "svc-discovery/mdns_agent.h"
#include "svc-discovery/mdns_heard.h"

static void on_send(void *arg, unsigned ifindex, sa_family_t family, const struct sockaddr *to,
    const uint8_t *p, size_t n)
{
	(void)arg;
	(void)ifindex;
	(void)family;
	(void)to;
	(void)p;
	if (n > MDNS_PACKET)
		panic("fuzz", "a packet of %zu bytes", n);
}

static void on_entry(void *arg, const struct mdns_entry *e)
{
	mdns_heard_take(arg, e, 1, 1000);
}

static void on_heard(void *arg, const struct mdns_heard_peer *peer)
{
	(void)arg;
	if (peer->count == 0 || peer->count > MDNS_ADDRS_MAX)
		panic("fuzz", "%zu addresses", peer->count);
}

static void on_gone(void *arg, const struct peer_id *peer)
{
	(void)arg;
	(void)peer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mdns_agent_events agent_events = {on_send, on_entry};
	static const struct mdns_heard_events heard_events = {on_heard, on_gone};
	const char *instance = "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6";
	struct netif eth0 = {.index = 2, .name = "eth0", .count = 1};
	struct sockaddr_in from = {.sin_family = AF_INET};
	const struct mdns_agent_packet packet = {
	    .ifindex = 2,
	    .to_group = true,
	    .from = (struct sockaddr *)&from,
	    .data = data,
	    .len = size,
	};
	struct peer_id self = {.len = 38};
	struct mdns_heard *heard = mdns_heard_new(&heard_events, NULL);
	struct mdns_agent *agent;

	agent = mdns_agent_new("goop-mdns", instance, 1, &agent_events, heard);
	eth0.addrs[0] = (struct netif_addr){.family = AF_INET, .prefix = 24};
	mdns_agent_self(agent, &self, 4001, 0);
	mdns_agent_iface(agent, &eth0, 0);
	mdns_agent_input(agent, &packet, 1000);
	mdns_agent_run(agent, 2000);
	mdns_heard_expire(heard, 2000);
	mdns_agent_free(agent);
	mdns_heard_free(heard);
	return 0;
}
