/* What the files of the desk share: discovery.c (the neighbours' messages, the local network),
 * discovery_self.c (our own presence), discovery_people.c (that of others) and discovery_wan.c
 * (rendezvous servers). */
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
struct link *discovery_link(const struct discovery *d, enum service_id neighbour);
uint64_t discovery_now(const struct discovery *d);
struct people_time discovery_time(const struct discovery *d);
/* Starts the timer for that time of discovery_now(); UINT64_MAX stops it. */
void discovery_timer_at(struct timer *t, uint64_t at, uint64_t now);
/* Facts for `status`, as far as they have changed. */
void discovery_tell_facts(struct discovery *d);

/* discovery_self.c */
void discovery_self_init(struct discovery *d);
void discovery_self_clear(struct discovery *d);
/* Says what is due, and sets the timer for the next word. */
void discovery_self_run(struct discovery *d);
/* Looks at our own addresses, when they may have changed. */
void discovery_self_look(struct discovery *d);
/* Takes leave of everybody, and then ends the service; it ends in any case after `grace_ms`. */
void discovery_self_leave(struct discovery *d, uint32_t grace_ms);
/* Ends the service: once everybody has our goodbye; at once. */
void discovery_self_go_when_said(struct discovery *d);
void discovery_self_go(struct discovery *d);
/* Somebody new listens to our presence: a hook of pubsub and rendezvous. */
void discovery_self_newcomer(void *discovery);
/* Hooks of pubsub; contracts are in pubsub.h. */
int discovery_self_sign_publish(
    void *discovery, uint32_t request, uint64_t seqno, struct bytes data);
void discovery_self_published(void *discovery);
void discovery_self_finished(void *discovery);

/* discovery_people.c */
void discovery_people_init(struct discovery *d);
void discovery_people_clear(struct discovery *d);
/* Drops who was silent too long, and sets the timer for the next. */
void discovery_people_run(struct discovery *d);
/* A hook of pubsub. */
enum gossip_verdict discovery_people_heard(
    void *discovery, const struct peer_id *from, bool itself, struct bytes data);
/* What gossip is to make of a verdict; logs what was refused. */
enum gossip_verdict discovery_people_judge(
    struct discovery *d, enum people_verdict verdict, const char *who);
/* Tells the transport where that person can be reached. */
void discovery_people_post_addrs(struct discovery *d, const struct person *p);

/* discovery_wan.c */
void discovery_wan_init(struct discovery *d);
void discovery_wan_clear(struct discovery *d);

#endif
