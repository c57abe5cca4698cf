#include "svc-discovery/mdns_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "svc-discovery/mdns.h"

#define READS_A_TURN 64
#define DATAGRAM     9000        /* RFC 6762, 17 */
#define GROUP_IP4    0xe00000fbu /* 224.0.0.251 */
#define TTL          255

static const struct in6_addr group_ip6 = {
    .s6_addr = {0xff, 0x02, [15] = 0xfb}, /* ff02::fb */
};

/* Room for the one control message that either family needs. */
union control {
	struct cmsghdr align;
	char ip4[CMSG_SPACE(sizeof(struct in_pktinfo))];
	char ip6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct mdns_socket {
	mdns_socket_fn *fn;
	void *arg;
	int ip4, ip6; /* -1: not to be had */
	struct watch *watch4, *watch6;
	struct log_limit log;
	uint8_t datagram[DATAGRAM];
};

/* --- opening ---------------------------------------------------------------------------------- */

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

static int set_ip4(int fd)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};

	/* Without MULTICAST_ALL = 0 the groups that other programs join would come in, too. */
	if (set(fd, IPPROTO_IP, IP_PKTINFO, 1) < 0 ||
	    set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) < 0 ||
	    set(fd, IPPROTO_IP, IP_MULTICAST_TTL, TTL) < 0 ||
	    set(fd, IPPROTO_IP, IP_TTL, TTL) < 0 || set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) < 0)
		return -1;
	return bind(fd, (struct sockaddr *)&any, sizeof any);
}

static int set_ip6(int fd)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(MDNS_PORT)};

	if (set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0 ||
	    set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) < 0 ||
	    set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0) < 0 ||
	    set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, TTL) < 0 ||
	    set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, TTL) < 0 ||
	    set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1) < 0)
		return -1;
	return bind(fd, (struct sockaddr *)&any, sizeof any);
}

static int open_socket(sa_family_t family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		goto fail;
	/* Other peers and a system's own responder share the port. */
	if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 || set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
		goto fail;
	if ((family == AF_INET ? set_ip4(fd) : set_ip6(fd)) < 0)
		goto fail;
	return fd;
fail:
	log_warn("mdns", "no %s socket on UDP %d: %s", family == AF_INET ? "IPv4" : "IPv6",
	    MDNS_PORT, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_info(struct msghdr *m, struct mdns_socket_packet *packet)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			packet->ifindex = (unsigned)info.ipi_ifindex;
			packet->to_group = ntohl(info.ipi_addr.s_addr) == GROUP_IP4;
			return true;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			packet->ifindex = info.ipi6_ifindex;
			packet->to_group = IN6_ARE_ADDR_EQUAL(&info.ipi6_addr, &group_ip6);
			return true;
		}
	}
	return false;
}

/* Returns false when there is nothing more to read. */
static bool read_one(struct mdns_socket *s, int fd)
{
	union control control;
	struct sockaddr_storage from;
	struct iovec iov = {.iov_base = s->datagram, .iov_len = sizeof s->datagram};
	struct msghdr m = {
	    .msg_name = &from,
	    .msg_namelen = sizeof from,
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control,
	};
	struct mdns_socket_packet packet = {.from = (struct sockaddr *)&from, .data = s->datagram};
	ssize_t n = recvmsg(fd, &m, 0);

	if (n < 0)
		return errno == EINTR;
	packet.len = (size_t)n;
	if ((m.msg_flags & MSG_TRUNC) == 0 && read_info(&m, &packet))
		s->fn(s->arg, &packet);
	return true;
}

static void on_ip4(void *arg, int events)
{
	struct mdns_socket *s = arg;

	(void)events;
	for (int i = 0; i < READS_A_TURN && read_one(s, s->ip4); i++)
		;
}

static void on_ip6(void *arg, int events)
{
	struct mdns_socket *s = arg;

	(void)events;
	for (int i = 0; i < READS_A_TURN && read_one(s, s->ip6); i++)
		;
}

/* --- the rest --------------------------------------------------------------------------------- */

struct mdns_socket *mdns_socket_new(struct loop *loop, mdns_socket_fn *fn, void *arg)
{
	struct mdns_socket *s = xcalloc(1, sizeof *s);

	s->fn = fn;
	s->arg = arg;
	s->ip4 = open_socket(AF_INET);
	s->ip6 = open_socket(AF_INET6);
	if (s->ip4 >= 0) {
		s->watch4 = watch_new(loop, s->ip4, on_ip4, s);
		watch_set(s->watch4, WATCH_READ);
	}
	if (s->ip6 >= 0) {
		s->watch6 = watch_new(loop, s->ip6, on_ip6, s);
		watch_set(s->watch6, WATCH_READ);
	}
	return s;
}

