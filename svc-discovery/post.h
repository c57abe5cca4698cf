/* What svc-discovery says to its neighbours and hears from the transport: each message of
 * proto/messages.h as a function. What a neighbour that is away would have heard is lost; it is
 * told everything when it comes back. */
#ifndef SVC_DISCOVERY_POST_H
#define SVC_DISCOVERY_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/peer_id.h"
#include "codec/presence.h"
#include "proto/link.h"
#include "proto/msg.h"
#include "proto/protocols.h"
#include "svc-discovery/addresses.h"
#include "svc-discovery/mdns_heard.h"
#include "svc-discovery/people.h"

/* Who says so, in ADDRS. What a source says replaces what it said before of that peer. */
enum post_source { POST_MDNS = 1, POST_GOSSIP = 2, POST_RENDEZVOUS = 3 };

/* To the transport. A TTL of 0 takes the addresses back. */
void post_self_addrs(struct link *l, const struct addresses *a);
void post_addrs(struct link *l, const char *peer, enum post_source source, uint32_t ttl_ms,
    char *const *addrs, size_t count);
void post_heard(struct link *l, const struct mdns_heard_peer *peer);
void post_connect(struct link *l, const struct peer_id *peer);

/* Requests for the two signatures; the request's lowest bit tells which of them the answer is.
 * Both return 0, or -1 when the link is down. */
#define POST_IS_PUBLISH(number) ((number)&1)
#define POST_REQUEST(number)    ((number) >> 1)
int post_sign_presence(struct link *l, uint32_t request, const struct presence *p);
int post_sign_publish(
    struct link *l, uint32_t request, const char *topic, uint64_t seqno, struct bytes data);

/* To the viewer and the database. */
void post_person(struct link *l, const struct person *p);
void post_person_gone(struct link *l, const struct person *p);
void post_everybody(struct link *l, const struct people *people);

/* From the transport. Each returns 0, or -1 when the message makes no sense. */
int post_read_self(struct msg *m, struct peer_id *self, uint16_t *port);
/* *speaks: the peer's identify listed a protocol of pubsub. */
int post_read_peer_up(struct msg *m, struct peer_id *peer, bool *speaks);
/* PEER_DOWN and CONNECT_FAILED; `why` is cut and escaped for the log. */
int post_read_failure(struct msg *m, struct peer_id *peer, char *why, size_t size);
/* `signature` is lent by the message. */
int post_read_signature(struct msg *m, uint32_t *number, struct bytes *signature);

/* Whether the protocol is one of GossipSub or floodsub. */
bool post_is_pubsub(enum protocol protocol);

#endif
