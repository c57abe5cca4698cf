#include "svc-discovery/netif.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

struct row {
	struct netif now;
	struct netif told; /* index 0: nothing was told */
	bool linked;       /* the kernel has such a link */
	bool usable_flags;
};

struct netif_table {
	const struct netif_events *events;
	void *arg;
	enum netif_ask dumping; /* the dump under way */
	uint32_t seq;           /* its number */
	bool interrupted;       /* the kernel's table changed during it: a row may be missing */
	struct log_limit log;
	size_t count;
	struct row rows[NETIF_MAX];
};

struct netif_table *netif_new(const struct netif_events *events, void *arg)
{
	struct netif_table *t = xcalloc(1, sizeof *t);

	t->events = events;
	t->arg = arg;
	return t;
}

void netif_free(struct netif_table *t)
{
	free(t);
}

static enum netif_ask dump(struct netif_table *t, enum netif_ask what)
{
	t->dumping = what;
	t->interrupted = false;
	t->seq++;
	return what;
}

uint32_t netif_seq(const struct netif_table *t)
{
	return t->seq;
}

enum netif_ask netif_restart(struct netif_table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		t->rows[i].linked = false;
		t->rows[i].now.count = 0;
	}
	return dump(t, NETIF_ASK_LINKS);
}

static struct row *row_find(struct netif_table *t, int index)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->rows[i].now.index == (unsigned)index)
			return &t->rows[i];
	return NULL;
}

static struct row *row_add(struct netif_table *t, int index)
{
	struct row *row = row_find(t, index);

	if (row != NULL || index <= 0)
		return row;
	if (t->count == NETIF_MAX) {
		if (log_allowed(&t->log, 1, "netif"))
			log_warn(
			    "netif", "more than %d interfaces: %d is left out", NETIF_MAX, index);
		return NULL;
	}
	row = &t->rows[t->count++];
	*row = (struct row){.now.index = (unsigned)index};
	return row;
}

/* The attribute of that type, or NULL; its payload is at least `min` bytes. */
static const struct rtattr *attr_find(const struct rtattr *a, int left, int type, size_t min)
{
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == type && RTA_PAYLOAD(a) >= min)
			return a;
	return NULL;
}

static void take_link(struct netif_table *t, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	const unsigned up = IFF_UP | IFF_RUNNING;
	const struct rtattr *name;
	struct row *row;

	/* Bridges report their ports a second time in their own family. */
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *info) || info->ifi_family != AF_UNSPEC)
		return;
	if (h->nlmsg_type == RTM_DELLINK) {
		row = row_find(t, info->ifi_index);
		if (row != NULL) {
			row->linked = false;
			row->now.count = 0;
		}
		return;
	}
	row = row_add(t, info->ifi_index);
	if (row == NULL)
		return;
	row->linked = true;
	row->now.loopback = info->ifi_flags & IFF_LOOPBACK;
	row->usable_flags =
	    (info->ifi_flags & up) == up && (info->ifi_flags & (IFF_MULTICAST | IFF_LOOPBACK)) != 0;
	name = attr_find(IFLA_RTA(info), (int)IFLA_PAYLOAD(h), IFLA_IFNAME, 1);
	if (name != NULL) {
		size_t n = strnlen(RTA_DATA(name), RTA_PAYLOAD(name));

		memset(row->now.name, 0, sizeof row->now.name);
		memcpy(row->now.name, RTA_DATA(name), n < IF_NAMESIZE ? n : IF_NAMESIZE - 1);
	}
}

static int addr_compare(const struct netif_addr *a, const struct netif_addr *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	return a->family == AF_INET ? memcmp(&a->ip4, &b->ip4, sizeof a->ip4)
	                            : memcmp(&a->ip6, &b->ip6, sizeof a->ip6);
}

/* Sorted, so that the same addresses in another order are no change. */
static void addr_add(struct netif *nif, const struct netif_addr *a)
{
	size_t i = 0;

	while (i < nif->count && addr_compare(&nif->addrs[i], a) < 0)
		i++;
	if (i < nif->count && addr_compare(&nif->addrs[i], a) == 0) {
		nif->addrs[i] = *a;
		return;
	}
	if (nif->count == NETIF_ADDRS_MAX)
		return;
	memmove(&nif->addrs[i + 1], &nif->addrs[i], (nif->count - i) * sizeof *a);
	nif->addrs[i] = *a;
	nif->count++;
}

static void addr_remove(struct netif *nif, const struct netif_addr *a)
{
	for (size_t i = 0; i < nif->count; i++) {
		if (addr_compare(&nif->addrs[i], a) != 0)
			continue;
		nif->count--;
		memmove(&nif->addrs[i], &nif->addrs[i + 1], (nif->count - i) * sizeof *a);
		return;
	}
}

/* Reads the address of an RTM_NEWADDR or RTM_DELADDR. False when it is none of ours. */
static bool addr_read(const struct nlmsghdr *h, struct netif_addr *a, uint32_t *flags)
{
	const struct ifaddrmsg *info = NLMSG_DATA(h);
	const struct rtattr *at, *local, *more;
	size_t want;
	int left;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *info))
		return false;
	if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
		return false;
	at = IFA_RTA(info);
	left = (int)IFA_PAYLOAD(h);
	want = info->ifa_family == AF_INET ? sizeof a->ip4 : sizeof a->ip6;
	/* On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL is ours. */
	local = attr_find(at, left, IFA_LOCAL, want);
	if (local == NULL)
		local = attr_find(at, left, IFA_ADDRESS, want);
	if (local == NULL)
		return false;
	*a = (struct netif_addr){.family = info->ifa_family, .prefix = info->ifa_prefixlen};
	memcpy(&a->ip6, RTA_DATA(local), want);
	more = attr_find(at, left, IFA_FLAGS, sizeof *flags);
	*flags = info->ifa_flags;
	if (more != NULL)
		memcpy(flags, RTA_DATA(more), sizeof *flags);
	return true;
}

