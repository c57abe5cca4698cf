/* Server-sent events to many subscribers (HTML Living Standard, section 9.2).
 *
 * An event is formatted once and written into one ring that all subscribers read from, each at its
 * own place; so a subscriber costs its place, not a queue. Whoever falls behind by more than the
 * ring holds is dropped and never slows the others.
 *
 * An event goes out before the loop sleeps when there was none for `collect_ms`. Those that come
 * while others go out, or so soon after, are collected and go out together, one write for each
 * subscriber; the more subscribers there are, the longer.
 *
 * A subscriber's connection leaves libmicrohttpd with its request (http_request_detach()): what
 * remains is a descriptor and some hundred bytes, and who hangs up is noticed at once. */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"
#include "http/http_sse_text.h"

struct http_request;
struct http_sse;

/* A subscriber has gone: the tag of its subscription, and the place in the stream up to which it
 * took everything. `slow` when it was dropped because it did not read. */
typedef void http_sse_gone_fn(void *arg, void *tag, uint64_t at, bool slow);

/* A subscriber's socket has taken `n` bytes. */
typedef void http_sse_taken_fn(void *arg, void *tag, size_t n);

/* A subscriber has now taken all that was sent, the oldest of it `us` microseconds after it was
 * sent. Not told of what a stream begins with. */
typedef void http_sse_delivered_fn(void *arg, uint64_t us);

/* Tells a subscriber the next of what its stream begins with: appends one event, of tell_max bytes
 * at most, and moves *at on. False when nothing is left to tell up to `end`. */
typedef bool http_sse_tell_fn(void *arg, uint64_t *at, uint64_t end, struct buf *out);

struct http_sse_config {
	size_t ring;         /* bytes that a subscriber may be behind */
	uint32_t collect_ms; /* how long events are collected after others went out, at least */
	uint32_t ping_ms;    /* a comment is sent so often, which finds out who has gone; 0 never */
	unsigned subscribers;   /* at most; more are answered 503 */
	bool keep;              /* the ring is written even while nobody subscribes, for `from` */
	int send_buffer;        /* bytes that the kernel may hold for each; 0 for its default */
	http_sse_gone_fn *gone; /* may be NULL, as the next three */
	http_sse_taken_fn *taken;
	http_sse_delivered_fn *delivered;
	http_sse_tell_fn *tell;
	size_t tell_max;
	void *arg;
};

/* A stream without subscribers yet; the configuration is copied. The caller owns the result. */
struct http_sse *http_sse_new(struct loop *loop, const struct http_sse_config *config);

/* Ends the streams. NULL is fine. */
void http_sse_free(struct http_sse *sse);

/* Answers the request with the stream, from a place in it on; what it begins with is said first.
 * Returns false when the request was refused instead; `gone` is then not called. */
struct http_sse_start {
	const char *head;              /* of this one alone, before the opening; copied */
	struct http_sse_text *opening; /* may be NULL; held */
	uint64_t tell_end; /* for `tell`, whose *at begins at 0; 0 for nothing to tell */
	uint64_t from;     /* place in the stream, see http_sse_place() */
	void *tag;         /* for `gone` */
};
bool http_sse_subscribe(
    struct http_sse *sse, struct http_request *r, const struct http_sse_start *start);

/* The place where the next byte will be written: bytes since the beginning. From which place on
 * the ring holds all: place - ring, or 0. */
uint64_t http_sse_place(const struct http_sse *sse);

/* Sends bytes of the event stream format as they are: "data: ...\n\n", ": ping\n\n". */
void http_sse_send(struct http_sse *sse, const void *p, size_t n);

/* Formats an event: name (NULL for none) and one line of data, which must hold no line break.
 * Returns fresh memory for free(3), its length in *n. */
char *http_sse_format(const char *event, const char *data, size_t *n);

/* Subscribers now. */
unsigned http_sse_count(const struct http_sse *sse);

/* The largest number of bytes that a subscriber is behind. Walks over all. */
size_t http_sse_behind(const struct http_sse *sse);

#endif
