/* The packets of libp2p's mDNS discovery, built and parsed. No I/O.
 * Source: libp2p specs, discovery/mdns; RFC 6762 and 6763; the shapes that go-libp2p (zeroconf),
 * js-libp2p and rust-libp2p really send (tests/unit/discovery/test_mdns.c has one of each). Names
 * are compared as exact bytes, as go does.
 *
 * What we send is one shape for answers, announcements and goodbyes, since it is the one that all
 * three accept: PTR in the answer section, SRV, TXT and A/AAAA additional, never apart. */
#ifndef SVC_DISCOVERY_MDNS_H
#define SVC_DISCOVERY_MDNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/multiaddr.h"
#include "codec/peer_id.h"

#define MDNS_PORT        5353
#define MDNS_PACKET      1400 /* bytes we send at most: larger ones get lost (go-libp2p #3415) */
#define MDNS_TTL         120  /* seconds */
#define MDNS_LABEL       63
#define MDNS_NAME        255
#define MDNS_ADDRS_MAX   16 /* taken of one peer */
#define MDNS_ENTRIES_MAX 8  /* peers taken from one packet */
#define MDNS_STRING      255

/* A name in wire form, the root label included. */
struct mdns_name {
	size_t len;
	uint8_t bytes[MDNS_NAME];
};

struct mdns_names {
	struct mdns_name service;  /* <tag>.local. */
	struct mdns_name instance; /* <instance>.<tag>.local. */
	struct mdns_name host;     /* <instance>.local. */
};

/* `tag` is p2p.mdns_tag; its dots separate labels. `instance` is one label. Returns 0; or -1 when
 * they make no names (empty or too long label, a comma, too long altogether). */
int mdns_names_init(struct mdns_names *names, const char *tag, const char *instance);

/* Builds the question for the service. Returns its size; 0 when it does not fit. */
size_t mdns_build_query(const struct mdns_names *names, uint16_t id, uint8_t *out, size_t size);

struct mdns_answer {
	uint16_t id;
	uint32_t ttl;  /* seconds; 0 says goodbye */
	uint16_t port; /* in SRV; nobody reads it */
	/* "dnsaddr=/ip4/.../p2p/<id>", each at most MDNS_STRING bytes: the one TXT record. */
	const char *const *strings;
	size_t count;
	const struct in_addr *ip4; /* A and AAAA of the host; NULL leaves the record out */
	const struct in6_addr *ip6;
};

/* Bytes that are left for the strings of one answer, each counted with one byte of length. */
size_t mdns_answer_room(const struct mdns_names *names);

/* Returns the size; 0 when it does not fit. */
size_t mdns_build_answer(
    const struct mdns_names *names, const struct mdns_answer *answer, uint8_t *out, size_t size);

/* A peer that a packet speaks of. */
struct mdns_entry {
	char instance[MDNS_LABEL + 1]; /* raw bytes of the label, `instance_len` of them */
	size_t instance_len;
	uint32_t ttl; /* seconds; 0: it says goodbye (then the rest may be missing) */
	size_t count; /* addresses; the peer id is valid when there is at least one */
	struct peer_id peer;
	struct multiaddr addrs[MDNS_ADDRS_MAX]; /* without /p2p; all can be dialled */
};

struct mdns_packet {
	uint16_t id;
	bool asks;    /* a query for our service that does not list us as known */
	bool unicast; /* the asker wants the answer for itself */
	size_t count;
	struct mdns_entry entries[MDNS_ENTRIES_MAX];
};

/* Parses what concerns our service; our own instance is left out. Returns 0, or -1 when the packet
 * is not well-formed. */
int mdns_parse(const struct mdns_names *names, const uint8_t *p, size_t n, struct mdns_packet *out);

#endif
