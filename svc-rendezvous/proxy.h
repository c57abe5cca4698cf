/* Where a client really is: the TCP peer, or what a trusted proxy says of it. No I/O. */
#ifndef SVC_RENDEZVOUS_PROXY_H
#define SVC_RENDEZVOUS_PROXY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define PROXY_MAX 32

/* Proxies besides loopback, by their address. */
struct proxy_list {
	struct in6_addr trusted[PROXY_MAX]; /* IPv4 as mapped addresses */
	size_t count;
};

/* Parses "10.0.0.1, 2001:db8::7". 0, or -1 when an entry is no IP address or there are too many. */
int proxy_list_parse(struct proxy_list *list, const char *text);

/* The address whose limits count, as a key: "192.0.2.7"; of an IPv6 address its network of 64
 * bits, "2001:db8:1:2::/64", since that is what one customer has. `peer` is the TCP peer;
 * `forwarded` its X-Forwarded-For header or NULL. Only the last hop is believed, and only of a
 * loopback or trusted peer; of those alone `*proxied` is true. */
#define PROXY_KEY 52
void proxy_client(const struct proxy_list *list, const char *peer, const char *forwarded,
    char key[PROXY_KEY], bool *proxied);

/* Is the TCP peer loopback or a trusted proxy? */
bool proxy_is_trusted(const struct proxy_list *list, const struct sockaddr *peer);
bool proxy_is_loopback(const char *peer);

/* Does a header `Host` (NULL for none) name this machine as only programs on it do: no name at all,
 * localhost, or a loopback address? */
bool proxy_names_loopback(const char *host);

/* The key of a socket address. */
void proxy_key(const struct sockaddr *peer, char key[PROXY_KEY]);

#endif
