#include "svc-discovery/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

#define READS_A_TURN 64
#define DATAGRAM     32768 /* what the kernel fills at most in one part of a dump */
#define RETRY_MS     200   /* after a dump that the kernel was too busy for */

struct netlink {
	struct netif_table *table;
	struct watch *watch;
	struct timer *retry;
	int fd;
	_Alignas(struct nlmsghdr) char datagram[DATAGRAM];
};

static void ask(struct netlink *n, enum netif_ask what)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg family;
	} q = {0};

	if (what == NETIF_ASK_NOTHING)
		return;
	if (what == NETIF_ASK_LATER) {
		timer_start(n->retry, RETRY_MS);
		return;
	}
	q.h.nlmsg_len = NLMSG_LENGTH(sizeof q.family);
	q.h.nlmsg_type = what == NETIF_ASK_LINKS ? RTM_GETLINK : RTM_GETADDR;
	q.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	q.h.nlmsg_seq = netif_seq(n->table);
	q.family.rtgen_family = AF_UNSPEC;
	if (send(n->fd, &q, q.h.nlmsg_len, 0) < 0) {
		log_warn("netlink", "ask: %s", strerror(errno));
		timer_start(n->retry, RETRY_MS);
	}
}

static void on_retry(void *arg)
{
	struct netlink *n = arg;

	ask(n, netif_restart(n->table));
}

static void on_readable(void *arg, int events)
{
	struct netlink *n = arg;

	(void)events;
	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t got = recv(n->fd, n->datagram, sizeof n->datagram, 0);

		if (got >= 0) {
			ask(n, netif_input(n->table, n->datagram, (size_t)got));
		} else if (errno == ENOBUFS) {
			log_info("netlink", "the kernel dropped messages: asking anew");
			ask(n, netif_restart(n->table));
		} else if (errno != EINTR) {
			return;
		}
	}
}

struct netlink *netlink_new(struct loop *loop, struct netif_table *table)
{
	const int flags = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct sockaddr_nl to = {
	    .nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	struct netlink *n = xcalloc(1, sizeof *n);

	n->table = table;
	n->fd = socket(AF_NETLINK, flags, NETLINK_ROUTE);
	if (n->fd < 0 || bind(n->fd, (struct sockaddr *)&to, sizeof to) < 0)
		fatal("netlink", "socket: %s", strerror(errno));
	n->watch = watch_new(loop, n->fd, on_readable, n);
	watch_set(n->watch, WATCH_READ);
	n->retry = timer_new(loop, on_retry, n);
	ask(n, netif_restart(n->table));
	return n;
}

void netlink_free(struct netlink *n)
{
	if (n == NULL)
		return;
	watch_free(n->watch);
	timer_free(n->retry);
	close(n->fd);
	free(n);
}
