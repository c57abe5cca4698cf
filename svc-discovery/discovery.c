#include "svc-discovery/discovery_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/pubkey.h"
#include "svc-discovery/people_report.h"
#include "svc-discovery/post.h"

#define LEAVE_MS 1000 /* longest wait for peers and servers to read our goodbye */

static struct link *to(const struct discovery *d, enum service_id neighbour)
{
	return service_link(d->svc, neighbour);
}

uint64_t discovery_now(const struct discovery *d)
{
	return loop_now(service_loop(d->svc));
}

struct people_time discovery_time(const struct discovery *d)
{
	return (struct people_time){discovery_now(d), clock_wall_ms()};
}

static void timer_at(struct timer *t, uint64_t at, uint64_t now)
{
	if (at == UINT64_MAX)
		timer_stop(t);
	else
		timer_start(t, at > now ? at - now : 0);
}

void discovery_run_beacon(struct discovery *d)
{
	uint64_t now = discovery_now(d);

	timer_at(d->beat, beacon_run(d->beacon, now, clock_wall_ms()), now);
}

void discovery_run_people(struct discovery *d)
{
	uint64_t now = discovery_now(d);

	timer_at(d->silence, people_expire(d->people, now), now);
}

/* --- facts for `status` ----------------------------------------------------------------------- */

static void tell_fact(struct discovery *d, const char *key, uint64_t value, uint64_t *told)
{
	char text[24];

	if (*told == value)
		return;
	*told = value;
	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	service_fact(d->svc, key, text);
}

static void tell_facts(struct discovery *d)
{
	struct vicinity_count v = vicinity_counted(d->vicinity);
	struct pubsub_count p = pubsub_counted(d->pubsub);

	tell_fact(d, "peers", people_count(d->people), &d->facts.peers);
	tell_fact(d, "connected", p.connected, &d->facts.connected);
	tell_fact(d, "reach", p.reach, &d->facts.reach);
	tell_fact(d, "heard", v.heard, &d->facts.heard);
	tell_fact(d, "interfaces", v.mdns.ifaces, &d->facts.interfaces);
}

/* --- our own presence ------------------------------------------------------------------------- */

static int on_sign_presence(void *arg, uint32_t request, const struct presence *p)
{
	struct discovery *d = arg;

	return post_sign_presence(to(d, SERVICE_TRANSPORT), request, p);
}

static void on_publish_presence(void *arg, enum presence_type type, const char *json)
{
	struct discovery *d = arg;

	log_debug("presence", "publish %s", presence_type_name(type));
	pubsub_publish(d->pubsub, json, strlen(json));
	rendezvous_publish(d->rendezvous, type, json);
}

static const struct beacon_events beacon_events = {on_sign_presence, on_publish_presence};

static int on_sign_publish(void *arg, uint32_t request, uint64_t seqno, struct bytes data)
{
	struct discovery *d = arg;

	return post_sign_publish(to(d, SERVICE_TRANSPORT), request, d->topic, seqno, data);
}

void discovery_on_newcomer(void *arg)
{
	struct discovery *d = arg;

	beacon_again(d->beacon, discovery_now(d));
	discovery_run_beacon(d);
	tell_facts(d);
}

/* Our own addresses, when they may have changed. */
static void look_at_addresses(struct discovery *d)
{
	struct addresses all;

	if (!d->known)
		return;
	addresses_all(&all, vicinity_netifs(d->vicinity), d->port);
	if (!addresses_equal(&all, &d->all))
		post_self_addrs(to(d, SERVICE_TRANSPORT), &all);
	addresses_clear(&d->all);
	d->all = all;
	addresses_clear(&d->public);
	addresses_public(&d->public, vicinity_netifs(d->vicinity), d->port);
	beacon_set_addrs(d->beacon, d->public.text, d->public.count, discovery_now(d));
	discovery_run_beacon(d);
}

/* --- the local network ------------------------------------------------------------------------ */

static void on_at(void *arg, const struct mdns_heard_peer *peer)
{
	struct discovery *d = arg;

	post_heard(to(d, SERVICE_TRANSPORT), peer);
	tell_facts(d);
}

