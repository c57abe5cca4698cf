#include "svc-transport/tcp.h"

#include <ctype.h>
#include <errno.h>
#include <linux/tcp.h> /* netinet/tcp.h knows but half of struct tcp_info */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "svc-transport/limits.h"

#define BACKLOG      1024
#define PORT_TRIES   32  /* a port free for IPv4 may be taken for IPv6 */
#define ACCEPT_RESTS 200 /* ms without accepting when descriptors have run out */
#define NO_LISTENER  (-1)
#define NO_FAMILY    (-2)

/* Of struct tcp_info: RFC 9293 section 3.3.2, numbered as the kernel's net/tcp_states.h does. */
enum { STATE_FIN_WAIT2 = 5, STATE_TIME_WAIT = 6, STATE_CLOSE = 7 };

struct tcp_listener {
	struct loop *loop;
	tcp_accept_fn *accept;
	void *arg;
	int fd4, fd6; /* NO_LISTENER when the host does not have that family */
	struct watch *watch4, *watch6;
	struct timer *rest;
	uint16_t port;
	struct log_limit limit;
};

/* errno as people write it in the middle of a line: "connection refused". */
static void reason(char *why, int error)
{
	snprintf(why, TCP_WHY, "%s", strerror(error));
	if (islower((unsigned char)why[1]))
		why[0] = (char)tolower((unsigned char)why[0]);
}

/* ----------------------------------------------------------------------------------- listening */

static socklen_t any_address(int family, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	out->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		((struct sockaddr_in *)out)->sin_port = htons(port);
		return sizeof(struct sockaddr_in);
	}
	((struct sockaddr_in6 *)out)->sin6_port = htons(port);
	return sizeof(struct sockaddr_in6);
}

/* A listening socket, NO_FAMILY when the host has no such addresses, or NO_LISTENER with errno. */
static int listen_on(int family, uint16_t port)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa;
	socklen_t len = any_address(family, port, &sa);
	int on = 1, saved;

	if (fd < 0)
		return errno == EAFNOSUPPORT ? NO_FAMILY : NO_LISTENER;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return saved == EADDRNOTAVAIL ? NO_FAMILY : NO_LISTENER;
}

/* Both sockets on one port. Returns 0, or -1 with errno. */
static int listen_both(struct tcp_listener *l, uint16_t port)
{
	int saved;

	l->fd4 = listen_on(AF_INET, port);
	if (l->fd4 == NO_LISTENER)
		return -1;
	if (l->fd4 >= 0)
		port = descriptor_port(l->fd4);
	l->fd6 = listen_on(AF_INET6, port);
	if (l->fd6 >= 0)
		port = descriptor_port(l->fd6);
	if (l->fd6 != NO_LISTENER && (l->fd4 >= 0 || l->fd6 >= 0)) {
		l->port = port;
		return 0;
	}
	saved = errno;
	if (l->fd4 >= 0)
		close(l->fd4);
	errno = saved;
	return -1;
}

static int listen_somewhere(struct tcp_listener *l, uint16_t port)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		if (listen_both(l, port) == 0)
			return 0;
		if (port != 0 || errno != EADDRINUSE)
			break;
	}
	return -1;
}

static void explain(char *why, uint16_t port)
{
	char text[TCP_WHY];

	if (errno == EADDRINUSE) {
		snprintf(why, TCP_WHY,
		    "p2p.listen_port: TCP port %u is in use by another program (ss -ltnp shows "
		    "which); choose another, or 0 to let the system pick",
		    port);
	} else if (errno == EACCES) {
		snprintf(why, TCP_WHY,
		    "p2p.listen_port: no permission to listen on TCP port %u; choose one above "
		    "1023, or 0",
		    port);
	} else {
		reason(text, errno);
		snprintf(why, TCP_WHY, "p2p.listen_port: TCP port %u: %.80s", port, text);
	}
}

static void rest(struct tcp_listener *l, int error)
{
	if (log_allowed(&l->limit, 3, "tcp"))
		log_warn("tcp", "cannot accept connections for a moment: %s", strerror(error));
	if (l->watch4 != NULL)
		watch_set(l->watch4, 0);
	if (l->watch6 != NULL)
		watch_set(l->watch6, 0);
	timer_start(l->rest, ACCEPT_RESTS);
}

