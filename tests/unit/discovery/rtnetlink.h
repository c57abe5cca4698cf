/* Writes rtnetlink datagrams as the kernel would. */
#ifndef TESTS_UNIT_DISCOVERY_RTNETLINK_H
#define TESTS_UNIT_DISCOVERY_RTNETLINK_H

#include "tests/unit/testing.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "svc-discovery/netif.h"

#define RUNNING (IFF_UP | IFF_RUNNING | IFF_MULTICAST)

struct datagram {
	_Alignas(struct nlmsghdr) char p[4096];
	size_t n;
};

static inline void *append(struct datagram *d, const void *p, size_t n)
{
	void *at = d->p + d->n;

	memcpy(at, p, n);
	memset(d->p + d->n + n, 0, NLMSG_ALIGN(n) - n);
	d->n += NLMSG_ALIGN(n);
	return at;
}

static inline void put_attr(struct datagram *d, size_t start, int type, const void *p, size_t n)
{
	struct rtattr a = {
	    .rta_type = (unsigned short)type, .rta_len = (unsigned short)RTA_LENGTH(n)};

	append(d, &a, sizeof a);
	append(d, p, n);
	((struct nlmsghdr *)(void *)(d->p + start))->nlmsg_len = (uint32_t)(d->n - start);
}

static inline size_t put_head(
    struct datagram *d, int type, unsigned flags, uint32_t seq, const void *p, size_t n)
{
	struct nlmsghdr h = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(n),
	    .nlmsg_type = (uint16_t)type,
	    .nlmsg_flags = (uint16_t)flags,
	    .nlmsg_seq = seq};
	size_t start = d->n;

	append(d, &h, sizeof h);
	append(d, p, n);
	return start;
}

static inline void put_link(
    struct datagram *d, int type, int index, const char *name, unsigned flags)
{
	struct ifinfomsg info = {.ifi_index = index, .ifi_flags = flags};
	size_t start = put_head(d, type, 0, 0, &info, sizeof info);

	put_attr(d, start, IFLA_IFNAME, name, strlen(name) + 1);
}

static inline void put_addr(
    struct datagram *d, int type, int index, const char *text, uint8_t prefix, uint32_t flags)
{
	bool ip4 = strchr(text, ':') == NULL;
	struct ifaddrmsg info = {.ifa_family = ip4 ? AF_INET : AF_INET6,
	    .ifa_prefixlen = prefix,
	    .ifa_index = (unsigned)index};
	size_t start = put_head(d, type, 0, 0, &info, sizeof info);
	uint8_t raw[16];

	assert_int_equal(inet_pton(info.ifa_family, text, raw), 1);
	put_attr(d, start, ip4 ? IFA_LOCAL : IFA_ADDRESS, raw, ip4 ? 4 : 16);
	put_attr(d, start, IFA_FLAGS, &flags, sizeof flags);
}

static inline void put_done(struct datagram *d, struct netif_table *t, unsigned flags)
{
	int zero = 0;

	put_head(d, NLMSG_DONE, flags, netif_seq(t), &zero, sizeof zero);
}

#endif