static void on_away(void *arg, const struct peer_id *peer)
{
	struct discovery *d = arg;
	char id[PEER_ID_TEXT];

	peer_id_to_text(peer, id);
	post_addrs(to(d, SERVICE_TRANSPORT), id, POST_MDNS, 0, NULL, 0);
	tell_facts(d);
}

static void on_dial(void *arg, const struct peer_id *peer)
{
	struct discovery *d = arg;

	post_connect(to(d, SERVICE_TRANSPORT), peer);
}

static void on_moved(void *arg)
{
	struct discovery *d = arg;

	look_at_addresses(d);
	tell_facts(d);
}

static const struct vicinity_events vicinity_events = {on_at, on_away, on_dial, on_moved};

/* --- the presence of others ------------------------------------------------------------------- */

enum gossip_verdict discovery_judge(
    struct discovery *d, enum people_verdict verdict, const char *who)
{
	if (verdict == PEOPLE_TAKEN || verdict == PEOPLE_AGAIN)
		return GOSSIP_ACCEPT;
	if (verdict == PEOPLE_OWN || verdict == PEOPLE_NO_MATTER)
		return GOSSIP_IGNORE;
	if (log_allowed(&d->refused, 20, "presence"))
		log_info("presence", "of %s refused: %s", who, people_verdict_name(verdict));
	return verdict == PEOPLE_FORGED ? GOSSIP_REJECT : GOSSIP_IGNORE;
}

static enum gossip_verdict on_heard(
    void *arg, const struct peer_id *from, bool itself, struct bytes data)
{
	enum people_via via = itself ? PEOPLE_VIA_ITSELF : PEOPLE_VIA_GOSSIP;
	struct discovery *d = arg;
	struct people_time now = discovery_time(d);
	enum gossip_verdict verdict;
	struct presence p;
	const char *why;

	if (presence_parse(&p, (const char *)data.data, data.len, &why) < 0) {
		if (log_allowed(&d->refused, 20, "presence"))
			log_info("presence", "refused: %s", why);
		return GOSSIP_REJECT;
	}
	verdict = discovery_judge(d, people_hear(d->people, &p, from, via, now), p.peer_text);
	presence_clear(&p);
	discovery_run_people(d);
	return verdict;
}

/* Not dialled before somebody visits, but then the transport has to know. */
void discovery_post_addrs(struct discovery *d, const struct person *p)
{
	char *text[PRESENCE_ADDRS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < p->addr_count && count < PRESENCE_ADDRS_MAX; i++)
		if (addresses_can_reach(&d->public, p->addrs[i]))
			text[count++] = p->addrs[i];
	if (p->via == PEOPLE_VIA_GOSSIP)
		post_addrs(
		    to(d, SERVICE_TRANSPORT), p->id, POST_GOSSIP, (uint32_t)d->ttl, text, count);
	if (p->via == PEOPLE_VIA_RENDEZVOUS || rendezvous_sees(d->rendezvous, &p->peer))
		post_addrs(to(d, SERVICE_TRANSPORT), p->id, POST_RENDEZVOUS, DISCOVERY_WAN_ADDRS_MS,
		    text, count);
}

static void on_here(void *arg, const struct person *p, enum people_change change)
{
	struct discovery *d = arg;

	discovery_post_addrs(d, p);
	post_person(to(d, SERVICE_VIEWER), p);
	/* The database wants to know who somebody is, not when he was seen. */
	if (change != PEOPLE_REFRESHED)
		post_person(to(d, SERVICE_DB), p);
	if (change == PEOPLE_NEW) {
		log_info("people", "%s is here: \"%s\"", p->id, p->label);
		tell_facts(d);
	}
}

