#include "svc-discovery/discovery_private.h"

/* Our own words come back: are they of an earlier life, with a clock that was ahead? */
static void hear_own(struct discovery *d, const struct presence *p)
{
	if (!p->signed_ || presence_verify(p) < 0)
		return;
	beacon_heard(d->beacon, p->ts, discovery_now(d));
	discovery_self_run(d);
}

static bool on_heard_from_server(void *arg, const struct presence *p, bool judged)
{
	struct discovery *d = arg;
	enum people_verdict verdict;

	verdict = people_hear(d->people, p, NULL, PEOPLE_VIA_RENDEZVOUS, discovery_time(d));
	/* A server may well be behind gossip. */
	if (verdict != PEOPLE_STALE)
		discovery_people_judge(d, verdict, p->peer_text);
	if (verdict == PEOPLE_OWN)
		hear_own(d, p);
	if (verdict == PEOPLE_AGAIN && judged)
		people_hear_back(d->people, p, discovery_time(d));
	discovery_people_run(d);
	return (verdict == PEOPLE_TAKEN || verdict == PEOPLE_AGAIN || verdict == PEOPLE_STALE) &&
	       people_get(d->people, &p->peer) != NULL;
}

static void on_stands(void *arg, const struct peer_id *peer)
{
	struct discovery *d = arg;

	people_stand(d->people, peer, discovery_time(d));
}

static void on_lost_by_servers(void *arg, const struct peer_id *peer)
{
	struct discovery *d = arg;

	people_lose(d->people, peer, discovery_time(d));
}

/* Our clock was ahead in an earlier life, or was set back. Only what a clock may be wrong by is
 * taken on trust: a server that lies could make us say what others do not believe afterwards. */
#define BEHIND_MAX_MS (15LL * 60 * 1000)
static void on_behind(void *arg, int64_t ts)
{
	struct discovery *d = arg;

	if (ts > discovery_time(d).wall + BEHIND_MAX_MS)
		return;
	beacon_heard(d->beacon, ts, discovery_now(d));
	discovery_self_run(d);
}

static void on_rendezvous_state(void *arg, const char *text)
{
	struct discovery *d = arg;

	service_fact(d->svc, "rendezvous", text);
}

static void on_renew(void *arg)
{
	struct discovery *d = arg;
	const struct person *p = NULL;

	while ((p = people_next(d->people, p)) != NULL)
		if (rendezvous_sees(d->rendezvous, &p->peer))
			discovery_people_post_addrs(d, p);
}

static void on_parted(void *arg)
{
	discovery_self_go_when_said(arg);
}

static const struct rendezvous_events rendezvous_events = {on_heard_from_server, on_stands,
    on_lost_by_servers, discovery_self_newcomer, on_behind, on_rendezvous_state, on_parted};

void discovery_wan_init(struct discovery *d)
{
	struct loop *loop = service_loop(d->svc);

	d->renew = timer_new(loop, on_renew, d);
	d->rendezvous = rendezvous_new(loop, service_config(d->svc, "presence.rendezvous_wan"),
	    service_config(d->svc, "rendezvous.own_url"), d->ttl, &rendezvous_events, d);
	if (d->rendezvous != NULL)
		timer_repeat(d->renew, DISCOVERY_WAN_ADDRS_MS / 2);
}

void discovery_wan_clear(struct discovery *d)
{
	rendezvous_free(d->rendezvous);
	timer_free(d->renew);
}
