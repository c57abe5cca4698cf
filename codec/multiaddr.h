/* Multiaddrs: self-describing network addresses, binary and text.
 * Source: multiformats multiaddr; table in protocols of multiaddr.c. */
#ifndef CODEC_MULTIADDR_H
#define CODEC_MULTIADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "codec/peer_id.h"

#define MULTIADDR_MAX  256 /* bytes of binary form accepted */
#define MULTIADDR_TEXT 512 /* room for text with its zero */

struct multiaddr {
	uint16_t len;
	uint8_t bytes[MULTIADDR_MAX];
};

/* Each returns 0, or -1 when it is empty, too long, malformed or holds an unknown protocol. */
int multiaddr_from_bytes(struct multiaddr *a, const uint8_t *p, size_t n);
int multiaddr_from_text(struct multiaddr *a, const char *text, size_t n);

/* The text of any valid address, which always fits. */
void multiaddr_to_text(const struct multiaddr *a, char out[MULTIADDR_TEXT]);

/* Byte for byte. */
bool multiaddr_equal(const struct multiaddr *a, const struct multiaddr *b);

/* "/ip4/.../tcp/..." from a socket address (AF_INET or AF_INET6, zone by name when link-local).
 * Returns 0 or -1. */
int multiaddr_from_sockaddr(struct multiaddr *a, const struct sockaddr *sa);

/* What we can dial: [/ip6zone]/ip4|ip6/tcp, optionally followed by /p2p and nothing else. Fills the
 * socket address. Returns its length, or 0 when the address is of another shape. */
socklen_t multiaddr_to_sockaddr(const struct multiaddr *a, struct sockaddr_storage *out);

/* The last /p2p component. Returns 0, or -1 when there is none. */
int multiaddr_peer(const struct multiaddr *a, struct peer_id *id);

/* Removes a trailing /p2p. */
void multiaddr_strip_peer(struct multiaddr *a);

/* Of the first component, when it is an IP address. */
bool multiaddr_is_loopback(const struct multiaddr *a); /* or unspecified, which reaches the same */
bool multiaddr_is_link_local(const struct multiaddr *a);
bool multiaddr_is_private(const struct multiaddr *a); /* RFC 1918, 4193, link-local, loopback */
bool multiaddr_is_ip4(const struct multiaddr *a);

#endif