static void on_gone(void *arg, const struct person *p, const char *why)
{
	struct discovery *d = arg;

	log_info("people", "%s is gone: %s", p->id, why);
	post_person_gone(to(d, SERVICE_VIEWER), p);
	post_person_gone(to(d, SERVICE_DB), p);
	post_addrs(to(d, SERVICE_TRANSPORT), p->id, POST_GOSSIP, 0, NULL, 0);
	if (d->rendezvous != NULL)
		post_addrs(to(d, SERVICE_TRANSPORT), p->id, POST_RENDEZVOUS, 0, NULL, 0);
	rendezvous_forget(d->rendezvous, &p->peer);
	tell_facts(d);
}

static const struct people_events people_events = {on_here, on_gone};

/* --- the desk --------------------------------------------------------------------------------- */

static int take_self(struct discovery *d, struct msg *m)
{
	const struct person *p = NULL;
	struct peer_id self;

	if (post_read_self(m, &self, &d->port) < 0)
		return -1;
	d->known = true;
	people_set_self(d->people, &self);
	beacon_set_self(d->beacon, &self, discovery_now(d));
	pubsub_begin(d->pubsub, &self, service_streams(d->svc, SERVICE_TRANSPORT));
	/* A new transport knows nobody: addresses first, then the dials that need them. */
	addresses_clear(&d->all);
	look_at_addresses(d);
	while ((p = people_next(d->people, p)) != NULL)
		discovery_post_addrs(d, p);
	vicinity_begin(d->vicinity, &self, d->port);
	return 0;
}

static int take_connect_failed(struct discovery *d, struct msg *m)
{
	char why[256], id[PEER_ID_TEXT];
	struct peer_id peer;

	if (post_read_failure(m, &peer, why, sizeof why) < 0)
		return -1;
	peer_id_to_text(&peer, id);
	log_debug("lan", "dial of %s failed: %s", id, why);
	vicinity_failed(d->vicinity, &peer);
	return 0;
}

static int take_peer_up(struct discovery *d, struct msg *m)
{
	struct peer_id peer;
	bool speaks;

	if (post_read_peer_up(m, &peer, &speaks) < 0)
		return -1;
	vicinity_up(d->vicinity, &peer);
	pubsub_up(d->pubsub, &peer, speaks);
	tell_facts(d);
	return 0;
}

static int take_peer_down(struct discovery *d, struct msg *m)
{
	struct peer_id peer;
	char why[256];

	if (post_read_failure(m, &peer, why, sizeof why) < 0)
		return -1;
	pubsub_down(d->pubsub, &peer);
	vicinity_down(d->vicinity, &peer);
	tell_facts(d);
	return 0;
}

static int take_signature(struct discovery *d, struct msg *m)
{
	struct bytes signature;
	uint32_t number;

	if (post_read_signature(m, &number, &signature) < 0)
		return -1;
	if (POST_IS_PUBLISH(number))
		pubsub_signed(d->pubsub, POST_REQUEST(number), signature);
	else if (signature.len == PRESENCE_SIG)
		beacon_signed(d->beacon, POST_REQUEST(number), signature.data);
	discovery_run_beacon(d);
	return 0;
}

int discovery_from_transport(struct service *svc, struct msg *m)
{
	struct discovery *d = service_state(svc);

	switch (m->type) {
	case MSG_SELF: return take_self(d, m);
	case MSG_CONNECT_FAILED: return take_connect_failed(d, m);
	case MSG_PEER_UP: return take_peer_up(d, m);
	case MSG_PEER_DOWN: return take_peer_down(d, m);
	case MSG_SIGNATURE: return take_signature(d, m);
	default: return -1;
	}
}

const struct stream_events *discovery_incoming(void *svc, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user)
{
	struct discovery *d = service_state(svc);

	(void)address;
	return post_is_pubsub(protocol) ? pubsub_incoming(d->pubsub, s, peer, user) : NULL;
}

void discovery_viewer_up(struct service *svc)
{
	struct discovery *d = service_state(svc);

	post_everybody(to(d, SERVICE_VIEWER), d->people);
}

void discovery_db_up(struct service *svc)
{
	struct discovery *d = service_state(svc);

	post_everybody(to(d, SERVICE_DB), d->people);
}

int discovery_refuse(struct service *svc, struct msg *m)
{
	(void)svc;
	(void)m;
	return -1;
}

