#include "svc-discovery/mdns_agent.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "svc-discovery/chance.h"

#define NEVER         UINT64_MAX
#define ANNOUNCEMENTS 2
#define ANSWER_JITTER 6 /* ms: enough that peers that answer together do not collide */
#define STRINGS_MAX   (2 * NETIF_ADDRS_MAX)
#define FAMILY_IP4    1u
#define FAMILY_IP6    2u

struct iface {
	struct netif nif; /* index 0: free */
	/* Announcements still to be made, and when the next is due. */
	unsigned announce_left;
	uint64_t announce_at;
	/* Questions: when the next is due, how long to wait after it, and the number of the last.
	 */
	uint64_t ask_at;
	uint64_t ask_gap;
	uint16_t ask_id;
	/* The answer that is owed: on which families (0: none), when, to which question. */
	unsigned owed;
	uint64_t answer_at;
	uint16_t answer_id;
	uint64_t second; /* in which `answers` were given */
	unsigned answers;
};

struct mdns_agent {
	const struct mdns_agent_events *events;
	void *arg;
	struct mdns_names names;
	uint64_t random;
	bool ready, silent; /* we know who we are; we have said goodbye */
	struct peer_id self;
	uint16_t port;
	struct iface ifaces[MDNS_AGENT_IFACES];
	struct mdns_agent_count counted;
	struct log_limit log;
	struct mdns_packet packet; /* the one being taken; too large for the stack */
};

struct mdns_agent *mdns_agent_new(const char *tag, const char *instance, uint64_t seed,
    const struct mdns_agent_events *events, void *arg)
{
	struct mdns_agent *a = xcalloc(1, sizeof *a);

	if (mdns_names_init(&a->names, tag, instance) < 0) {
		free(a);
		return NULL;
	}
	a->events = events;
	a->arg = arg;
	a->random = seed;
	return a;
}

void mdns_agent_free(struct mdns_agent *a)
{
	free(a);
}

