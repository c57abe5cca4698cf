/* yamux: many streams over one connection, both sides.
 * Source: hashicorp/yamux spec.md with the extensions of libp2p specs, yamux, and go-yamux v5
 * (error codes in resets).
 *
 * No I/O: plaintext in, frames out, events by callback. The bytes of a data frame are handed on as
 * they come; no frame is ever held whole. Inside a callback everything of this header may be
 * called but yamux_input(), yamux_output() and yamux_free(). */
#ifndef SVC_TRANSPORT_YAMUX_H
#define SVC_TRANSPORT_YAMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define YAMUX_WINDOW      (256 * 1024)       /* of every stream and direction at its start */
#define YAMUX_STREAMS_MAX 1024               /* at once, for each side that opened them */
#define YAMUX_UNACKED_MAX 256                /* of ours that the peer has not acknowledged */
#define YAMUX_CONTROL_MAX (64 * 1024)        /* bytes of control frames waiting to be sent */
#define YAMUX_QUEUE_MAX   (32 * 1024 * 1024) /* bytes of data waiting to be sent */
#define YAMUX_PIECES_MAX  64                 /* of one yamux_output() */
#define YAMUX_OUTPUT_MIN  1024               /* smallest `max` of yamux_output() */
#define YAMUX_PING_AFTER  15000              /* ms of silence before a keep-alive ping */
#define YAMUX_PING_WAIT   10000              /* ms of further silence after it */

/* Codes of a reset, as go-libp2p numbers them; 0 says nothing. */
enum yamux_code {
	YAMUX_CODE_NONE = 0,
	YAMUX_CODE_NEGOTIATION = 0x1001, /* no protocol in common */
	YAMUX_CODE_LIMIT = 0x1002,
	YAMUX_CODE_RATE = 0x1003,
	YAMUX_CODE_VIOLATION = 0x1004,
	YAMUX_CODE_SUPPLANTED = 0x1005,
	YAMUX_CODE_COLLECTED = 0x1006,
	YAMUX_CODE_SHUTDOWN = 0x1007,
	YAMUX_CODE_GATED = 0x1008
};

/* Reasons of a GoAway: those of yamux, and the codes of go-libp2p above them. */
enum yamux_reason {
	YAMUX_GOAWAY_NORMAL = 0,
	YAMUX_GOAWAY_PROTOCOL = 1,
	YAMUX_GOAWAY_INTERNAL = 2,
	YAMUX_GOAWAY_RATE = YAMUX_CODE_RATE
};

struct yamux;
struct yamux_stream;

/* `arg` is the session's, `user` the stream's (NULL until it was set). Any but `opened` may be
 * NULL. */
struct yamux_events {
	/* The peer opened a stream. Return true to keep it (it is acknowledged at once); false
	 * refuses it with a reset, and the pointer is dead. */
	bool (*opened)(void *arg, struct yamux_stream *s);
	/* Bytes have come; lent for the call. Each has to be given back with yamux_credit(), now
	 * or later. */
	void (*data)(void *arg, struct yamux_stream *s, void *user, const uint8_t *p, size_t n);
	/* The peer will send no more. */
	void (*finished)(void *arg, struct yamux_stream *s, void *user);
	/* The stream is over early: the peer reset it, or the session has ended (then `code` is
	 * YAMUX_CODE_SHUTDOWN). Last call: the pointer is dead. */
	void (*reset)(void *arg, struct yamux_stream *s, void *user, uint32_t code);
	/* Both directions have ended in order, our FIN has been taken by yamux_output(). Last
	 * call. */
	void (*closed)(void *arg, struct yamux_stream *s, void *user);
	/* The peer granted `n` more bytes. */
	void (*window)(void *arg, struct yamux_stream *s, void *user, uint32_t n);
	/* `n` of the queued bytes were taken by yamux_output(). */
	void (*sent)(void *arg, struct yamux_stream *s, void *user, size_t n);
	/* The peer will accept no more streams; those there are go on until the connection ends. */
	void (*goaway)(void *arg, uint32_t reason);
};

/* `client` is the side that was Noise initiator; its ids are odd. `events` is kept, not copied. */
struct yamux *yamux_new(bool client, const struct yamux_events *events, void *arg);

/* No events; all streams are gone. NULL is fine. */
void yamux_free(struct yamux *y);