void discovery_report(struct service *svc, uint32_t request, const char *what)
{
	struct discovery *d = service_state(svc);
	char *json = strcmp(what, "peers") == 0 ? people_report(d->people, d->pubsub) : NULL;

	service_report(svc, request, json != NULL ? json : "null");
	free(json);
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* Everything is said: the local network hears of it, and we go. */
static void go(struct discovery *d)
{
	vicinity_goodbye(d->vicinity);
	service_exit(d->svc, 0);
}

static void on_leave_overdue(void *arg)
{
	log_info("discovery", "leaving before everybody has read our goodbye");
	go(arg);
}

void discovery_go_when_said(struct discovery *d)
{
	if (d->finished && rendezvous_parted(d->rendezvous))
		go(d);
}

static void on_published(void *arg)
{
	struct discovery *d = arg;

	if (!d->leaving || d->finishing || !beacon_left(d->beacon))
		return;
	d->finishing = true;
	pubsub_finish(d->pubsub);
}

static void on_finished(void *arg)
{
	struct discovery *d = arg;

	d->finished = true;
	discovery_go_when_said(d);
}

static const struct pubsub_events pubsub_events = {
    on_heard, discovery_on_newcomer, on_sign_publish, on_published, on_finished};

void discovery_stop(struct service *svc, uint32_t grace_ms)
{
	struct discovery *d = service_state(svc);

	/* Who is back in a moment does not take leave: nobody shall see him go. */
	if (service_comes_back(svc)) {
		service_exit(svc, 0);
		return;
	}
	if (!d->known) {
		go(d);
		return;
	}
	d->leaving = true;
	timer_start(d->leave, grace_ms < LEAVE_MS ? grace_ms : LEAVE_MS);
	beacon_leave(d->beacon, discovery_now(d));
	discovery_run_beacon(d);
}

void discovery_transport_down(struct service *svc, const char *why)
{
	struct discovery *d = service_state(svc);

	(void)why;
	d->known = false;
	pubsub_end(d->pubsub);
	tell_facts(d);
	if (d->leaving)
		go(d);
}

static void on_beat(void *arg)
{
	discovery_run_beacon(arg);
}

static void on_silence(void *arg)
{
	discovery_run_people(arg);
}

int discovery_init(struct service *svc)
{
	struct loop *loop = service_loop(svc);
	struct discovery *d = xcalloc(1, sizeof *d);
	uint64_t heartbeat = service_config_u64(svc, "presence.heartbeat_seconds", 5) * 1000;

	service_set_state(svc, d);
	pubkey_init();
	memset(&d->facts, 0xff, sizeof d->facts); /* nothing was told yet */
	d->svc = svc;
	d->ttl = service_config_u64(svc, "presence.ttl_seconds", 20) * 1000;
	d->topic = service_config(svc, "presence.topic");
	d->beat = timer_new(loop, on_beat, d);
	d->silence = timer_new(loop, on_silence, d);
	d->leave = timer_new(loop, on_leave_overdue, d);
	d->people = people_new(d->ttl, &people_events, d);
	d->beacon = beacon_new(service_config(svc, "profile.label"),
	    service_config(svc, "profile.email"), heartbeat, &beacon_events, d);
	d->pubsub = pubsub_new(loop, d->topic, &pubsub_events, d);
	if (d->pubsub == NULL)
		return -1;
	d->vicinity = vicinity_new(loop, service_config(svc, "p2p.mdns_tag"), &vicinity_events, d);
	if (d->vicinity == NULL)
		return -1;
	service_fact(svc, "mdns", vicinity_counted(d->vicinity).families);
	discovery_wan_init(d);
	return 0;
}

void discovery_fini(struct service *svc)
{
	struct discovery *d = service_state(svc);

	vicinity_free(d->vicinity);
	pubsub_free(d->pubsub);
	discovery_wan_clear(d);
	beacon_free(d->beacon);
	people_free(d->people);
	timer_free(d->beat);
	timer_free(d->silence);
	timer_free(d->leave);
	addresses_clear(&d->all);
	addresses_clear(&d->public);
	free(d);
}
