/* Byte streams between processes, with a window like yamux, on top of a link.
 *
 * Each direction starts with STREAM_WINDOW bytes of credit. The receiver returns credit as it
 * consumes (stream_consumed()); while it keeps up the window doubles, to STREAM_WINDOW_MAX, as far
 * as the process's budget goes. A sender never exceeds its credit: one that does has its link
 * closed. So memory is bounded by credit, and a slow browser stops the remote peer.
 *
 * Ids are chosen by the opening side: odd by the connecting end of the link, even by the other. */
#ifndef PROTO_STREAM_H
#define PROTO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/link.h"
#include "proto/protocols.h"

#define STREAM_WINDOW        (256 * 1024)
#define STREAM_WINDOW_MAX    (8 * 1024 * 1024)  /* 1 Gbit/s over a path of 63 ms */
#define STREAM_BUDGET        (16 * 1024 * 1024) /* sum of receive windows of a process */
#define STREAM_PROTOCOLS_MAX 8
#define STREAM_COUNT_MAX     1024 /* of one link, both directions together */
#define STREAM_DEADLINE_MS   60000
#define STREAM_TEXT_MAX      4096

/* Why a stream ended early. */
enum stream_code {
	STREAM_OK = 0,
	STREAM_CANCELLED,   /* the other side does not want it any more */
	STREAM_REFUSED,     /* protocol not served, too many streams, forbidden */
	STREAM_UNREACHABLE, /* no address worked; the text lists each with its reason */
	STREAM_TIMEOUT,     /* a deadline passed */
	STREAM_BROKEN,      /* the remote peer reset it or its connection went away */
	STREAM_RESTARTING,  /* the service at the other end of the link ended or died */
	STREAM_VIOLATION,   /* the other side broke the protocol */
	STREAM_NO_MEMORY    /* a budget is used up */
};
const char *stream_code_name(enum stream_code code);

struct stream;
struct streams; /* all streams of one link */

/* What a stream tells its user. Any may be NULL. All are called from the loop, never from inside a
 * function that works on a stream; the stream may be reset in each. `user` is what the
 * stream was opened with, or stream_set_user() gave. */
struct stream_events {
	/* The other side accepted; the protocol it chose, and the remote address as text. */
	void (*opened)(struct stream *s, void *user, enum protocol protocol, const char *address);
	/* Bytes have come; lent for the call. Count them as consumed with stream_consumed(), now or
	 * later. `last` is set with the end of the other side's direction (then len may be 0). */
	void (*data)(struct stream *s, void *user, const uint8_t *p, size_t len, bool last);
	/* More may be written: stream_credit() has grown from 0. */
	void (*writable)(struct stream *s, void *user);
	/* The stream is over early: last call, the stream is freed after it. */
	void (*reset)(struct stream *s, void *user, enum stream_code code, const char *text);
	/* Both directions ended in order: last call, the stream is freed after it. */
	void (*closed)(struct stream *s, void *user);
};

/* A stream that the other side opened. `peer` is the remote peer's id as text (the handshake
 * proved it), `address` where it is. Return the events to use and set *user, or NULL to refuse. */
typedef const struct stream_events *stream_incoming_fn(void *arg, struct stream *s,
    enum protocol protocol, const char *peer, const char *address, void **user);

/* For the transport: an open request of the link's other end, with every choice still open. It
 * answers with stream_accept() or stream_reset() later. NULL events refuse. */
struct stream_request {
	enum protocol protocols[STREAM_PROTOCOLS_MAX];
	size_t protocol_count;
	const char *peer;
	uint32_t deadline_ms;
};
typedef const struct stream_events *stream_request_fn(
    void *arg, struct stream *s, const struct stream_request *request, void **user);

/* The streams of a link. `incoming` (services) or `request` (transport) may be NULL: then what the
 * other side opens is refused. */
struct streams *streams_new(struct loop *loop, struct link *l, stream_incoming_fn *incoming,
    stream_request_fn *request, void *arg);