static void take_addr(struct netif_table *t, const struct nlmsghdr *h)
{
	/* Not usable yet, never usable, or not to be given to anyone new (RFC 4862, 5.5.4). */
	const uint32_t shun = IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED;
	const struct ifaddrmsg *info = NLMSG_DATA(h);
	struct netif_addr a;
	struct row *row;
	uint32_t flags;

	if (!addr_read(h, &a, &flags))
		return;
	row = row_find(t, (int)info->ifa_index);
	if (row == NULL)
		return;
	if (h->nlmsg_type == RTM_NEWADDR && (flags & shun) == 0)
		addr_add(&row->now, &a);
	else
		addr_remove(&row->now, &a);
}

static bool netif_same(const struct netif *a, const struct netif *b)
{
	if (strcmp(a->name, b->name) != 0 || a->loopback != b->loopback || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (addr_compare(&a->addrs[i], &b->addrs[i]) != 0 ||
		    a->addrs[i].prefix != b->addrs[i].prefix)
			return false;
	return true;
}

static void row_settle(struct netif_table *t, struct row *row)
{
	bool usable = row->linked && row->usable_flags && row->now.count > 0;

	if (usable && (row->told.index == 0 || !netif_same(&row->now, &row->told))) {
		row->told = row->now;
		t->events->present(t->arg, &row->told);
	} else if (!usable && row->told.index != 0) {
		unsigned index = row->told.index;

		row->told.index = 0;
		t->events->gone(t->arg, index);
	}
}

static void settle(struct netif_table *t)
{
	for (size_t i = t->count; i-- > 0;) {
		row_settle(t, &t->rows[i]);
		if (!t->rows[i].linked)
			t->rows[i] = t->rows[--t->count];
	}
}

static enum netif_ask dump_done(struct netif_table *t, const struct nlmsghdr *h)
{
	if (h->nlmsg_seq != t->seq || t->dumping == NETIF_ASK_NOTHING)
		return NETIF_ASK_NOTHING;
	if (h->nlmsg_type == NLMSG_ERROR)
		return NETIF_ASK_LATER;
	if (t->interrupted)
		return netif_restart(t);
	if (t->dumping == NETIF_ASK_LINKS)
		return dump(t, NETIF_ASK_ADDRS);
	t->dumping = NETIF_ASK_NOTHING;
	return NETIF_ASK_NOTHING;
}

/* NLMSG_OK() and NLMSG_NEXT() without their mixing of signed and unsigned. */
static bool message_ok(const struct nlmsghdr *h, size_t left)
{
	return left >= sizeof *h && h->nlmsg_len >= sizeof *h && h->nlmsg_len <= left;
}

static const struct nlmsghdr *message_next(const struct nlmsghdr *h, size_t *left)
{
	size_t step = NLMSG_ALIGN(h->nlmsg_len);

	*left -= step < *left ? step : *left;
	return (const struct nlmsghdr *)(const void *)((const char *)h + step);
}

enum netif_ask netif_input(struct netif_table *t, const void *p, size_t n)
{
	enum netif_ask ask = NETIF_ASK_NOTHING;

	for (const struct nlmsghdr *h = p; message_ok(h, n); h = message_next(h, &n)) {
		t->interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		switch (h->nlmsg_type) {
		case RTM_NEWLINK:
		case RTM_DELLINK: take_link(t, h); break;
		case RTM_NEWADDR:
		case RTM_DELADDR: take_addr(t, h); break;
		case NLMSG_DONE:
		case NLMSG_ERROR: ask = dump_done(t, h); break;
		default: break;
		}
	}
	if (t->dumping == NETIF_ASK_NOTHING)
		settle(t);
	return ask;
}

const struct netif *netif_next(const struct netif_table *t, size_t *at)
{
	while (*at < t->count) {
		const struct netif *told = &t->rows[(*at)++].told;

		if (told->index != 0)
			return told;
	}
	return NULL;
}

bool netif_addr_is_link_local(const struct netif_addr *a)
{
	if (a->family == AF_INET6)
		return IN6_IS_ADDR_LINKLOCAL(&a->ip6);
	return (ntohl(a->ip4.s_addr) >> 16) == 0xa9fe; /* 169.254.0.0/16 */
}

bool netif_addr_is_loopback(const struct netif_addr *a)
{
	if (a->family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->ip6);
	return (ntohl(a->ip4.s_addr) >> 24) == 127;
}

static bool same_bits(const void *a, const void *b, unsigned bits)
{
	const uint8_t *x = a, *y = b;

	if (memcmp(x, y, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (x[bits / 8] ^ y[bits / 8]) >> (8 - bits % 8) == 0;
}

static bool in_network(const struct netif_addr *a, const struct sockaddr *sa, bool whole)
{
	if (a->family != sa->sa_family)
		return false;
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		return same_bits(&a->ip4, &in->sin_addr, whole || a->prefix > 32 ? 32 : a->prefix);
	}
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

	return same_bits(&a->ip6, &in6->sin6_addr, whole || a->prefix > 128 ? 128 : a->prefix);
}

bool netif_owns(const struct netif *nif, const struct sockaddr *sa)
{
	for (size_t i = 0; i < nif->count; i++)
		if (in_network(&nif->addrs[i], sa, true))
			return true;
	return false;
}

bool netif_on_link(const struct netif *nif, const struct sockaddr *sa)
{
	for (size_t i = 0; i < nif->count; i++)
		if (in_network(&nif->addrs[i], sa, false))
			return true;
	return false;
}
