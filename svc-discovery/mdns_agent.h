/* What to say over mDNS on which interface and when: announces us, asks for others, answers them.
 * No I/O; the time is an argument (monotonic milliseconds).
 * Source: libp2p specs, discovery/mdns; RFC 6762, without its long random delays: a peer is to be
 * found in well under a second, and instance names are random, so nothing needs probing. */
#ifndef SVC_DISCOVERY_MDNS_AGENT_H
#define SVC_DISCOVERY_MDNS_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "codec/peer_id.h"
#include "svc-discovery/mdns.h"
#include "svc-discovery/netif.h"

#define MDNS_AGENT_IFACES      32    /* interfaces spoken on; further ones are left out */
#define MDNS_AGENT_NAME        32    /* characters of an instance name */
#define MDNS_AGENT_ASK_MAX_MS  60000 /* longest time between two questions */
#define MDNS_AGENT_ANNOUNCE_MS 1000  /* from the first announcement to the second */
#define MDNS_AGENT_ANSWERS     20    /* a second at most, on one interface */

struct mdns_agent;

struct mdns_agent_events {
	/* Send this packet on that interface: to `to`, or (NULL) to the group of that family. */
	void (*send)(void *arg, unsigned ifindex, sa_family_t family, const struct sockaddr *to,
	    const uint8_t *p, size_t n);
	/* A peer was heard: its addresses are such as mean something on this machine. Lent. */
	void (*entry)(void *arg, const struct mdns_entry *e);
};

struct mdns_agent_packet {
	unsigned ifindex;
	bool to_group; /* it was sent to the group, which no router forwards */
	const struct sockaddr *from;
	const uint8_t *data;
	size_t len;
};

/* `instance` is the random label of this life (see mdns_agent_random_name()), `seed` varies the
 * times. NULL when `tag` makes no DNS name. */
struct mdns_agent *mdns_agent_new(const char *tag, const char *instance, uint64_t seed,
    const struct mdns_agent_events *events, void *arg);
void mdns_agent_free(struct mdns_agent *a); /* NULL is fine */

/* A label of [a-z0-9] out of that many random bytes. */
void mdns_agent_random_name(const uint8_t random[MDNS_AGENT_NAME], char out[MDNS_AGENT_NAME + 1]);

/* Who we are and the port we listen on: announced at once on every interface. */
void mdns_agent_self(struct mdns_agent *a, const struct peer_id *self, uint16_t port, uint64_t now);

/* An interface is there, or its addresses have changed: speak on it, with its own addresses. */
void mdns_agent_iface(struct mdns_agent *a, const struct netif *nif, uint64_t now);
void mdns_agent_iface_gone(struct mdns_agent *a, unsigned index);

/* A packet has come. Bad ones are counted and otherwise ignored. */
void mdns_agent_input(struct mdns_agent *a, const struct mdns_agent_packet *packet, uint64_t now);

/* Says what is due; returns when to call again (UINT64_MAX: not before something else happens).
 * To be called after each of the above. */
uint64_t mdns_agent_run(struct mdns_agent *a, uint64_t now);

/* Takes our announcements back, on every interface; nothing is said or heard afterwards. */
void mdns_agent_goodbye(struct mdns_agent *a);

/* Interfaces now; and since the beginning packets that came and those of them that were bad,
 * questions and answers that were sent. */
struct mdns_agent_count {
	size_t ifaces;
	uint64_t packets, bad, asked, answered;
};
struct mdns_agent_count mdns_agent_counted(const struct mdns_agent *a);

#endif