void mdns_socket_free(struct mdns_socket *s)
{
	if (s == NULL)
		return;
	watch_free(s->watch4);
	watch_free(s->watch6);
	if (s->ip4 >= 0)
		close(s->ip4);
	if (s->ip6 >= 0)
		close(s->ip6);
	free(s);
}

const char *mdns_socket_families(const struct mdns_socket *s)
{
	if (s->ip4 >= 0)
		return s->ip6 >= 0 ? "ip4 ip6" : "ip4";
	return s->ip6 >= 0 ? "ip6" : "none";
}

static const struct netif_addr *first_of(const struct netif *nif, sa_family_t family)
{
	for (size_t i = 0; i < nif->count; i++)
		if (nif->addrs[i].family == family)
			return &nif->addrs[i];
	return NULL;
}

static void joined(struct mdns_socket *s, const struct netif *nif, int r)
{
	if (r < 0 && errno != EADDRINUSE && log_allowed(&s->log, 10, "mdns"))
		log_warn("mdns", "join on %s: %s", nif->name, strerror(errno));
}

void mdns_socket_join(struct mdns_socket *s, const struct netif *nif)
{
	struct ip_mreqn ip4 = {.imr_ifindex = (int)nif->index};
	struct ipv6_mreq ip6 = {.ipv6mr_multiaddr = group_ip6, .ipv6mr_interface = nif->index};

	ip4.imr_multiaddr.s_addr = htonl(GROUP_IP4);
	if (s->ip4 >= 0 && first_of(nif, AF_INET) != NULL)
		joined(s, nif, setsockopt(s->ip4, IPPROTO_IP, IP_ADD_MEMBERSHIP, &ip4, sizeof ip4));
	if (s->ip6 >= 0 && first_of(nif, AF_INET6) != NULL)
		joined(s, nif,
		    setsockopt(s->ip6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &ip6, sizeof ip6));
}

void mdns_socket_leave(struct mdns_socket *s, unsigned ifindex)
{
	struct ip_mreqn ip4 = {.imr_ifindex = (int)ifindex};
	struct ipv6_mreq ip6 = {.ipv6mr_multiaddr = group_ip6, .ipv6mr_interface = ifindex};

	ip4.imr_multiaddr.s_addr = htonl(GROUP_IP4);
	/* It may have left with the interface itself. */
	if (s->ip4 >= 0)
		(void)setsockopt(s->ip4, IPPROTO_IP, IP_DROP_MEMBERSHIP, &ip4, sizeof ip4);
	if (s->ip6 >= 0)
		(void)setsockopt(s->ip6, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, &ip6, sizeof ip6);
}

/* The interface and our address on it go with each packet: so no multicast route is needed. */
static int send_ip4(
    struct mdns_socket *s, const struct netif *nif, const struct sockaddr *to, struct iovec *iov)
{
	struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
	const struct netif_addr *own = first_of(nif, AF_INET);
	struct in_pktinfo info = {.ipi_ifindex = (int)nif->index};
	union control control = {0};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 1, .msg_control = &control};
	struct cmsghdr *c = &control.align;

	group.sin_addr.s_addr = htonl(GROUP_IP4);
	if (own != NULL)
		info.ipi_spec_dst = own->ip4;
	m.msg_name = to != NULL ? (void *)(uintptr_t)to : &group;
	m.msg_namelen = sizeof group;
	m.msg_controllen = CMSG_SPACE(sizeof info);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return sendmsg(s->ip4, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int send_ip6(
    struct mdns_socket *s, const struct netif *nif, const struct sockaddr *to, struct iovec *iov)
{
	struct sockaddr_in6 group = {
	    .sin6_family = AF_INET6,
	    .sin6_port = htons(MDNS_PORT),
	    .sin6_addr = group_ip6,
	    .sin6_scope_id = nif->index,
	};
	struct in6_pktinfo info = {.ipi6_ifindex = nif->index};
	union control control = {0};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 1, .msg_control = &control};
	struct cmsghdr *c = &control.align;

	m.msg_name = to != NULL ? (void *)(uintptr_t)to : &group;
	m.msg_namelen = sizeof group;
	m.msg_controllen = CMSG_SPACE(sizeof info);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return sendmsg(s->ip6, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

void mdns_socket_send(struct mdns_socket *s, const struct netif *nif, sa_family_t family,
    const struct sockaddr *to, const uint8_t *p, size_t n)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	int r = 0;

	if (family == AF_INET && s->ip4 >= 0)
		r = send_ip4(s, nif, to, &iov);
	else if (family == AF_INET6 && s->ip6 >= 0)
		r = send_ip6(s, nif, to, &iov);
	if (r < 0 && log_allowed(&s->log, 10, "mdns"))
		log_debug("mdns", "send on %s: %s", nif->name, strerror(errno));
}
