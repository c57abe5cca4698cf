/* A pipe: one yamux stream joined with what serves it here, which is a stream to one of our
 * services (proto/stream.h) or a protocol of the transport's own. What flows is never looked at.
 *
 * Credit passes through from end to end: the yamux window opens when the service returns credit,
 * the service gets credit back when its bytes leave for the socket. Pipes are made by
 * stream_table.h; here is what a protocol of the transport's own does with one. */
#ifndef SVC_TRANSPORT_PIPE_H
#define SVC_TRANSPORT_PIPE_H

#include <stddef.h>
#include <stdint.h>

#include "svc-transport/conn.h"

struct pipe;

/* Any may be NULL; `user` is what was given with it. The pipe may be reset in each. */
struct pipe_local {
	/* The protocol is agreed on: writing may begin. */
	void (*begin)(struct pipe *p, void *user);
	/* Bytes have come; to be given back with pipe_credit(), now or later. */
	void (*data)(struct pipe *p, void *user, const uint8_t *bytes, size_t n);
	/* The peer will send no more. */
	void (*finished)(struct pipe *p, void *user);
	/* `n` bytes of ours are on their way. */
	void (*sent)(struct pipe *p, void *user, size_t n);
	/* Last call, also after pipe_reset(): NULL when both sides ended in order, else why not. */
	void (*gone)(struct pipe *p, void *user, const char *why);
};

/* Writes; what exceeds the peer's window waits. */
void pipe_write(struct pipe *p, const void *bytes, size_t n);
/* Ends our direction behind what was written. */
void pipe_finish(struct pipe *p);
/* Ends both directions; `gone` is called with `why` before this returns. */
void pipe_reset(struct pipe *p, enum yamux_code code, const char *why);
/* Gives back `n` bytes of those that came. */
void pipe_credit(struct pipe *p, size_t n);
/* The pipe is reset unless it has ended `ms` from now. May be renewed. */
void pipe_expect(struct pipe *p, uint64_t ms);

/* The connection that it is on, lent. */
struct conn *pipe_conn(const struct pipe *p);

#endif
