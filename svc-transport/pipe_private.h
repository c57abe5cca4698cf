/* What the files of streams share: stream_table.c (tables, lanes, waiting), stream_report.c (the
 * same as status tells it), pipe.c (a pipe's life and its negotiation), pipe_flow.c (what flows
 * through it). */
#ifndef SVC_TRANSPORT_PIPE_PRIVATE_H
#define SVC_TRANSPORT_PIPE_PRIVATE_H

#include <sys/queue.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/log.h"
#include "svc-transport/bucket.h"
#include "svc-transport/limits.h"
#include "svc-transport/multistream.h"
#include "svc-transport/share.h"
#include "svc-transport/stream_table.h"

TAILQ_HEAD(pipe_list, pipe);

enum pipe_state {
	PIPE_WAITING, /* for a connection: in table->waiting */
	PIPE_QUEUED,  /* for its turn to open a stream: in lane->queue */
	PIPE_TALKING, /* multistream: in lane->pipes, as all below */
	PIPE_JOINED
};

struct pipe {
	TAILQ_ENTRY(pipe) entry; /* in the list of its state */
	struct stream_table *table;
	struct lane *lane; /* NULL while waiting, and when its connection has gone */
	enum pipe_state state;
	bool ours;              /* opened from here */
	bool lazy;              /* data may go before the answer */
	enum protocol protocol; /* chosen, or proposed first */
	struct peer_id peer;
	uint64_t since;
	uint64_t deadline; /* loop time; 0: none */

	/* The wire. */
	struct yamux_stream *wire;
	struct multistream *talk; /* until it is agreed */
	bool crowded;             /* the protocol asked for has too many streams */
	size_t overhead;          /* queued bytes that are multistream's */
	uint64_t bytes_in, bytes_out;
	uint64_t moved_at;

	/* This side: a service or a protocol of our own. */
	struct stream *bus;
	const struct pipe_local *local;
	void *user;
	enum protocol wanted[STREAM_PROTOCOLS_MAX]; /* ours */
	size_t wanted_count;
	struct buf held; /* taken from this side, not yet given to yamux */
	bool stuck;      /* counted in lane->stuck */
	size_t unsent;   /* taken from a service, not yet sent */
	bool last;       /* this side has ended its direction */
};

struct lane {
	TAILQ_ENTRY(lane) entry;
	struct stream_table *table;
	struct conn *conn;
	struct pipe_list pipes;
	struct pipe_list queue;
	size_t count;        /* of both */
	uint64_t idle_since; /* while that is 0 */
	size_t stuck;        /* with `held` although they may send: yamux was full */
	unsigned unsettled;  /* opened by us before the peer showed itself */
	bool settled;
	struct share *share;   /* of the peer, with its other lanes */
	struct share *address; /* of all peers at that address; on loopback of this one */
	struct bucket openings;
};

struct stream_table {
	struct loop *loop;
	const struct stream_table_owner *owner;
	void *arg;
	struct pipe_list waiting;
	struct pipe_list orphans;
	TAILQ_HEAD(, lane) lanes;
	struct shares *peers, *addresses; /* their shares */
	size_t count;
	size_t served[SERVICE_COUNT]; /* inbound, handed on to that service */
	size_t buffered;
	bool leaving;
	struct log_limit given_up;
	struct pipe *watched; /* becomes NULL when this one is freed */
};

/* pipe.c */

/* A pipe that is in no list yet. */
struct pipe *pipe_new(struct stream_table *t, bool ours, const struct peer_id *peer);
/* Takes it out of its list and counts, and frees it. All its sides are gone. */
void pipe_free(struct pipe *p);
/* Its service has ended it, and not all of that has gone to the peer. */
bool pipe_is_owed(const struct pipe *p);
/* Frees it when both sides have ended. */
void pipe_free_if_over(struct pipe *p);
/* Ends what is left of both sides; the pipe is gone. `why` is for our side. */
void pipe_end(struct pipe *p, enum yamux_code wire, enum stream_code code, const char *why);
/* The service's side is over. */
void pipe_lose_bus(struct pipe *p);
/* Opens its stream on the lane's connection and begins to talk. The pipe may be gone afterwards. */
void pipe_start(struct pipe *p);
/* The first step of one that the peer has opened. */
void pipe_greet(struct pipe *p, struct yamux_stream *wire);
/* Bytes from the wire. The pipe may be gone afterwards. */
void pipe_hear(struct pipe *p, const uint8_t *bytes, size_t n);

/* pipe_flow.c */

extern const struct stream_events pipe_bus_events;
void pipe_on_credit(struct stream *s, void *user, uint32_t n);
/* Passes on bytes of the agreed protocol. The pipe may be gone afterwards. */
void pipe_deliver(struct pipe *p, const uint8_t *bytes, size_t n);
/* Gives yamux what is held and may go, and the end behind it. */
void pipe_pump(struct pipe *p);
/* `n` bytes of the wire's queue are on their way. */
void pipe_sent(struct pipe *p, size_t n);
/* The peer has ended its direction. The pipe may be gone afterwards. */
void pipe_heard_end(struct pipe *p);

/* stream_table.c */

/* A lane's count of pipes, and what depends on it. */
void lane_remove(struct lane *l, struct pipe *p);
void lane_settle(struct lane *l);
/* So many bytes of services more wait for its peer to take them. */
void lane_count_unsent(struct lane *l, ssize_t n);
/* Of the address or peer that lets the most wait, the pipe on which the most waits; NULL when none
 * does. */
struct pipe *stream_table_greediest(struct stream_table *t);
/* A stream that the peer opened has come to nothing. */
void lane_wasted(struct lane *l);

#endif
