/* All streams of the transport. A lane is what one connection has of them; a pipe (pipe.h) is one
 * stream. Streams that our services open to a peer without a connection wait here for one. */
#ifndef SVC_TRANSPORT_STREAM_TABLE_H
#define SVC_TRANSPORT_STREAM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/json.h"
#include "codec/peer_id.h"
#include "proto/protocols.h"
#include "proto/stream.h"
#include "svc-transport/conn.h"
#include "svc-transport/pipe.h"

struct stream_table;
struct lane;

/* What the table asks of its owner. */
struct stream_table_owner {
	/* The streams to a service; NULL while that service is down. */
	struct streams *(*streams)(void *arg, enum service_id service);
	/* A peer opens one of the transport's own protocols. NULL refuses. */
	const struct pipe_local *(*serve)(
	    void *arg, struct conn *c, enum protocol protocol, void **user);
	/* Which protocols the peer said it serves (1 << protocol); false while it has said nothing.
	 */
	bool (*known)(void *arg, const struct conn *c, uint32_t *protocols);
};

struct stream_table *stream_table_new(
    struct loop *loop, const struct stream_table_owner *owner, void *arg);
/* After all lanes; ends what waits. NULL is fine. */
void stream_table_free(struct stream_table *t);

/* Streams to the peer that wait for a connection. */
size_t stream_table_waiting(const struct stream_table *t, const struct peer_id *peer);

/* To be called when a connection has opened, at the end of its turns, every second, and when it has
 * closed. From lane_new() to lane_free(), conn_user() of the connection is the lane. */
struct lane *lane_new(struct stream_table *t, struct conn *c);
void lane_turn_over(struct lane *l);
void lane_tick(struct lane *l, uint64_t now);
void lane_free(struct lane *l);
struct conn *lane_conn(const struct lane *l);
size_t lane_count(const struct lane *l); /* pipes */
/* Connections of its address, this one among them; on loopback those of its peer. */
unsigned lane_neighbours(const struct lane *l);
/* Since when there are none; UINT64_MAX while there are. */
uint64_t lane_idle_since(const struct lane *l);
/* The peer has shown that its muxer is wired: it opened a stream, or answered on one of ours. */
bool lane_is_settled(const struct lane *l);
/* Something of a service still has to go to the peer: what it has written and ended, and with
 * `open` whatever it has not ended yet. */
bool lane_owes(const struct lane *l, bool open);
/* For struct conn_events. */
extern const struct yamux_events lane_events;

/* The transport itself opens a stream. `begin` or `gone` follows; `gone` also when it has not ended
 * within `ms`. Never from inside. */
void lane_open(struct lane *l, enum protocol protocol, const struct pipe_local *local, void *user,
    uint64_t ms);

/* A service opens a stream to `peer`: from the request callback, which returns the result. With a
 * lane it goes on at once, with NULL it waits for one of the next two. */
const struct stream_events *stream_table_request(struct stream_table *t, struct stream *s,
    const struct stream_request *r, const struct peer_id *peer, struct lane *l, void **user);
/* A connection to the peer is there: what waited for it goes on. */
void stream_table_reached(struct stream_table *t, struct lane *l);
/* There will be none: what waited for it ends. */
void stream_table_unreached(
    struct stream_table *t, const struct peer_id *peer, enum stream_code code, const char *text);

/* This process is about to end. From now on peers and services get no new streams, a stream whose
 * service has ended it is given up when the peer takes nothing of it for LIMIT_LEAVE_STALL_MS, and
 * services keep theirs when connections end: they learn of it from the bus, and why. */
void stream_table_leave(struct stream_table *t);

/* About once a second. */
void stream_table_tick(struct stream_table *t, uint64_t now);

/* An object a pipe, at most `max`, for status; the caller owns it. */
cJSON *stream_table_report(const struct stream_table *t, size_t max);

#endif
