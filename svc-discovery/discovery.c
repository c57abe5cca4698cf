#include "svc-discovery/discovery_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/pubkey.h"
#include "svc-discovery/people_report.h"
#include "svc-discovery/post.h"

struct link *discovery_link(const struct discovery *d, enum service_id neighbour)
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

void discovery_timer_at(struct timer *t, uint64_t at, uint64_t now)
{
	if (at == UINT64_MAX)
		timer_stop(t);
	else
		timer_start(t, at > now ? at - now : 0);
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

void discovery_tell_facts(struct discovery *d)
{
	struct vicinity_count v = vicinity_counted(d->vicinity);
	struct pubsub_count p = pubsub_counted(d->pubsub);

	tell_fact(d, "peers", people_count(d->people), &d->facts.peers);
	tell_fact(d, "connected", p.connected, &d->facts.connected);
	tell_fact(d, "reach", p.reach, &d->facts.reach);
	tell_fact(d, "heard", v.heard, &d->facts.heard);
	tell_fact(d, "interfaces", v.mdns.ifaces, &d->facts.interfaces);
}

/* --- the local network ------------------------------------------------------------------------ */

static void on_at(void *arg, const struct mdns_heard_peer *peer)
{
	struct discovery *d = arg;

	post_heard(discovery_link(d, SERVICE_TRANSPORT), peer);
	discovery_tell_facts(d);
}

static void on_away(void *arg, const struct peer_id *peer)
{
	struct discovery *d = arg;
	char id[PEER_ID_TEXT];

	peer_id_to_text(peer, id);
	post_addrs(discovery_link(d, SERVICE_TRANSPORT), id, POST_MDNS, 0, NULL, 0);
	discovery_tell_facts(d);
}

static void on_dial(void *arg, const struct peer_id *peer)
{
	struct discovery *d = arg;

	post_connect(discovery_link(d, SERVICE_TRANSPORT), peer);
}

static void on_moved(void *arg)
{
	struct discovery *d = arg;

	discovery_self_look(d);
	discovery_tell_facts(d);
}

static const struct vicinity_events vicinity_events = {on_at, on_away, on_dial, on_moved};

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
	discovery_self_look(d);
	while ((p = people_next(d->people, p)) != NULL)
		discovery_people_post_addrs(d, p);
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
	discovery_tell_facts(d);
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
	discovery_tell_facts(d);
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
	discovery_self_run(d);
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

	post_everybody(discovery_link(d, SERVICE_VIEWER), d->people);
}

void discovery_db_up(struct service *svc)
{
	struct discovery *d = service_state(svc);

	post_everybody(discovery_link(d, SERVICE_DB), d->people);
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

static const struct pubsub_events pubsub_events = {discovery_people_heard, discovery_self_newcomer,
    discovery_self_sign_publish, discovery_self_published, discovery_self_finished};

void discovery_stop(struct service *svc, uint32_t grace_ms)
{
	struct discovery *d = service_state(svc);

	/* Who is back in a moment does not take leave: nobody shall see him go. */
	if (service_comes_back(svc))
		service_exit(svc, 0);
	else if (!d->known)
		discovery_self_go(d);
	else
		discovery_self_leave(d, grace_ms);
}

void discovery_transport_down(struct service *svc, const char *why)
{
	struct discovery *d = service_state(svc);

	(void)why;
	d->known = false;
	pubsub_end(d->pubsub);
	discovery_tell_facts(d);
	if (d->leaving)
		discovery_self_go(d);
}

int discovery_init(struct service *svc)
{
	struct loop *loop = service_loop(svc);
	struct discovery *d = xcalloc(1, sizeof *d);

	service_set_state(svc, d);
	pubkey_init();
	memset(&d->facts, 0xff, sizeof d->facts); /* nothing was told yet */
	d->svc = svc;
	d->ttl = service_config_u64(svc, "presence.ttl_seconds", 20) * 1000;
	d->topic = service_config(svc, "presence.topic");
	discovery_people_init(d);
	discovery_self_init(d);
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

void discovery_threads(struct service *svc)
{
	struct discovery *d = service_state(svc);

	rendezvous_start_threads(d->rendezvous);
}

void discovery_fini(struct service *svc)
{
	struct discovery *d = service_state(svc);

	vicinity_free(d->vicinity);
	pubsub_free(d->pubsub);
	discovery_wan_clear(d);
	discovery_self_clear(d);
	discovery_people_clear(d);
	free(d);
}
