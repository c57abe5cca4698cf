/* The multicast sockets: UDP 5353 over IPv4 and IPv6, shared with other programs of this machine,
 * joined interface by interface, the loopback interface included (which has neither the MULTICAST
 * flag nor a multicast route: nothing here relies on them).
 * Source: RFC 6762, 11 and 15.1; ip(7), ipv6(7). */
#ifndef SVC_DISCOVERY_MDNS_SOCKET_H
#define SVC_DISCOVERY_MDNS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "svc-discovery/netif.h"

struct mdns_socket;

struct mdns_socket_packet {
	unsigned ifindex; /* where it came in */
	bool to_group;
	const struct sockaddr *from;
	const uint8_t *data;
	size_t len;
};

/* A packet has come; lent for the call. */
typedef void mdns_socket_fn(void *arg, const struct mdns_socket_packet *packet);

/* Opens what can be opened of the two; what cannot is logged. Never NULL: without any socket
 * nothing is heard, and mdns_socket_families() says so. */
struct mdns_socket *mdns_socket_new(struct loop *loop, mdns_socket_fn *fn, void *arg);
void mdns_socket_free(struct mdns_socket *s); /* NULL is fine */

/* "ip4 ip6", "ip4", "ip6" or "none". */
const char *mdns_socket_families(const struct mdns_socket *s);

/* Joins the groups on an interface, on each family that it has an address of; joining again is
 * harmless. Leaving one that has vanished is, too. */
void mdns_socket_join(struct mdns_socket *s, const struct netif *nif);
void mdns_socket_leave(struct mdns_socket *s, unsigned ifindex);

/* Sends on that interface: to `to`, or (NULL) to the group of the family. What the kernel refuses
 * is lost, as any packet may be; logged at a limited rate. */
void mdns_socket_send(struct mdns_socket *s, const struct netif *nif, sa_family_t family,
    const struct sockaddr *to, const uint8_t *p, size_t n);

#endif
