#include "http/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/str.h"

#define BACKLOG 1024

/* Splits at the last colon; brackets around an IPv6 address go away. */
static bool split(const char *text, char *host, size_t size, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	const char *end = colon;
	uint64_t v;

	if (colon == NULL || !str_to_u64(colon + 1, 0, UINT16_MAX, &v))
		return false;
	if (*text == '[') {
		text++;
		if (end <= text || *--end != ']')
			return false;
	} else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
		return false;
	}
	if ((size_t)(end - text) >= size)
		return false;
	memcpy(host, text, (size_t)(end - text));
	host[end - text] = '\0';
	*port = (uint16_t)v;
	return true;
}

static void set_ipv4(struct http_address *a, struct in_addr addr)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->sa;

	in->sin_family = AF_INET;
	in->sin_addr = addr;
	in->sin_port = htons(a->port);
	a->len = sizeof(*in);
	a->any = addr.s_addr == htonl(INADDR_ANY);
	inet_ntop(AF_INET, &addr, a->host, sizeof(a->host));
}

static void set_ipv6(struct http_address *a, struct in6_addr addr)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->sa;

	in6->sin6_family = AF_INET6;
	in6->sin6_addr = addr;
	in6->sin6_port = htons(a->port);
	a->len = sizeof(*in6);
	a->any = IN6_IS_ADDR_UNSPECIFIED(&addr);
	inet_ntop(AF_INET6, &addr, a->host, sizeof(a->host));
}

int http_listen_parse(
    const char *key, const char *text, struct http_address *out, char error[HTTP_LISTEN_ERROR])
{
	char host[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;

	*out = (struct http_address){0};
	if (!split(text, host, sizeof(host), &out->port)) {
		snprintf(error, HTTP_LISTEN_ERROR,
		    "%s: expected \"address:port\" as in \"127.0.0.1:8080\", found \"%.100s\"", key,
		    text);
		return -1;
	}
	if (strcmp(host, "localhost") == 0)
		str_copy(host, sizeof(host), "127.0.0.1");
	if (host[0] == '\0')
		set_ipv6(out, in6addr_any);
	else if (inet_pton(AF_INET, host, &v4) == 1)
		set_ipv4(out, v4);
	else if (inet_pton(AF_INET6, host, &v6) == 1)
		set_ipv6(out, v6);
	else {
		snprintf(error, HTTP_LISTEN_ERROR,
		    "%s: expected an IP address or localhost before the port, found \"%.100s\"",
		    key, text);
		return -1;
	}
	return 0;
}

static int bound_socket(const struct http_address *a)
{
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0, saved;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, a->any ? &off : &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void explain(const char *key, const struct http_address *a, char error[HTTP_LISTEN_ERROR])
{
	const char *open = strchr(a->host, ':') != NULL ? "[" : "", *close = *open ? "]" : "";

	if (errno == EADDRINUSE)
		snprintf(error, HTTP_LISTEN_ERROR,
		    "%s: port %u of %s is already used by another program (ss -ltnp shows which); "
		    "stop it or choose another port",
		    key, a->port, a->host);
	else if (errno == EADDRNOTAVAIL)
		snprintf(error, HTTP_LISTEN_ERROR, "%s: %s is not an address of this machine", key,
		    a->host);
	else
		snprintf(error, HTTP_LISTEN_ERROR, "%s: cannot listen on %s%s%s:%u: %s", key, open,
		    a->host, close, a->port, strerror(errno));
}

union endpoint {
	struct sockaddr_storage any;
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

int http_listen_open(const char *key, struct http_address *address, char error[HTTP_LISTEN_ERROR])
{
	int fd = bound_socket(address);

	/* A machine without IPv6 has no "::"; every address then means every IPv4 address. */
	if (fd < 0 && errno == EAFNOSUPPORT && address->any) {
		set_ipv4(address, (struct in_addr){htonl(INADDR_ANY)});
		fd = bound_socket(address);
	}
	if (fd < 0) {
		explain(key, address, error);
		return -1;
	}
	address->port = descriptor_port(fd);
	return fd;
}

static bool is_listening(int fd)
{
	int on = 0;
	socklen_t size = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on != 0;
}

int http_listen_adopt(
    const char *key, int fd, struct http_address *address, char error[HTTP_LISTEN_ERROR])
{
	union endpoint at = {0};
	socklen_t len = sizeof(at);

	*address = (struct http_address){0};
	if (!is_listening(fd) || getsockname(fd, &at.sa, &len) != 0 ||
	    (at.sa.sa_family != AF_INET && at.sa.sa_family != AF_INET6)) {
		snprintf(error, HTTP_LISTEN_ERROR, "%s: descriptor %d is no listening TCP socket",
		    key, fd);
		return -1;
	}
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		snprintf(error, HTTP_LISTEN_ERROR, "%s: %s", key, strerror(errno));
		return -1;
	}
	address->port = descriptor_port(fd);
	if (at.sa.sa_family == AF_INET)
		set_ipv4(address, at.in.sin_addr);
	else
		set_ipv6(address, at.in6.sin6_addr);
	return 0;
}
