/* Connections: TCP, then multistream, Noise, perhaps multistream again, then yamux. Reads up to
 * LIMIT_READ_TURN bytes a turn of the loop, writes what a turn has gathered in one go; while the
 * socket takes nothing, nothing more is taken from yamux (that is the back-pressure).
 *
 * A connection ends in the loop's before-sleep hook, never inside a call: a pointer got in a
 * callback is good until that callback returns, and conn_close() may be called from anywhere. */
#ifndef SVC_TRANSPORT_CONN_H
#define SVC_TRANSPORT_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "codec/multiaddr.h"
#include "codec/peer_id.h"
#include "svc-transport/admission.h"
#include "svc-transport/noise.h"
#include "svc-transport/yamux.h"

#define CONN_WHY 192

struct conn;
struct conns; /* all of this process, and what they share */

struct conn_events {
	/* `arg` of these is the struct conn. */
	const struct yamux_events *streams;
	/* A dialled connection has its TCP connection. */
	void (*connected)(void *arg, struct conn *c);
	/* The peer has proved who it is and yamux runs. */
	void (*open)(void *arg, struct conn *c);
	/* All that was read in this turn has been handed to yamux. */
	void (*turn_over)(void *arg, struct conn *c);
	/* About once a second, while it is open. */
	void (*tick)(void *arg, struct conn *c, uint64_t now);
	/* Last call; all streams have had their reset. `why` is a sentence for people. */
	void (*closed)(void *arg, struct conn *c, const char *why);
};

/* `self` is lent. */
struct conns *conns_new(
    struct loop *loop, const struct noise_self *self, const struct conn_events *events, void *arg);
/* Closes all with a GoAway; their `closed` is called. NULL is fine. */
void conns_free(struct conns *cs);

size_t conns_count(const struct conns *cs);
size_t conns_handshakes(const struct conns *cs); /* inbound ones under way */
/* Walks over all: NULL begins, NULL ends. */
struct conn *conns_next(const struct conns *cs, const struct conn *c);

/* Are there more than inbound ones may be? */
bool conns_are_over(const struct conns *cs);

/* Takes an accepted descriptor; closes it at once when there is no room. */
void conns_accept(struct conns *cs, int fd, const struct sockaddr *from);

/* Begins to dial. The peer there has to be `peer`. Returns the connection, or NULL with the reason
 * in `why` (CONN_WHY bytes). The outcome is `open` or `closed`. */
struct conn *conns_dial(
    struct conns *cs, const struct multiaddr *addr, const struct peer_id *peer, char *why);

/* What the GoAway of its end will say, YAMUX_GOAWAY_NORMAL unless it was set. */
void conn_set_goaway(struct conn *c, enum yamux_reason reason);

/* Ends it soon. Does nothing the second time. */
void conn_close(struct conn *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends it in order: all streams have their reset, and what yamux has given out before goes out with
 * a GoAway and the end of our direction. `closed` follows when the peer has ended its own, or has
 * it all, or has taken nothing of it for a second. */
void conn_leave(struct conn *c);

/* yamux has got something to send: it will be sent before the loop sleeps. */
void conn_touch(struct conn *c);
/* The same now. Not from inside a yamux callback. */
void conn_flush(struct conn *c);

bool conn_is_open(const struct conn *c); /* yamux runs, and it is not closing */
bool conn_is_inbound(const struct conn *c);
/* Who is there: for a dialled one at any time, for an inbound one once it is open. */
const struct peer_id *conn_peer(const struct conn *c);
const char *conn_peer_text(const struct conn *c);
const struct multiaddr *conn_remote(const struct conn *c);
const char *conn_remote_text(const struct conn *c);
/* The same as far as counting goes. */
const struct admission_key *conn_place(const struct conn *c);
struct yamux *conn_yamux(const struct conn *c); /* NULL before it is open */

void *conn_arg(const struct conn *c); /* of conns_new() */
void *conn_user(const struct conn *c);
void conn_set_user(struct conn *c, void *user);

uint64_t conn_since(const struct conn *c); /* loop time of its beginning */
uint64_t conn_bytes_in(const struct conn *c);
uint64_t conn_bytes_out(const struct conn *c);

#endif
