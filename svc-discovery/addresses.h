/* Where we can be reached, as multiaddrs: the addresses of the machine's interfaces with the port
 * that the transport listens on (on all of them). No I/O. */
#ifndef SVC_DISCOVERY_ADDRESSES_H
#define SVC_DISCOVERY_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/multiaddr.h"
#include "svc-discovery/netif.h"

#define ADDRESSES_MAX 32 /* as many as presence may carry */

struct addresses {
	size_t count;
	char *text[ADDRESSES_MAX];
};

/* All but IPv6 link-local ones, whose zone is this machine's own; loopback last. For identify. */
void addresses_all(struct addresses *a, const struct netif_table *table, uint16_t port);

/* What others can use: neither loopback nor link-local, unless there is nothing else: then two
 * peers of one machine without any network still find each other. For presence. */
void addresses_public(struct addresses *a, const struct netif_table *table, uint16_t port);

/* Does the address of another peer mean it, seen from here? Loopback and link-local ones do so only
 * when `own`, our public addresses, are of that kind, too. False for what does not parse. */
bool addresses_can_reach(const struct addresses *own, const char *text);

/* Releases the texts; the list is empty and usable again. Equal: same texts, same order. */
void addresses_clear(struct addresses *a);
bool addresses_equal(const struct addresses *a, const struct addresses *b);

#endif
