/* The node: who is connected, who is to be, and what we tell each other about ourselves. It joins
 * connections, streams, dialling, the address book and identify; transport.c speaks for it to the
 * other services. */
#ifndef SVC_TRANSPORT_NODE_H
#define SVC_TRANSPORT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/json.h"
#include "svc-transport/identity.h"
#include "svc-transport/peers.h"

struct node;

struct node_events {
	/* Identify has succeeded or failed on the first connection (p->known tells), or what the
	 * peer serves has changed. */
	void (*peer_up)(void *arg, const struct peer *p, const char *address);
	/* The last connection has ended; also of a peer that never came up. */
	void (*peer_down)(void *arg, const struct peer *p, const char *why);
	/* What node_connect() began has come to nothing. */
	void (*connect_failed)(void *arg, const struct peer *p, const char *text);
	/* The streams to a service, NULL while it is down. */
	struct streams *(*streams)(void *arg, enum service_id service);
	/* node_leave() has done what it can. Called once. */
	void (*left)(void *arg);
};

/* `identity` is lent. */
struct node *node_new(struct loop *loop, const struct identity *identity,
    const struct node_events *events, void *arg);
/* Ends in order: what services have written and ended goes out, then each connection is closed when
 * its peer has got it all. `left` follows; nothing else can be asked for in between. With `at_once`
 * services are still at work, and none of their streams is waited for. */
void node_leave(struct node *n, bool at_once);
/* Closes all connections. NULL is fine. */
void node_free(struct node *n);

/* For tcp_listen(); `arg` is the node. */
void node_accept(void *arg, int fd, const struct sockaddr *from);

/* A service opens a stream to a peer: see stream_request_fn. `allowed` are the protocols (1 <<
 * protocol) that this service may ask for. */
const struct stream_events *node_open(struct node *n, struct stream *s,
    const struct stream_request *r, uint32_t allowed, void **user);

/* Sees to it that there is a connection. peer_up or connect_failed follows, unless it is up. */
void node_connect(struct node *n, const struct peer_id *id);

/* What `source` now says about where the peer is (see addrbook_set()). */
void node_learn(struct node *n, const struct peer_id *id, uint8_t source, uint64_t ttl_ms,
    const struct multiaddr *addrs, size_t count);

/* Where we can be reached, for identify; told to the peers when it has changed. */
void node_set_addrs(struct node *n, const struct multiaddr *addrs, size_t count);
/* A service came up or went down: told to the peers. */
void node_services_changed(struct node *n);

/* Calls peer_up for all that are up: for a discovery that has just begun. */
void node_tell_all(struct node *n);

/* For status; the caller owns the result. At most `max` rows. */
cJSON *node_report_connections(const struct node *n, size_t max);
cJSON *node_report_streams(const struct node *n, size_t max);

#endif
