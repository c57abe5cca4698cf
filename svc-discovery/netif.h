/* The machine's network interfaces and their addresses, as rtnetlink tells them: datagrams in,
 * changes out. No I/O; netlink.c carries the datagrams.
 * Source: rtnetlink(7); RFC 3549. */
#ifndef SVC_DISCOVERY_NETIF_H
#define SVC_DISCOVERY_NETIF_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETIF_MAX       256 /* interfaces followed; further ones are left out */
#define NETIF_ADDRS_MAX 16  /* of one interface */

struct netif_addr {
	sa_family_t family; /* AF_INET or AF_INET6 */
	uint8_t prefix;     /* bits of the network part */
	union {
		struct in_addr ip4;
		struct in6_addr ip6;
	};
};

/* An interface that can be used: up, with a carrier, with at least one address, able to multicast
 * (the loopback interface counts, although it may lack the flag). */
struct netif {
	unsigned index;
	char name[IF_NAMESIZE];
	bool loopback;
	size_t count;
	struct netif_addr addrs[NETIF_ADDRS_MAX]; /* sorted: IPv4 first */
};

struct netif_events {
	/* It appeared, or one of its addresses (or its name) is different now. Lent. */
	void (*present)(void *arg, const struct netif *nif);
	/* It was told as present and is not usable any more. */
	void (*gone)(void *arg, unsigned index);
};

/* What to ask the kernel for next; NETIF_ASK_LATER: it was busy, call netif_restart() in a while.
 */
enum netif_ask { NETIF_ASK_NOTHING, NETIF_ASK_LINKS, NETIF_ASK_ADDRS, NETIF_ASK_LATER };

struct netif_table;

struct netif_table *netif_new(const struct netif_events *events, void *arg);
void netif_free(struct netif_table *t); /* NULL is fine */

/* Begins anew: at the start, and after the kernel said that messages were lost. Nothing is told
 * until both dumps are complete; what is still there then is not told again. */
enum netif_ask netif_restart(struct netif_table *t);

/* The sequence number that the next request has to bear: answers to others are not heeded. */
uint32_t netif_seq(const struct netif_table *t);

/* Takes one datagram from a NETLINK_ROUTE socket; tells what changed by it. */
enum netif_ask netif_input(struct netif_table *t, const void *p, size_t n);

/* Walks the interfaces that were told as present; NULL at the end. Start with *at = 0. Lent. */
const struct netif *netif_next(const struct netif_table *t, size_t *at);

/* 169.254.0.0/16 and fe80::/10; 127.0.0.0/8 and ::1. */
bool netif_addr_is_link_local(const struct netif_addr *a);
bool netif_addr_is_loopback(const struct netif_addr *a);

/* True when the socket address is one of the interface's own, or in the network of one of them. */
bool netif_owns(const struct netif *nif, const struct sockaddr *sa);
bool netif_on_link(const struct netif *nif, const struct sockaddr *sa);

#endif
