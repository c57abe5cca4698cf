/* What the files of the desk share: discovery.c (transport, local network, gossip, people) and
 * discovery_wan.c (rendezvous servers). */
#ifndef SVC_DISCOVERY_DISCOVERY_PRIVATE_H
#define SVC_DISCOVERY_DISCOVERY_PRIVATE_H

#include "base/log.h"
#include "svc-discovery/addresses.h"
#include "svc-discovery/beacon.h"
#include "svc-discovery/discovery.h"
#include "svc-discovery/gossip.h"
#include "svc-discovery/people.h"
#include "svc-discovery/pubsub.h"
#include "svc-discovery/rendezvous.h"
#include "svc-discovery/vicinity.h"

/* Addresses of those whom a server sees are not said again with each heartbeat: they are taken back
 * when the person is gone, and renewed before the transport forgets them. */
#define DISCOVERY_WAN_ADDRS_MS 600000

struct facts {
	uint64_t peers, connected, reach, heard, interfaces;
};

struct discovery {
	struct service *svc;
	const char *topic;
	uint64_t ttl;
	bool known; /* the transport has said who we are */
	uint16_t port;
	struct addresses all, public;
	struct vicinity *vicinity;
	struct pubsub *pubsub;
	struct rendezvous *rendezvous; /* NULL when there is no server */
	struct people *people;
	struct beacon *beacon;
	struct timer *beat;    /* the beacon's next word */
	struct timer *silence; /* the next person to be dropped */
	struct timer *leave;   /* the end of the grace */
	struct timer *renew;   /* addresses of other networks */
	bool leaving, finishing, finished;
	struct log_limit refused;
	struct facts facts; /* as told */
};

/* discovery.c */
uint64_t discovery_now(const struct discovery *d);
struct people_time discovery_time(const struct discovery *d);
void discovery_run_beacon(struct discovery *d);
void discovery_run_people(struct discovery *d);
/* Somebody new listens to our presence. */
void discovery_on_newcomer(void *discovery);
/* What gossip is to make of a verdict; logs what was refused. */
enum gossip_verdict discovery_judge(
    struct discovery *d, enum people_verdict verdict, const char *who);
void discovery_post_addrs(struct discovery *d, const struct person *p);
/* Ends the service once everybody has our goodbye. */
void discovery_go_when_said(struct discovery *d);

/* discovery_wan.c */
void discovery_wan_init(struct discovery *d);
void discovery_wan_clear(struct discovery *d);

#endif
