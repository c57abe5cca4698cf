/* A service's conversation with the supervisor: descriptor 3, a SOCK_SEQPACKET socket pair, one
 * message a packet. End of file means that the supervisor has gone: the process ends. */
#ifndef PROTO_PARENT_H
#define PROTO_PARENT_H

#include "base/loop.h"
#include "proto/msg.h"

#define PARENT_FD 3

struct parent;

struct parent_events {
	int (*message)(void *arg, struct msg *m); /* -1: it made no sense (logged, ignored) */
	void (*closed)(void *arg);
};

/* Used by both sides: the service with fd 3, the supervisor with its end. `other` is who may be
 * heard on it. Takes the descriptor, which becomes non-blocking. */
struct parent *parent_new(struct loop *loop, int fd, enum service_id self, enum service_id other,
    const struct parent_events *events, void *arg);
void parent_free(struct parent *p); /* closes the descriptor; NULL is fine */

/* Sends and consumes. Queues what the socket does not take, up to 1 MiB. Returns 0, or -1 when the
 * other side is gone or does not read. */
int parent_send(struct parent *p, struct msg *m);

/* Bytes that are queued because the other side has not read. */
size_t parent_waiting(const struct parent *p);

/* The same with a descriptor that the service gets a copy of; -1 for none. It stays the caller's.
 * For the supervisor: what a service sends so is closed unseen. */
int parent_send_fd(struct parent *p, struct msg *m, int fd);

/* Inside of `message`: the descriptor that came with it, lent until that returns, or -1. */
int parent_fd(const struct parent *p);

#endif
