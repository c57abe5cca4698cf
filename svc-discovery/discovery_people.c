/* The presence of others: heard, judged, and told to those who want to know. */
#include "svc-discovery/discovery_private.h"

#include "svc-discovery/post.h"

void discovery_people_run(struct discovery *d)
{
	uint64_t now = discovery_now(d);

	discovery_timer_at(d->silence, people_expire(d->people, now), now);
}

enum gossip_verdict discovery_people_judge(
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

enum gossip_verdict discovery_people_heard(
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
	verdict =
	    discovery_people_judge(d, people_hear(d->people, &p, from, via, now), p.peer_text);
	presence_clear(&p);
	discovery_people_run(d);
	return verdict;
}

/* Not dialled before somebody visits, but then the transport has to know. */
void discovery_people_post_addrs(struct discovery *d, const struct person *p)
{
	char *text[PRESENCE_ADDRS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < p->addr_count && count < PRESENCE_ADDRS_MAX; i++)
		if (addresses_can_reach(&d->public, p->addrs[i]))
			text[count++] = p->addrs[i];
	if (p->via == PEOPLE_VIA_GOSSIP)
		post_addrs(discovery_link(d, SERVICE_TRANSPORT), p->id, POST_GOSSIP,
		    (uint32_t)d->ttl, text, count);
	if (p->via == PEOPLE_VIA_RENDEZVOUS || rendezvous_sees(d->rendezvous, &p->peer))
		post_addrs(discovery_link(d, SERVICE_TRANSPORT), p->id, POST_RENDEZVOUS,
		    DISCOVERY_WAN_ADDRS_MS, text, count);
}

static void on_here(void *arg, const struct person *p, enum people_change change)
{
	struct discovery *d = arg;

	discovery_people_post_addrs(d, p);
	post_person(discovery_link(d, SERVICE_VIEWER), p);
	/* The database wants to know who somebody is, not when he was seen. */
	if (change != PEOPLE_REFRESHED)
		post_person(discovery_link(d, SERVICE_DB), p);
	if (change == PEOPLE_NEW) {
		log_info("people", "%s is here: \"%s\"", p->id, p->label);
		discovery_tell_facts(d);
	}
}

static void on_gone(void *arg, const struct person *p, const char *why)
{
	struct discovery *d = arg;

	log_info("people", "%s is gone: %s", p->id, why);
	post_person_gone(discovery_link(d, SERVICE_VIEWER), p);
	post_person_gone(discovery_link(d, SERVICE_DB), p);
	post_addrs(discovery_link(d, SERVICE_TRANSPORT), p->id, POST_GOSSIP, 0, NULL, 0);
	if (d->rendezvous != NULL)
		post_addrs(
		    discovery_link(d, SERVICE_TRANSPORT), p->id, POST_RENDEZVOUS, 0, NULL, 0);
	rendezvous_forget(d->rendezvous, &p->peer);
	discovery_tell_facts(d);
}

static const struct people_events people_events = {on_here, on_gone};

static void on_silence(void *arg)
{
	discovery_people_run(arg);
}

void discovery_people_init(struct discovery *d)
{
	d->silence = timer_new(service_loop(d->svc), on_silence, d);
	d->people = people_new(d->ttl, &people_events, d);
}

void discovery_people_clear(struct discovery *d)
{
	people_free(d->people);
	timer_free(d->silence);
}
