/* Private to http_sse.c and http_sse_push.c. */
#ifndef HTTP_SSE_PRIVATE_H
#define HTTP_SSE_PRIVATE_H

#include <sys/queue.h>

#include "base/buf.h"
#include "base/log.h"
#include "http/http_sse.h"

#define HTTP_SSE_MARKS 64
/* What streams begin with is told in pieces of about so many bytes. */
#define HTTP_SSE_PIECE (64 * 1024)

struct http_sse_subscriber {
	TAILQ_ENTRY(http_sse_subscriber) entry;
	TAILQ_ENTRY(http_sse_subscriber) rest_entry; /* while rest > 0 */
	char *head; /* what comes before anything else, until it has been sent */
	struct http_sse_text *opening;
	size_t head_at, opening_at;
	size_t rest; /* bytes of `head` when that is the rest of an event */
	uint64_t told, tell_end;
	uint64_t at; /* next byte of the ring's endless text */
	void *tag;
	int fd;
	bool begun;   /* it has once had everything */
	bool blocked; /* the socket takes nothing until epoll says so */
};

/* When the bytes from that place on were sent. */
struct http_sse_mark {
	uint64_t place, us;
};

TAILQ_HEAD(http_sse_list, http_sse_subscriber);

struct http_sse {
	struct http_sse_config config;
	struct loop *loop;
	struct before_sleep *hook;
	struct timer *rest;
	struct timer *ping;
	struct watch *watch;
	int epoll;
	struct http_sse_list subscribers;
	unsigned count;
	struct http_sse_list rests; /* who has a rest, longest */
	size_t rest_bytes;
	struct buf piece; /* being told, see http_sse_push.c */
	/* A round: everybody gets what there is. */
	struct http_sse_subscriber *next; /* the next one of the round under way, or NULL */
	bool due;             /* a round is under way, or begins before the loop sleeps */
	uint64_t round_began; /* ms */
	uint64_t round_end;   /* `end` at that time */
	uint64_t end;         /* bytes ever written to the ring */
	uint8_t *ring;
	struct http_sse_mark marks[HTTP_SSE_MARKS]; /* the latest, mark_count in all */
	uint64_t mark_count;
	struct log_limit slow;
};

/* Writes until everything is out or the socket takes no more. False when it is broken. */
bool http_sse_push(struct http_sse *sse, struct http_sse_subscriber *s);

/* Releases what the subscriber has yet to get. */
void http_sse_push_drop(struct http_sse *sse, struct http_sse_subscriber *s);

/* What is written to the ring from now on is sent now. */
void http_sse_push_mark(struct http_sse *sse);

#endif