static void rested(void *arg)
{
	struct tcp_listener *l = arg;

	if (l->watch4 != NULL)
		watch_set(l->watch4, WATCH_READ);
	if (l->watch6 != NULL)
		watch_set(l->watch6, WATCH_READ);
}

static void options(int fd)
{
	unsigned unacked = LIMIT_TCP_UNACKED_MS;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof unacked);
}

static bool out_of_descriptors(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void accept_some(struct tcp_listener *l, int listener)
{
	for (int i = 0; i < LIMIT_ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		int fd =
		    accept4(listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			options(fd);
			l->accept(l->arg, fd, (struct sockaddr *)&from);
		} else if (out_of_descriptors(errno)) {
			rest(l, errno);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static void ready4(void *arg, int events)
{
	struct tcp_listener *l = arg;

	(void)events;
	accept_some(l, l->fd4);
}

static void ready6(void *arg, int events)
{
	struct tcp_listener *l = arg;

	(void)events;
	accept_some(l, l->fd6);
}

struct tcp_listener *tcp_listen(
    struct loop *loop, uint16_t port, tcp_accept_fn *accept, void *arg, char *why)
{
	struct tcp_listener *l = xcalloc(1, sizeof *l);

	*l = (struct tcp_listener){.loop = loop, .accept = accept, .arg = arg};
	if (listen_somewhere(l, port) != 0) {
		explain(why, port);
		free(l);
		return NULL;
	}
	l->rest = timer_new(loop, rested, l);
	return l;
}

void tcp_listener_start(struct tcp_listener *l)
{
	if (l->fd4 >= 0)
		l->watch4 = watch_new(l->loop, l->fd4, ready4, l);
	if (l->fd6 >= 0)
		l->watch6 = watch_new(l->loop, l->fd6, ready6, l);
	rested(l);
}

void tcp_listener_free(struct tcp_listener *l)
{
	if (l == NULL)
		return;
	watch_free(l->watch4);
	watch_free(l->watch6);
	timer_free(l->rest);
	if (l->fd4 >= 0)
		close(l->fd4);
	if (l->fd6 >= 0)
		close(l->fd6);
	free(l);
}

uint16_t tcp_listener_port(const struct tcp_listener *l)
{
	return l->port;
}

void tcp_listener_text(const struct tcp_listener *l, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	if (l->fd4 >= 0)
		n = (size_t)snprintf(out, size, "0.0.0.0:%u", l->port);
	if (l->fd6 >= 0 && n < size)
		snprintf(out + n, size - n, "%s[::]:%u", n > 0 ? ", " : "", l->port);
}

/* ------------------------------------------------------------------------------------- sockets */

int tcp_connect(const struct sockaddr *to, socklen_t len, char *why)
{
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		reason(why, errno);
		return -1;
	}
	options(fd);
	if (connect(fd, to, len) == 0 || errno == EINPROGRESS)
		return fd;
	reason(why, errno);
	close(fd);
	return -1;
}

int tcp_connected(int fd, char *why)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0)
		return 0;
	reason(why, error);
	return -1;
}

static long outcome(ssize_t n, char *why)
{
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return TCP_AGAIN;
	reason(why, errno);
	return TCP_BROKEN;
}

long tcp_read(int fd, void *p, size_t n, char *why)
{
	return outcome(recv(fd, p, n, 0), why);
}

long tcp_write(int fd, const void *p, size_t n, char *why)
{
	return outcome(send(fd, p, n, MSG_NOSIGNAL), why);
}

void tcp_finish(int fd)
{
	shutdown(fd, SHUT_WR);
}

bool tcp_delivered(int fd, uint64_t *acked)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return true;
	*acked = info.tcpi_bytes_acked;
	return info.tcpi_state == STATE_FIN_WAIT2 || info.tcpi_state == STATE_TIME_WAIT ||
	       info.tcpi_state == STATE_CLOSE;
}

void tcp_close(int fd)
{
	tcp_finish(fd);
	close(fd);
}
