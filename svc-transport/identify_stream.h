/* The streams on which identify flows: we ask on every connection, we answer, and we tell and hear
 * of changes (push).
 * Source: libp2p specs, identify. */
#ifndef SVC_TRANSPORT_IDENTIFY_STREAM_H
#define SVC_TRANSPORT_IDENTIFY_STREAM_H

#include "svc-transport/identify.h"
#include "svc-transport/stream_table.h"

/* What these streams ask of their owner, and tell it. Kept, not copied. */
struct identify_stream_owner {
	/* What we say to the peer on this connection; lent until the next turn of the loop. */
	void (*self)(void *arg, struct conn *c, struct identify_self *out);
	/* What the peer said; `push` when it said so by itself. */
	void (*told)(void *arg, struct conn *c, const struct identify_info *info, bool push);
	/* It did not answer, or not in a way that can be read. */
	void (*silent)(void *arg, struct conn *c, const char *why);
	void *arg;
};

/* Opens a stream on the lane and asks: `told` or `silent` follows, once. */
void identify_stream_ask(struct lane *l, const struct identify_stream_owner *owner);
/* Opens a stream on the lane and tells what has changed. */
void identify_stream_push(struct lane *l, const struct identify_stream_owner *owner);

/* For inbound streams of the two protocols: sets *user, which the stream then owns. */
const struct pipe_local *identify_stream_answer(
    const struct identify_stream_owner *owner, void **user);
const struct pipe_local *identify_stream_hear(
    const struct identify_stream_owner *owner, void **user);

#endif