/* Feeds plaintext; all of it is consumed. Returns 0; or -1 when the peer broke the protocol or
 * flooded us: every stream has had its `reset`, and a GoAway waits in yamux_output(). After that
 * input is ignored and -1 returned again. */
int yamux_input(struct yamux *y, const uint8_t *p, size_t n);

/* Why yamux_input() or yamux_tick() failed: a static sentence, "" while it has not. */
const char *yamux_error(const struct yamux *y);

/* Takes what is to be sent next, at most `max` bytes (>= YAMUX_OUTPUT_MIN; RECORD_PLAIN_MAX fills a
 * record): control frames first, then a frame of each stream in turn. `pieces` has room for
 * YAMUX_PIECES_MAX. What is taken must be sent; the pieces are lent until the next call of
 * yamux_output(), yamux_settle(), yamux_tick() or yamux_input(). Returns their number; 0: nothing
 * to send now. */
size_t yamux_output(struct yamux *y, size_t max, struct bytes *pieces);

/* True when yamux_output() would give something. */
bool yamux_has_output(const struct yamux *y);

/* Keep-alive: to be called about once a second. Pings when nothing was heard for YAMUX_PING_AFTER,
 * one at a time; whatever is heard answers it. Returns 0; or -1 when nothing at all came within
 * YAMUX_PING_WAIT after that (the connection is dead: every stream has had its `reset`) or
 * yamux_input() failed. */
int yamux_tick(struct yamux *y, uint64_t now_ms);

/* Ends the session: every stream has its `reset`, a GoAway is the last thing in yamux_output().
 * Peers drop the connection when they read it. */
void yamux_close(struct yamux *y, enum yamux_reason reason);

/* Opens a stream; writing may begin at once. NULL when yamux_may_open() is false. */
struct yamux_stream *yamux_open(struct yamux *y, void *user);

/* False while too many streams are open or not acknowledged; for good after a GoAway and when the
 * ids are used up (yamux_is_over()): then only another connection helps. */
bool yamux_may_open(const struct yamux *y);
bool yamux_is_over(const struct yamux *y);

/* Bytes that the peer's window still allows, those queued taken off; 0 after yamux_finish(). */
size_t yamux_writable(const struct yamux_stream *s);

/* Bytes accepted and not yet taken by yamux_output(). */
size_t yamux_queued(const struct yamux_stream *s);

/* Queues bytes, copied; they may exceed the window, then they wait. Returns 0; or -1, nothing
 * queued, when YAMUX_QUEUE_MAX would be exceeded or after yamux_finish(). */
int yamux_write(struct yamux_stream *s, const void *p, size_t n);

/* The same without the copy, for bytes that are only there for a moment (a message of the bus):
 *
 *	yamux_lend(s, p, n);
 *	while (room && (count = yamux_output(y, max, pieces)) > 0)
 *		seal the pieces into the socket's buffer
 *	yamux_settle(s);
 *
 * Until yamux_settle(), which copies what is left, the bytes must stay where they are. It is to be
 * called in any case after a yamux_lend() that returned 0, even when `s` has ended in between. */
int yamux_lend(struct yamux_stream *s, const void *p, size_t n);
void yamux_settle(struct yamux_stream *s);

/* Ends our direction once all that is queued has been sent. */
void yamux_finish(struct yamux_stream *s);

/* Ends both directions at once; what was queued is dropped. No event follows, the pointer is
 * dead. */
void yamux_reset(struct yamux_stream *s, enum yamux_code code);

/* Lets the peer send `n` more bytes: those consumed, and more to widen its window. They are
 * announced in steps worth a frame. */
void yamux_credit(struct yamux_stream *s, size_t n);

uint32_t yamux_stream_id(const struct yamux_stream *s);
bool yamux_stream_is_ours(const struct yamux_stream *s); /* we opened it */
bool yamux_got_fin(const struct yamux_stream *s);
bool yamux_sent_fin(const struct yamux_stream *s); /* yamux_finish() was called */
/* yamux_output() has taken all that was queued, and the FIN if there is to be one. */
bool yamux_is_sent(const struct yamux_stream *s);
void yamux_set_user(struct yamux_stream *s, void *user);

/* Streams now open, of both sides. */
size_t yamux_count(const struct yamux *y);

#endif
