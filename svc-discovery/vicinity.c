#include "svc-discovery/vicinity.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/log.h"
#include "svc-discovery/lan.h"
#include "svc-discovery/mdns_socket.h"
#include "svc-discovery/netlink.h"

struct vicinity {
	const struct vicinity_events *events;
	void *arg;
	struct loop *loop;
	struct timer *timer;
	struct netif_table *netifs;
	struct netlink *netlink;
	struct mdns_socket *socket;
	struct mdns_agent *agent;
	struct mdns_heard *heard;
	struct lan *lan;
	uint64_t source;     /* of the packet that is being heard */
	struct peer_id self; /* length 0: not known yet */
};

/* Everything that is due; then the timer for what comes next. */
static void run(struct vicinity *v)
{
	uint64_t now = loop_now(v->loop), next, other;

	next = mdns_agent_run(v->agent, now);
	other = mdns_heard_expire(v->heard, now);
	next = other < next ? other : next;
	other = lan_run(v->lan, now);
	next = other < next ? other : next;
	if (next == UINT64_MAX)
		timer_stop(v->timer);
	else
		timer_start(v->timer, next > now ? next - now : 0);
}

static void on_timer(void *arg)
{
	run(arg);
}

/* --- what the cores say ----------------------------------------------------------------------- */

static void on_send(void *arg, unsigned ifindex, sa_family_t family, const struct sockaddr *to,
    const uint8_t *p, size_t n)
{
	struct vicinity *v = arg;
	const struct netif *nif;

	for (size_t at = 0; (nif = netif_next(v->netifs, &at)) != NULL;)
		if (nif->index == ifindex)
			mdns_socket_send(v->socket, nif, family, to, p, n);
}

static void on_entry(void *arg, const struct mdns_entry *e)
{
	struct vicinity *v = arg;

	mdns_heard_take(v->heard, e, v->source, loop_now(v->loop));
}

/* Before we knew who we are, we may have heard an earlier life of ours. */
static void tell_at(void *arg, const struct mdns_heard_peer *peer)
{
	struct vicinity *v = arg;

	if (!peer_id_equal(&peer->peer, &v->self))
		v->events->at(v->arg, peer);
}

static void on_heard(void *arg, const struct mdns_heard_peer *peer)
{
	struct vicinity *v = arg;

	tell_at(v, peer);
	lan_heard(v->lan, &peer->peer, peer->source, peer->fresh, loop_now(v->loop));
}

static void on_gone(void *arg, const struct peer_id *peer)
{
	struct vicinity *v = arg;

	lan_gone(v->lan, peer);
	v->events->away(v->arg, peer);
}

static void on_dial(void *arg, const struct peer_id *peer)
{
	struct vicinity *v = arg;

	v->events->dial(v->arg, peer);
}

/* Tells the machines of a network apart: there, IPv6 addresses differ in their second half. */
static uint64_t source_of(const struct sockaddr *from)
{
	uint64_t key = 0;

	if (from->sa_family == AF_INET6)
		memcpy(
		    &key, ((const struct sockaddr_in6 *)from)->sin6_addr.s6_addr + 8, sizeof key);
	else if (from->sa_family == AF_INET)
		memcpy(&key, &((const struct sockaddr_in *)from)->sin_addr, 4);
	return key;
}

static void on_packet(void *arg, const struct mdns_socket_packet *p)
{
	struct vicinity *v = arg;
	const struct mdns_agent_packet packet = {
	    .ifindex = p->ifindex,
	    .to_group = p->to_group,
	    .from = p->from,
	    .data = p->data,
	    .len = p->len,
	};

	v->source = source_of(p->from);
	mdns_agent_input(v->agent, &packet, loop_now(v->loop));
	run(v);
}

static void on_present(void *arg, const struct netif *nif)
{
	struct vicinity *v = arg;

	log_debug("netif", "%s is there with %zu addresses", nif->name, nif->count);
	mdns_socket_join(v->socket, nif);
	mdns_agent_iface(v->agent, nif, loop_now(v->loop));
	v->events->moved(v->arg);
	run(v);
}

static void on_absent(void *arg, unsigned index)
{
	struct vicinity *v = arg;

	log_debug("netif", "interface %u is gone", index);
	mdns_socket_leave(v->socket, index);
	mdns_agent_iface_gone(v->agent, index);
	v->events->moved(v->arg);
	run(v);
}

static const struct netif_events netif_events = {on_present, on_absent};
static const struct mdns_agent_events agent_events = {on_send, on_entry};
static const struct mdns_heard_events heard_events = {on_heard, on_gone};

/* --- what the desk says ----------------------------------------------------------------------- */

struct vicinity *vicinity_new(
    struct loop *loop, const char *tag, const struct vicinity_events *events, void *arg)
{
	struct {
		uint8_t name[MDNS_AGENT_NAME];
		uint64_t seeds[2];
	} random;
	char instance[MDNS_AGENT_NAME + 1];
	struct vicinity *v = xcalloc(1, sizeof *v);

	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		fatal("mdns", "getrandom: %s", strerror(errno));
	mdns_agent_random_name(random.name, instance);
	*v = (struct vicinity){.events = events, .arg = arg, .loop = loop};
	v->agent = mdns_agent_new(tag, instance, random.seeds[0], &agent_events, v);
	if (v->agent == NULL) {
		log_error("mdns",
		    "p2p.mdns_tag \"%s\": expected a DNS name of labels of 1 to 63 "
		    "bytes, without commas",
		    tag);
		free(v);
		return NULL;
	}
	v->heard = mdns_heard_new(&heard_events, v);
	v->lan = lan_new(random.seeds[1], on_dial, v);
	v->timer = timer_new(loop, on_timer, v);
	v->socket = mdns_socket_new(loop, on_packet, v);
	v->netifs = netif_new(&netif_events, v);
	v->netlink = netlink_new(loop, v->netifs);
	return v;
}

void vicinity_free(struct vicinity *v)
{
	if (v == NULL)
		return;
	netlink_free(v->netlink);
	netif_free(v->netifs);
	mdns_socket_free(v->socket);
	timer_free(v->timer);
	lan_free(v->lan);
	mdns_heard_free(v->heard);
	mdns_agent_free(v->agent);
	free(v);
}

void vicinity_begin(struct vicinity *v, const struct peer_id *self, uint16_t port)
{
	uint64_t now = loop_now(v->loop);

	v->self = *self;
	mdns_agent_self(v->agent, self, port, now);
	mdns_heard_each(v->heard, now, tell_at, v);
	lan_set_self(v->lan, self);
	lan_restart(v->lan, now);
	run(v);
}

void vicinity_up(struct vicinity *v, const struct peer_id *peer)
{
	lan_up(v->lan, peer, loop_now(v->loop));
	run(v);
}

void vicinity_down(struct vicinity *v, const struct peer_id *peer)
{
	lan_down(v->lan, peer, loop_now(v->loop));
	run(v);
}

void vicinity_failed(struct vicinity *v, const struct peer_id *peer)
{
	lan_failed(v->lan, peer, loop_now(v->loop));
	run(v);
}

void vicinity_goodbye(struct vicinity *v)
{
	mdns_agent_goodbye(v->agent);
	run(v);
}

const struct netif_table *vicinity_netifs(const struct vicinity *v)
{
	return v->netifs;
}

struct vicinity_count vicinity_counted(const struct vicinity *v)
{
	return (struct vicinity_count){
	    .mdns = mdns_agent_counted(v->agent),
	    .heard = mdns_heard_count(v->heard),
	    .families = mdns_socket_families(v->socket),
	};
}
