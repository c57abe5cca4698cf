/* What yamux.c (streams and input) and yamux_output.c share. For nobody else. */
#ifndef SVC_TRANSPORT_YAMUX_SESSION_H
#define SVC_TRANSPORT_YAMUX_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/map.h"
#include "svc-transport/yamux.h"
#include "svc-transport/yamux_frame.h"
#include "svc-transport/yamux_queue.h"

struct yamux_stream {
	struct yamux *session;
	void *user;
	uint32_t id;
	bool ours;
	bool acked;    /* ours: the peer has acknowledged it */
	bool got_fin;  /* the peer's direction is over */
	bool finished; /* yamux_finish() was called */
	bool sent_fin; /* and the FIN has gone out */
	bool ready;    /* in the session's `ready` list */
	bool dead;     /* gone for the outside, in the session's graveyard */
	bool lending;  /* between yamux_lend() and yamux_settle(): its memory stays */
	uint64_t send_window;
	uint32_t recv_window; /* what the peer may still send */
	uint32_t owed;        /* credit that was not worth a frame yet */
	struct yamux_queue queue;
	LIST_ENTRY(yamux_stream) all;
	TAILQ_ENTRY(yamux_stream) turn;
};

LIST_HEAD(yamux_streams, yamux_stream);
TAILQ_HEAD(yamux_turns, yamux_stream);

struct yamux {
	const struct yamux_events *events;
	void *arg;
	bool client;
	bool busy;          /* inside yamux_input() or yamux_output() */
	bool ended;         /* our GoAway is the last frame there will be */
	bool flooded;       /* control frames were lost */
	bool remote_goaway; /* no more streams may be opened */
	const char *error;

	struct map *by_id;
	struct yamux_streams streams;
	struct yamux_streams graveyard; /* their memory stays while a caller may hold them */
	size_t ours, theirs, unacked;
	uint64_t next_id;

	uint8_t head[YAMUX_HEADER]; /* header that is coming in */
	size_t head_len;
	struct yamux_frame frame;
	uint32_t body_left;               /* bytes of a data frame still to come */
	struct yamux_stream *body_stream; /* whose they are; NULL: nobody's */

	struct buf control;
	struct yamux_turns ready; /* streams with something to send, in turn */
	size_t queued;            /* data bytes of all streams */
	struct yamux_chunk *spent;
	uint8_t heads[2 * YAMUX_PIECES_MAX * YAMUX_HEADER]; /* headers of the last output */

	bool heard; /* anything at all since the last tick */
	bool ticked;
	bool pinging;
	uint32_t ping_value;
	uint64_t quiet_since, ping_at;
};

/* yamux_output.c */

/* Queues a control frame. Past YAMUX_CONTROL_MAX it is lost and the session is `flooded`. */
void yamux_control(struct yamux *y, enum yamux_type type, unsigned flags, uint32_t id, uint32_t n);
/* Puts the stream into or out of the list of turns, after anything that decides about it. */
void yamux_schedule(struct yamux_stream *s);

/* yamux.c */

/* Takes the stream out of everything; the caller tells the user. */
void yamux_bury(struct yamux_stream *s);
/* Frees what callers may have held until now. */
void yamux_reap(struct yamux *y);
/* When both directions are over: buries it and tells. */
void yamux_close_done(struct yamux_stream *s);

#endif