/* From now on what the other side opens is reset with STREAM_RESTARTING: this end is about to go.
 */
void streams_stop(struct streams *t);

/* Ends all with STREAM_RESTARTING: the other side hears of it, and so do the users (reset is called
 * from inside). NULL is fine. */
void streams_free(struct streams *t);

/* The memory that both ends of the link share from now on (slab.h), as a descriptor that stays the
 * caller's; -1 for none. To be called after link_set() and link_lost(): streams that are open,
 * whose end is then due, go on with the slab that they had. */
void streams_set_slab(struct streams *t, int fd);

/* To be called from the desk for messages STREAM_*. Returns 0, or -1 when the message was bad. The
 * users' events are called from inside. */
int streams_message(struct streams *t, struct msg *m);
/* To be called when the link goes down: all streams end with STREAM_RESTARTING. The users' events
 * are called from inside. */
void streams_down(struct streams *t, const char *why);
size_t streams_count(const struct streams *t);

/* What there is to see of a stream, lent for the call; credit that each side has for writing. */
struct stream_view {
	uint32_t id;
	const char *peer;
	enum protocol protocol;
	bool ours; /* opened by this side */
	bool open; /* accepted by the other */
	uint64_t bytes_in, bytes_out;
	size_t credit_in, credit_out;
};
typedef void stream_view_fn(void *arg, const struct stream_view *s);
void streams_view(const struct streams *t, stream_view_fn *fn, void *arg);

/* Opens a stream; writing may begin at once (credit is STREAM_WINDOW). `protocols` in order of
 * preference. `peer` and `address` may be "". Returns NULL when the link is down or
 * STREAM_COUNT_MAX streams are open. deadline_ms bounds the time until `opened`; then it ends with
 * STREAM_TIMEOUT. 0 stands for STREAM_DEADLINE_MS. */
struct stream *stream_open(struct streams *t, const enum protocol *protocols, size_t count,
    const char *peer, const char *address, uint32_t deadline_ms, const struct stream_events *events,
    void *user);

/* The transport's answer to a request. Incoming streams of services are accepted by returning
 * events. The other end hears of it at the end of the turn, together with what is written by then.
 */
void stream_accept(struct stream *s, enum protocol protocol, const char *address);

/* Bytes that may be written now. */
size_t stream_credit(const struct stream *s);

/* Writes up to the credit; returns how many bytes were taken. They are copied once, into messages
 * of at most STREAM_PAYLOAD bytes; what does not fill one waits for more until the loop's turn
 * ends. With `last`, and when all was taken, ends this direction. */
size_t stream_write(struct stream *s, const void *p, size_t len, bool last);

/* The same without the copy: room for up to `want` bytes (reduced to credit and STREAM_PAYLOAD) in
 * the outgoing message, filled by the caller, sent by stream_wrote(). NULL when there is no credit.
 * Nothing else may be done with the stream in between; stream_wrote(s, 0, false) gives up. */
uint8_t *stream_room(struct stream *s, size_t want, size_t *room);
void stream_wrote(struct stream *s, size_t len, bool last);

/* Ends this direction in order. */
void stream_finish(struct stream *s);

/* `n` received bytes have been dealt with: credit goes back in due time. */
void stream_consumed(struct stream *s, size_t n);

/* Ends the stream in both directions, at once; no event follows, the stream is gone. */
void stream_reset(struct stream *s, enum stream_code code, const char *text);

/* For the transport, which passes credit through to the remote peer instead of deciding itself:
 * called in place of `writable`, each time the other side has returned `n` bytes of credit (which
 * stream_credit() then includes). Set right after opening or in the request callback. */
typedef void stream_credit_fn(struct stream *s, void *user, uint32_t n);
void stream_on_credit(struct stream *s, stream_credit_fn *fn);

void stream_set_user(struct stream *s, void *user);
const char *stream_peer(const struct stream *s); /* as given when it was opened */
bool stream_sent_last(const struct stream *s);
bool stream_got_last(const struct stream *s);

#endif
