#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/http_mhd.h"
#include "http/http_sse_private.h"

#define PIECE_EVENTS 256

static void drop_head(struct http_sse *sse, struct http_sse_subscriber *s)
{
	if (s->rest > 0) {
		TAILQ_REMOVE(&sse->rests, s, rest_entry);
		sse->rest_bytes -= s->rest;
		s->rest = 0;
	}
	free(s->head);
	s->head = NULL;
}

void http_sse_push_drop(struct http_sse *sse, struct http_sse_subscriber *s)
{
	http_sse_text_drop(s->opening);
	s->opening = NULL;
	drop_head(sse, s);
}

static int add(struct iovec *v, int n, const void *p, size_t len)
{
	if (len == 0)
		return n;
	v[n] = (struct iovec){.iov_base = (void *)p, .iov_len = len};
	return n + 1;
}

static bool is_being_told(const struct http_sse_subscriber *s)
{
	return s->told != s->tell_end;
}

/* What the subscriber has yet to get, as far as it is there, in at most four pieces. */
static int gather(
    const struct http_sse *sse, const struct http_sse_subscriber *s, struct iovec v[4])
{
	size_t size = sse->config.ring, from = (size_t)(s->at % size);
	size_t n = (size_t)(sse->end - s->at), first = n < size - from ? n : size - from;
	int count = 0;

	if (s->head != NULL)
		count = add(v, count, s->head + s->head_at, strlen(s->head + s->head_at));
	if (s->opening != NULL)
		count = add(
		    v, count, s->opening->data + s->opening_at, s->opening->len - s->opening_at);
	if (is_being_told(s))
		return count;
	count = add(v, count, sse->ring + from, first);
	return add(v, count, sse->ring, n - first);
}

static void took(struct http_sse *sse, struct http_sse_subscriber *s, size_t n)
{
	size_t left;

	if (sse->config.taken != NULL)
		sse->config.taken(sse->config.arg, s->tag, n);
	if (s->head != NULL) {
		left = strlen(s->head + s->head_at);
		if (n < left) {
			s->head_at += n;
			return;
		}
		n -= left;
		drop_head(sse, s);
	}
	if (s->opening != NULL) {
		left = s->opening->len - s->opening_at;
		if (n < left) {
			s->opening_at += n;
			return;
		}
		n -= left;
		http_sse_text_drop(s->opening);
		s->opening = NULL;
	}
	s->at += n;
}

void http_sse_push_mark(struct http_sse *sse)
{
	if (sse->config.delivered != NULL)
		sse->marks[sse->mark_count++ % HTTP_SSE_MARKS] =
		    (struct http_sse_mark){.place = sse->end, .us = clock_mono_us()};
}

/* All from that place on is out. */
static void delivered(struct http_sse *sse, uint64_t from)
{
	uint64_t i = sse->mark_count, first = i > HTTP_SSE_MARKS ? i - HTTP_SSE_MARKS : 0;

	if (sse->config.delivered == NULL || i == first)
		return;
	while (--i > first && sse->marks[i % HTTP_SSE_MARKS].place > from)
		;
	sse->config.delivered(sse->config.arg, clock_mono_us() - sse->marks[i % HTTP_SSE_MARKS].us);
}

static void took_all(struct http_sse *sse, struct http_sse_subscriber *s, uint64_t from)
{
	if (s->begun && s->at != from)
		delivered(sse, from);
	s->begun = true;
}

/* How many bytes the socket has taken; -1 when it is broken. */
static ssize_t give(struct http_sse_subscriber *s, struct iovec *v, int count)
{
	struct msghdr m = {.msg_iov = v, .msg_iovlen = (size_t)count};
	ssize_t n = sendmsg(s->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		s->blocked = true;
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void keep_rest(
    struct http_sse *sse, struct http_sse_subscriber *s, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	s->head = xstrndup((const char *)p, n);
	s->head_at = 0;
	s->rest = n;
	sse->rest_bytes += n;
	TAILQ_INSERT_TAIL(&sse->rests, s, rest_entry);
}

/* The next events of what the stream begins with, as many as the socket takes. Those that it does
 * not are made again when it does: only of one that was cut in two the rest is kept, so that a
 * subscriber costs no more than that. False when the socket is broken. */
static bool tell(struct http_sse *sse, struct http_sse_subscriber *s)
{
	struct {
		size_t end;
		uint64_t told;
	} after[PIECE_EVENTS];
	uint64_t told = s->told;
	struct iovec v;
	int count = 0, i = 0;
	ssize_t n;

	buf_truncate(&sse->piece, 0);
	while (count < PIECE_EVENTS && buf_len(&sse->piece) < HTTP_SSE_PIECE &&
	       sse->config.tell(sse->config.arg, &told, s->tell_end, &sse->piece)) {
		after[count].end = buf_len(&sse->piece);
		after[count++].told = told;
	}
	if (count == 0) {
		s->told = s->tell_end;
		return true;
	}
	v = (struct iovec){(void *)buf_data(&sse->piece), buf_len(&sse->piece)};
	n = give(s, &v, 1);
	if (n <= 0)
		return n == 0;
	if (sse->config.taken != NULL)
		sse->config.taken(sse->config.arg, s->tag, (size_t)n);
	while (i < count - 1 && after[i].end < (size_t)n)
		i++;
	s->told = after[i].told;
	keep_rest(sse, s, buf_data(&sse->piece) + n, after[i].end - (size_t)n);
	return true;
}

bool http_sse_push(struct http_sse *sse, struct http_sse_subscriber *s)
{
	uint64_t from = s->at;

	while (!s->blocked) {
		struct iovec v[4];
		int count = gather(sse, s, v);
		ssize_t n;

		if (count == 0 && is_being_told(s)) {
			if (!tell(sse, s))
				return false;
			continue;
		}
		if (count == 0) {
			took_all(sse, s, from);
			return true;
		}
		n = give(s, v, count);
		if (n < 0)
			return false;
		took(sse, s, (size_t)n);
	}
	return true;
}
