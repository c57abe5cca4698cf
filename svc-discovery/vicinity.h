/* The peers of the local network: interfaces, mDNS and the choice whom to dial, put together. Owns
 * the sockets and the timer; the cores that it drives do no I/O. */
#ifndef SVC_DISCOVERY_VICINITY_H
#define SVC_DISCOVERY_VICINITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "codec/peer_id.h"
#include "svc-discovery/mdns_agent.h"
#include "svc-discovery/mdns_heard.h"
#include "svc-discovery/netif.h"

struct vicinity;

struct vicinity_events {
	/* A peer is at these addresses, for a while; said anew from time to time. */
	void (*at)(void *arg, const struct mdns_heard_peer *peer);
	/* It said goodbye or has fallen silent: these addresses are good no more. */
	void (*away)(void *arg, const struct peer_id *peer);
	/* It is time to connect to it; answer with vicinity_up() or vicinity_failed(). */
	void (*dial)(void *arg, const struct peer_id *peer);
	/* Our own addresses have changed: see vicinity_netifs(). */
	void (*moved)(void *arg);
};

/* Opens the sockets and begins to listen and ask. NULL, with the reason logged, when `tag` makes no
 * DNS name. */
struct vicinity *vicinity_new(
    struct loop *loop, const char *tag, const struct vicinity_events *events, void *arg);
void vicinity_free(struct vicinity *v); /* NULL is fine */

/* The transport is there (for the first time or anew): who we are and the port it listens on. Tells
 * `at` for everybody known and dials them as if they had just been heard. */
void vicinity_begin(struct vicinity *v, const struct peer_id *self, uint16_t port);

/* What the transport says of its connections. */
void vicinity_up(struct vicinity *v, const struct peer_id *peer);
void vicinity_down(struct vicinity *v, const struct peer_id *peer);
void vicinity_failed(struct vicinity *v, const struct peer_id *peer);

/* Takes back what we announced; nothing is said or heard afterwards. */
void vicinity_goodbye(struct vicinity *v);

/* Our interfaces, lent. */
const struct netif_table *vicinity_netifs(const struct vicinity *v);

struct vicinity_count {
	struct mdns_agent_count mdns;
	size_t heard;
	const char *families; /* see mdns_socket_families() */
};
struct vicinity_count vicinity_counted(const struct vicinity *v);

#endif
