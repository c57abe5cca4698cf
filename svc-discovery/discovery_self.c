/* Our own presence: what we say of ourselves, from the first word to the goodbye. */
#include "svc-discovery/discovery_private.h"

#include <string.h>

#include "base/clock.h"
#include "svc-discovery/post.h"

#define LEAVE_MS 1000 /* longest wait for peers and servers to read our goodbye */

void discovery_self_run(struct discovery *d)
{
	uint64_t now = discovery_now(d);

	discovery_timer_at(d->beat, beacon_run(d->beacon, now, clock_wall_ms()), now);
}

static int on_sign_presence(void *arg, uint32_t request, const struct presence *p)
{
	struct discovery *d = arg;

	return post_sign_presence(discovery_link(d, SERVICE_TRANSPORT), request, p);
}

static void on_publish_presence(void *arg, enum presence_type type, const char *json)
{
	struct discovery *d = arg;

	log_debug("presence", "publish %s", presence_type_name(type));
	pubsub_publish(d->pubsub, json, strlen(json));
	rendezvous_publish(d->rendezvous, type, json);
}

static const struct beacon_events beacon_events = {on_sign_presence, on_publish_presence};

int discovery_self_sign_publish(void *arg, uint32_t request, uint64_t seqno, struct bytes data)
{
	struct discovery *d = arg;

	return post_sign_publish(
	    discovery_link(d, SERVICE_TRANSPORT), request, d->topic, seqno, data);
}

void discovery_self_newcomer(void *arg)
{
	struct discovery *d = arg;

	beacon_again(d->beacon, discovery_now(d));
	discovery_self_run(d);
	discovery_tell_facts(d);
}

void discovery_self_look(struct discovery *d)
{
	struct addresses all;

	if (!d->known)
		return;
	addresses_all(&all, vicinity_netifs(d->vicinity), d->port);
	if (!addresses_equal(&all, &d->all))
		post_self_addrs(discovery_link(d, SERVICE_TRANSPORT), &all);
	addresses_clear(&d->all);
	d->all = all;
	addresses_clear(&d->public);
	addresses_public(&d->public, vicinity_netifs(d->vicinity), d->port);
	beacon_set_addrs(d->beacon, d->public.text, d->public.count, discovery_now(d));
	discovery_self_run(d);
}

/* --- the goodbye ------------------------------------------------------------------------------ */

/* Everything is said: the local network hears of it, and we go. */
void discovery_self_go(struct discovery *d)
{
	vicinity_goodbye(d->vicinity);
	service_exit(d->svc, 0);
}

static void on_leave_overdue(void *arg)
{
	log_info("discovery", "leaving before everybody has read our goodbye");
	discovery_self_go(arg);
}

void discovery_self_go_when_said(struct discovery *d)
{
	if (d->finished && rendezvous_parted(d->rendezvous))
		discovery_self_go(d);
}

void discovery_self_published(void *arg)
{
	struct discovery *d = arg;

	if (!d->leaving || d->finishing || !beacon_left(d->beacon))
		return;
	d->finishing = true;
	pubsub_finish(d->pubsub);
}

void discovery_self_finished(void *arg)
{
	struct discovery *d = arg;

	d->finished = true;
	discovery_self_go_when_said(d);
}

void discovery_self_leave(struct discovery *d, uint32_t grace_ms)
{
	d->leaving = true;
	timer_start(d->leave, grace_ms < LEAVE_MS ? grace_ms : LEAVE_MS);
	beacon_leave(d->beacon, discovery_now(d));
	discovery_self_run(d);
}

static void on_beat(void *arg)
{
	discovery_self_run(arg);
}

void discovery_self_init(struct discovery *d)
{
	uint64_t heartbeat = service_config_u64(d->svc, "presence.heartbeat_seconds", 5) * 1000;

	d->beat = timer_new(service_loop(d->svc), on_beat, d);
	d->leave = timer_new(service_loop(d->svc), on_leave_overdue, d);
	d->beacon = beacon_new(service_config(d->svc, "profile.label"),
	    service_config(d->svc, "profile.email"), heartbeat, &beacon_events, d);
}

void discovery_self_clear(struct discovery *d)
{
	beacon_free(d->beacon);
	timer_free(d->beat);
	timer_free(d->leave);
	addresses_clear(&d->all);
	addresses_clear(&d->public);
}