void mdns_agent_random_name(const uint8_t random[MDNS_AGENT_NAME], char out[MDNS_AGENT_NAME + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < MDNS_AGENT_NAME; i++)
		out[i] = alphabet[random[i] % (sizeof alphabet - 1)];
	out[MDNS_AGENT_NAME] = '\0';
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- interfaces ------------------------------------------------------------------------------- */

static struct iface *iface_find(struct mdns_agent *a, unsigned index)
{
	for (size_t i = 0; i < MDNS_AGENT_IFACES; i++)
		if (a->ifaces[i].nif.index == index)
			return &a->ifaces[i];
	return NULL;
}

static void iface_announce(struct iface *f, uint64_t now)
{
	f->announce_left = ANNOUNCEMENTS;
	f->announce_at = now;
}

static void iface_ask(struct iface *f, uint64_t now)
{
	f->ask_at = now;
	f->ask_gap = 0;
}

void mdns_agent_iface(struct mdns_agent *a, const struct netif *nif, uint64_t now)
{
	struct iface *f = iface_find(a, nif->index);

	if (f == NULL)
		f = iface_find(a, 0);
	if (f == NULL) {
		log_warn("mdns", "more than %d interfaces: %s is left out", MDNS_AGENT_IFACES,
		    nif->name);
		return;
	}
	f->nif = *nif;
	/* New addresses can mean another network: say and ask everything again. */
	iface_announce(f, now);
	iface_ask(f, now);
}

void mdns_agent_iface_gone(struct mdns_agent *a, unsigned index)
{
	struct iface *f = iface_find(a, index);

	if (f != NULL)
		memset(f, 0, sizeof *f);
}

void mdns_agent_self(struct mdns_agent *a, const struct peer_id *self, uint16_t port, uint64_t now)
{
	a->self = *self;
	a->port = port;
	a->ready = true;
	for (size_t i = 0; i < MDNS_AGENT_IFACES; i++)
		if (a->ifaces[i].nif.index != 0)
			iface_announce(&a->ifaces[i], now);
}

static unsigned iface_families(const struct iface *f)
{
	unsigned families = 0;

	for (size_t i = 0; i < f->nif.count; i++)
		families |= f->nif.addrs[i].family == AF_INET ? FAMILY_IP4 : FAMILY_IP6;
	return families;
}

static void send_group(
    struct mdns_agent *a, const struct iface *f, unsigned families, const uint8_t *p, size_t n)
{
	if (families & FAMILY_IP4)
		a->events->send(a->arg, f->nif.index, AF_INET, NULL, p, n);
	if (families & FAMILY_IP6)
		a->events->send(a->arg, f->nif.index, AF_INET6, NULL, p, n);
}

/* --- what we say ------------------------------------------------------------------------------ */

/* The addresses of an interface as TXT strings, owned by the caller. IPv6 link-local ones only when
 * there is nothing else: their zone means something on this machine alone. */
static size_t iface_strings(const struct mdns_agent *a, const struct iface *f, char **out)
{
	size_t count = 0;
	char id[PEER_ID_TEXT];

	peer_id_to_text(&a->self, id);
	for (int local = 0; local < 2 && count == 0; local++) {
		for (size_t i = 0; i < f->nif.count; i++) {
			const struct netif_addr *at = &f->nif.addrs[i];
			bool ip6 = at->family == AF_INET6;
			char text[INET6_ADDRSTRLEN];

			if ((ip6 && netif_addr_is_link_local(at)) != (local == 1))
				continue;
			inet_ntop(at->family, &at->ip6, text, sizeof text);
			out[count++] = xasprintf(
			    "dnsaddr=/%s/%s/tcp/%u/p2p/%s", ip6 ? "ip6" : "ip4", text, a->port, id);
		}
	}
	return count;
}

/* Says where we are, in as many packets as the addresses need; each is complete in itself, since a
 * receiver may keep only one of them. */
static void say(struct mdns_agent *a, const struct iface *f, const struct mdns_answer *what,
    unsigned families, const struct sockaddr *to)
{
	struct mdns_answer part = *what;
	const size_t room = mdns_answer_room(&a->names);
	char *strings[STRINGS_MAX];
	size_t count = iface_strings(a, f, strings);
	uint8_t wire[MDNS_PACKET];

	part.port = a->port;
	for (size_t i = f->nif.count; i-- > 0;) {
		if (f->nif.addrs[i].family == AF_INET)
			part.ip4 = &f->nif.addrs[i].ip4;
		else
			part.ip6 = &f->nif.addrs[i].ip6;
	}
	for (size_t i = 0, n; i < count; i += part.count) {
		size_t used = 0;

		part.strings = (const char *const *)strings + i;
		for (part.count = 0; i + part.count < count; part.count++) {
			used += strlen(strings[i + part.count]) + 1;
			if (used > room && part.count > 0)
				break;
		}
		n = mdns_build_answer(&a->names, &part, wire, sizeof wire);
		if (n > 0 && to != NULL)
			a->events->send(a->arg, f->nif.index, to->sa_family, to, wire, n);
		else if (n > 0)
			send_group(a, f, families, wire, n);
	}
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
}

static void iface_say_announcement(struct mdns_agent *a, struct iface *f, uint64_t now)
{
	const struct mdns_answer what = {.ttl = MDNS_TTL};

	say(a, f, &what, iface_families(f), NULL);
	f->announce_left--;
	f->announce_at = now + MDNS_AGENT_ANNOUNCE_MS;
}

/* Takes one of this second's answers. */
static bool may_answer(struct iface *f, uint64_t now)
{
	if (now / 1000 != f->second) {
		f->second = now / 1000;
		f->answers = 0;
	}
	if (f->answers == MDNS_AGENT_ANSWERS)
		return false;
	f->answers++;
	return true;
}

static void iface_say_answer(struct mdns_agent *a, struct iface *f, uint64_t now)
{
	const struct mdns_answer what = {.id = f->answer_id, .ttl = MDNS_TTL};

	if (!may_answer(f, now)) {
		f->answer_at = (now / 1000 + 1) * 1000;
		return;
	}
	say(a, f, &what, f->owed, NULL);
	f->owed = 0;
	a->counted.answered++;
}

/* At the start, after 1 s, 4 s, and then ever more seldom. */
static uint64_t next_gap(struct mdns_agent *a, uint64_t gap)
{
	uint64_t next;

	if (gap == 0)
		return 1000;
	if (gap == 1000)
		return 3000;
	next = gap * 2 + chance_below(&a->random, gap / 4);
	return min_u64(next, MDNS_AGENT_ASK_MAX_MS);
}

static void iface_say_question(struct mdns_agent *a, struct iface *f, uint64_t now)
{
	uint8_t wire[MDNS_PACKET];
	size_t n;

	f->ask_id = (uint16_t)(1 + chance_below(&a->random, UINT16_MAX));
	n = mdns_build_query(&a->names, f->ask_id, wire, sizeof wire);
	send_group(a, f, iface_families(f), wire, n);
	f->ask_gap = next_gap(a, f->ask_gap);
	f->ask_at = now + f->ask_gap;
	a->counted.asked++;
}

static uint64_t iface_run(struct mdns_agent *a, struct iface *f, uint64_t now)
{
	uint64_t next;

	/* The question first: its answer is what we wait for. */
	if (f->ask_at <= now)
		iface_say_question(a, f, now);
	next = f->ask_at;
	if (!a->ready)
		return next;
	if (f->announce_left > 0 && f->announce_at <= now)
		iface_say_announcement(a, f, now);
	if (f->announce_left > 0)
		next = min_u64(next, f->announce_at);
	if (f->owed != 0 && f->answer_at <= now)
		iface_say_answer(a, f, now);
	if (f->owed != 0)
		next = min_u64(next, f->answer_at);
	return next;
}

void mdns_agent_goodbye(struct mdns_agent *a)
{
	const struct mdns_answer what = {.ttl = 0};

	for (size_t i = 0; i < MDNS_AGENT_IFACES && a->ready && !a->silent; i++)
		if (a->ifaces[i].nif.index != 0)
			say(a, &a->ifaces[i], &what, iface_families(&a->ifaces[i]), NULL);
	a->silent = true;
}

/* --- what we hear ----------------------------------------------------------------------------- */

/* A packet that a program on this machine has sent. */
static bool from_here(const struct mdns_agent *a, const struct sockaddr *from)
{
	for (size_t i = 0; i < MDNS_AGENT_IFACES; i++)
		if (a->ifaces[i].nif.index != 0 && netif_owns(&a->ifaces[i].nif, from))
			return true;
	return false;
}

static void take_question(struct mdns_agent *a, struct iface *f,
    const struct mdns_agent_packet *packet, const struct mdns_packet *q, uint64_t now)
{
	/* Our own question comes back over the group. */
	if (q->id == f->ask_id && netif_owns(&f->nif, packet->from))
		return;
	if (q->unicast) {
		const struct mdns_answer what = {.id = q->id, .ttl = MDNS_TTL};

		if (a->ready && may_answer(f, now))
			say(a, f, &what, 0, packet->from);
		return;
	}
	if (f->owed == 0)
		f->answer_at = now + chance_below(&a->random, ANSWER_JITTER);
	f->owed |= packet->from->sa_family == AF_INET ? FAMILY_IP4 : FAMILY_IP6;
	f->answer_id = q->id;
}

/* Link-local IPv6 addresses mean the link that they were heard on. */
static bool add_zone(struct multiaddr *addr, const struct iface *f)
{
	char text[MULTIADDR_TEXT], zoned[MULTIADDR_TEXT + IF_NAMESIZE + 16];

	multiaddr_to_text(addr, text);
	if (strncmp(text, "/ip6/", 5) != 0)
		return true;
	snprintf(zoned, sizeof zoned, "/ip6zone/%s%s", f->nif.name, text);
	return multiaddr_from_text(addr, zoned, strlen(zoned)) == 0;
}

/* Keeps what can be an address of that peer as seen from here. */
static void localise(
    struct mdns_agent *a, const struct iface *f, struct mdns_entry *e, const struct sockaddr *from)
{
	bool here = from_here(a, from);
	size_t kept = 0;

	for (size_t i = 0; i < e->count; i++) {
		struct multiaddr *addr = &e->addrs[i];

		/* Another machine's loopback is not where that peer is. */
		if (!here && multiaddr_is_loopback(addr))
			continue;
		if (multiaddr_is_link_local(addr) && !add_zone(addr, f))
			continue;
		e->addrs[kept++] = *addr;
	}
	e->count = kept;
}

void mdns_agent_input(struct mdns_agent *a, const struct mdns_agent_packet *packet, uint64_t now)
{
	struct iface *f = packet->ifindex != 0 ? iface_find(a, packet->ifindex) : NULL;
	struct mdns_packet *in = &a->packet;

	/* Only the link speaks here (RFC 6762, 11): the group is not forwarded, other packets must
	 * come from a neighbour, lest strangers use our answers against a third. */
	if (f == NULL || a->silent || (!packet->to_group && !netif_on_link(&f->nif, packet->from)))
		return;
	a->counted.packets++;
	if (mdns_parse(&a->names, packet->data, packet->len, in) < 0) {
		a->counted.bad++;
		if (log_allowed(&a->log, 5, "mdns"))
			log_debug("mdns", "malformed packet on %s", f->nif.name);
		return;
	}
	if (in->asks)
		take_question(a, f, packet, in, now);
	for (size_t i = 0; i < in->count; i++) {
		struct mdns_entry *e = &in->entries[i];

		if (a->ready && e->count > 0 && peer_id_equal(&e->peer, &a->self))
			continue;
		localise(a, f, e, packet->from);
		a->events->entry(a->arg, e);
	}
}

/* --- time ------------------------------------------------------------------------------------- */

uint64_t mdns_agent_run(struct mdns_agent *a, uint64_t now)
{
	uint64_t next = NEVER;

	if (a->silent)
		return NEVER;
	for (size_t i = 0; i < MDNS_AGENT_IFACES; i++)
		if (a->ifaces[i].nif.index != 0)
			next = min_u64(next, iface_run(a, &a->ifaces[i], now));
	return next;
}

struct mdns_agent_count mdns_agent_counted(const struct mdns_agent *a)
{
	struct mdns_agent_count c = a->counted;

	for (size_t i = 0; i < MDNS_AGENT_IFACES; i++)
		c.ifaces += a->ifaces[i].nif.index != 0;
	return c;
}
