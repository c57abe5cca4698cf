/* What the three files of streams share: stream.c (a stream's life), stream_out.c (what we write),
 * stream_in.c (what comes). */
#ifndef PROTO_STREAM_PRIVATE_H
#define PROTO_STREAM_PRIVATE_H

#include <sys/queue.h>

#include "base/log.h"
#include "base/map.h"
#include "proto/slab.h"
#include "proto/stream.h"

TAILQ_HEAD(stream_list, stream);

struct stream {
	TAILQ_ENTRY(stream) entry;   /* in `all`, then in `dead` */
	TAILQ_ENTRY(stream) waiting; /* in `unopened` */
	TAILQ_ENTRY(stream) work;    /* in `todo` */
	struct streams *table;
	uint32_t id;
	bool ours;     /* opened by this side */
	bool accepted; /* by the side that did not open it */
	bool untold;   /* of that; `opened` says it, and goes out with the first bytes */
	bool todo;     /* in the list of that name */
	bool over;     /* not in the table any more, freed soon */
	uint64_t deadline;

	const struct stream_events *events;
	stream_credit_fn *on_credit;
	void *user;
	enum protocol offered[STREAM_PROTOCOLS_MAX];
	size_t offered_count;
	enum protocol protocol;
	char *peer;
	struct msg opened;

	/* Out: credit is what may still be written; what is gathered lies in a slot of the slab, or
	 * else in the message `out`. */
	size_t credit;
	uint64_t bytes_out, bytes_in; /* messages that were sent, and that came */
	bool gathering;
	int slot; /* or -1 */
	struct msg out;
	size_t out_len;      /* its payload */
	size_t room;         /* lent by stream_room() */
	unsigned unanswered; /* messages sent since credit last came */
	bool held;           /* a small message waits because of that */
	bool sent_last;      /* the user has ended this direction */
	bool told_last;      /* and the other side knows */

	/* In: window = allowed + what the user has not consumed + owed. */
	size_t window;
	size_t allowed;     /* what the other side may still send */
	size_t owed;        /* consumed, credit not yet returned */
	size_t thanked;     /* bytes returned since the window was last considered */
	unsigned unthanked; /* messages received since credit was last returned */
	uint64_t considered_at;
	bool got_last;
};

struct streams {
	struct loop *loop;
	struct link *link;
	stream_incoming_fn *incoming;
	stream_request_fn *request;
	void *arg;
	struct map *by_id;
	struct stream_list all, dead, todo;
	struct stream_list unopened; /* opened by us, no answer yet */
	uint32_t next_id;
	struct before_sleep *hook;
	struct timer *deadline; /* the next of `unopened`: */
	uint64_t deadline_at;
	struct timer *hold; /* until held messages are sent anyway */
	struct slab *slab;  /* or NULL */
	struct slab *next_slab;
	bool slab_changes;  /* to that, when the last stream has ended */
	bool slab_used;     /* since `rest` was started: */
	struct timer *rest; /* until unused memory of the slab is given back */
	unsigned depth;     /* callbacks under way: nothing is freed */
	bool stopping;      /* nothing new is taken */
	bool closing, freed;
};

/* stream.c */
struct stream *stream_make(struct streams *t, uint32_t id, bool ours, const char *peer);
void stream_opened_now(struct stream *s);
/* Before anything else that is said of an accepted stream, but for its reset. */
void stream_tell_opened(struct stream *s);
/* The hook is to look at it before the loop sleeps. */
void stream_look_later(struct stream *s);
/* Takes it out of the table and calls `reset`. */
void stream_end(struct stream *s, enum stream_code code, const char *text);
void stream_send_reset(struct stream *s, enum stream_code code, const char *text);
/* When both directions have ended: takes it out of the table and calls `closed`. */
void stream_close_if_done(struct stream *s);
void stream_forget(struct stream *s);
/* Around every callback; the last leave frees what has ended. */
void streams_enter(struct streams *t);
void streams_leave(struct streams *t);

/* stream_out.c */
/* Sends what has gathered. Unless `now`, a small message may be held back. */
void stream_out_flush(struct stream *s, bool now);
int stream_out_credited(struct stream *s, uint32_t n);
/* Lets go of what is being gathered. */
void stream_out_drop(struct stream *s);
/* The timer `rest`. */
void stream_out_rest(void *arg);

/* stream_in.c */
void stream_in_start(struct stream *s);
void stream_in_stop(struct stream *s);
/* Returns credit early, where that helps the other side. */
void stream_in_thank(struct stream *s);

#endif
