#include "http/http_sse.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http_answer.h"
#include "http/http_mhd.h"
#include "http/http_request.h"

/* A subscriber that acknowledges nothing for so long is gone, whatever its host says. */
#define UNACKNOWLEDGED_MS 60000
#define EVENTS_AT_ONCE    256
/* So many get their events before the loop looks at what else there is to do. */
#define SLICE 256
#define MARKS 64

struct subscriber {
	TAILQ_ENTRY(subscriber) entry;
	char *head; /* until it has been sent */
	struct http_sse_text *opening;
	size_t head_at, opening_at;
	uint64_t at; /* next byte of the ring's endless text */
	void *tag;
	int fd;
	bool begun;   /* it has once had everything */
	bool blocked; /* the socket takes nothing until epoll says so */
};

/* When the bytes from that place on were sent. */
struct mark {
	uint64_t place, us;
};

struct http_sse {
	struct http_sse_config config;
	struct loop *loop;
	struct before_sleep *hook;
	struct timer *rest;
	struct timer *ping;
	struct watch *watch;
	int epoll;
	TAILQ_HEAD(, subscriber) subscribers;
	unsigned count;
	/* A round: everybody gets what there is. */
	struct subscriber *next; /* the next one of the round under way, or NULL */
	bool due;                /* a round is under way, or begins before the loop sleeps */
	uint64_t round_began;    /* ms */
	uint64_t round_end;      /* `end` at that time */
	uint64_t end;            /* bytes ever written to the ring */
	uint8_t *ring;
	struct mark marks[MARKS]; /* the latest, mark_count in all */
	uint64_t mark_count;
	struct log_limit slow;
};

struct http_sse_text *http_sse_text_new(const void *p, size_t n)
{
	struct http_sse_text *t = xmalloc(sizeof(*t) + n);

	t->holders = 1;
	t->len = n;
	if (n > 0)
		memcpy(t->data, p, n);
	return t;
}

struct http_sse_text *http_sse_text_hold(struct http_sse_text *t)
{
	t->holders++;
	return t;
}

void http_sse_text_drop(struct http_sse_text *t)
{
	if (t != NULL && --t->holders == 0)
		free(t);
}

/* --- one subscriber --------------------------------------------------------------------------- */

static bool is_behind(const struct http_sse *sse, const struct subscriber *s)
{
	return sse->end - s->at > sse->config.ring;
}

static void end(struct http_sse *sse, struct subscriber *s, bool slow)
{
	if (sse->next == s)
		sse->next = TAILQ_NEXT(s, entry);
	TAILQ_REMOVE(&sse->subscribers, s, entry);
	sse->count--;
	close(s->fd); /* leaves the epoll set with it: nobody else holds this socket */
	if (sse->config.gone != NULL)
		sse->config.gone(sse->config.arg, s->tag, s->at, slow);
	http_sse_text_drop(s->opening);
	free(s->head);
	free(s);
}

static void drop_slow(struct http_sse *sse, struct subscriber *s)
{
	if (log_allowed(&sse->slow, 5, "http_sse"))
		log_info("http_sse", "a subscriber that does not read is dropped");
	end(sse, s, true);
}

static int add(struct iovec *v, int n, const void *p, size_t len)
{
	if (len == 0)
		return n;
	v[n] = (struct iovec){.iov_base = (void *)p, .iov_len = len};
	return n + 1;
}

/* All that the subscriber has yet to get, in at most four pieces. */
static int gather(const struct http_sse *sse, const struct subscriber *s, struct iovec v[4])
{
	size_t size = sse->config.ring, from = (size_t)(s->at % size);
	size_t n = (size_t)(sse->end - s->at), first = n < size - from ? n : size - from;
	int count = 0;

	if (s->head != NULL)
		count = add(v, count, s->head + s->head_at, strlen(s->head + s->head_at));
	if (s->opening != NULL)
		count = add(
		    v, count, s->opening->data + s->opening_at, s->opening->len - s->opening_at);
	count = add(v, count, sse->ring + from, first);
	return add(v, count, sse->ring, n - first);
}

static void took(struct http_sse *sse, struct subscriber *s, size_t n)
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
		free(s->head);
		s->head = NULL;
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

static void mark(struct http_sse *sse)
{
	if (sse->config.delivered != NULL)
		sse->marks[sse->mark_count++ % MARKS] =
		    (struct mark){.place = sse->end, .us = clock_mono_us()};
}

/* All from that place on is out. */
static void delivered(struct http_sse *sse, uint64_t from)
{
	uint64_t i = sse->mark_count, first = i > MARKS ? i - MARKS : 0;

	if (sse->config.delivered == NULL || i == first)
		return;
	while (--i > first && sse->marks[i % MARKS].place > from)
		;
	sse->config.delivered(sse->config.arg, clock_mono_us() - sse->marks[i % MARKS].us);
}

static void took_all(struct http_sse *sse, struct subscriber *s, uint64_t from)
{
	if (s->begun && s->at != from)
		delivered(sse, from);
	s->begun = true;
}

/* Writes until everything is out or the socket takes no more. False when it is broken. */
static bool push(struct http_sse *sse, struct subscriber *s)
{
	uint64_t from = s->at;

	while (!s->blocked) {
		struct iovec v[4];
		struct msghdr m = {.msg_iov = v};
		ssize_t n;

		m.msg_iovlen = (size_t)gather(sse, s, v);
		if (m.msg_iovlen == 0) {
			took_all(sse, s, from);
			return true;
		}
		n = sendmsg(s->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			took(sse, s, (size_t)n);
		else if (errno == EAGAIN)
			s->blocked = true;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

/* --- arrival ---------------------------------------------------------------------------------- */

static void tune(const struct http_sse *sse, int fd)
{
	int on = 1, off = 0, ms = UNACKNOWLEDGED_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	if (sse->config.send_buffer > 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sse->config.send_buffer,
		    sizeof(sse->config.send_buffer));
}

/* The stream ends with the connection: no length, no chunks (RFC 9112, section 6.3). */
static char *head_of(const struct http_request *r, const char *own)
{
	struct buf b;
	char *text;

	buf_init(&b, 16384);
	buf_puts(&b, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n");
	for (unsigned i = 0; i < r->header_count; i++)
		buf_putf(&b, "%s: %s\r\n", r->headers[i].name, r->headers[i].value);
	buf_putf(&b, "\r\n%s", own == NULL ? "" : own);
	text = xstrndup((const char *)buf_data(&b), buf_len(&b));
	buf_clear(&b);
	return text;
}

static struct subscriber *subscriber_new(
    struct http_sse *sse, struct http_request *r, const struct http_sse_start *start, int fd)
{
	struct subscriber *s = xcalloc(1, sizeof(*s));

	s->fd = fd;
	s->head = head_of(r, start->head);
	s->tag = start->tag;
	s->at = start->from;
	if (start->opening != NULL && start->opening->len > 0)
		s->opening = http_sse_text_hold(start->opening);
	TAILQ_INSERT_TAIL(&sse->subscribers, s, entry);
	sse->count++;
	return s;
}

bool http_sse_subscribe(
    struct http_sse *sse, struct http_request *r, const struct http_sse_start *start)
{
	struct epoll_event e = {.events = EPOLLOUT | EPOLLRDHUP | EPOLLET};
	int fd;

	http_answer_header(r, "Cache-Control", "no-cache");
	http_answer_header(r, "X-Accel-Buffering", "no");
	if (strcmp(http_request_method(r), "HEAD") == 0) {
		http_answer_static(r, 200, "text/event-stream", "", 0);
		return false;
	}
	fd = sse->count < sse->config.subscribers ? http_request_detach(r) : -1;
	if (fd < 0) {
		http_answer_text(r, 503, "too many subscribers");
		return false;
	}
	tune(sse, fd);
	e.data.ptr = subscriber_new(sse, r, start, fd);
	/* The first write happens when epoll says that the socket is writable: at once, but not
	 * while the caller still counts its subscribers. */
	if (epoll_ctl(sse->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		fatal("http_sse", "epoll_ctl: %m");
	return true;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void on_ready(void *arg, int events)
{
	struct http_sse *sse = arg;
	struct epoll_event e[EVENTS_AT_ONCE];
	int n = epoll_wait(sse->epoll, e, EVENTS_AT_ONCE, 0);

	(void)events;
	for (int i = 0; i < n; i++) {
		struct subscriber *s = e[i].data.ptr;

		s->blocked = false;
		if (e[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			end(sse, s, false);
		else if (is_behind(sse, s))
			drop_slow(sse, s);
		else if (!push(sse, s))
			end(sse, s, false);
	}
}

static void begin_round(struct http_sse *sse)
{
	sse->due = true;
	loop_again(sse->loop);
}

static void on_rested(void *arg)
{
	struct http_sse *sse = arg;

	if (sse->end != sse->round_end)
		begin_round(sse);
}

/* Rests as long as the round took, so that the others' turns in this loop keep half of the time. */
static void end_round(struct http_sse *sse)
{
	uint64_t took = clock_mono_ms() - sse->round_began;

	sse->due = false;
	timer_start(sse->rest, took > sse->config.collect_ms ? took : sse->config.collect_ms);
}

static bool before_sleep(void *arg)
{
	struct http_sse *sse = arg;
	struct subscriber *s;

	if (!sse->due)
		return false;
	if (sse->next == NULL) {
		sse->next = TAILQ_FIRST(&sse->subscribers);
		sse->round_began = clock_mono_ms();
		sse->round_end = sse->end;
	}
	for (int i = 0; i < SLICE && (s = sse->next) != NULL; i++) {
		sse->next = TAILQ_NEXT(s, entry);
		if (is_behind(sse, s))
			drop_slow(sse, s);
		else if (!push(sse, s))
			end(sse, s, false);
	}
	if (sse->next == NULL)
		end_round(sse);
	return sse->due;
}

static void send_ping(void *arg)
{
	http_sse_send(arg, ": ping\n\n", 8);
}

struct http_sse *http_sse_new(struct loop *loop, const struct http_sse_config *config)
{
	struct http_sse *sse = xcalloc(1, sizeof(*sse));

	sse->config = *config;
	sse->ring = xmalloc(config->ring);
	TAILQ_INIT(&sse->subscribers);
	sse->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sse->epoll < 0)
		fatal("http_sse", "epoll_create1: %m");
	sse->watch = watch_new(loop, sse->epoll, on_ready, sse);
	watch_set(sse->watch, WATCH_READ);
	sse->loop = loop;
	sse->hook = loop_before_sleep(loop, before_sleep, sse);
	sse->rest = timer_new(loop, on_rested, sse);
	sse->ping = timer_new(loop, send_ping, sse);
	if (config->ping_ms > 0)
		timer_repeat(sse->ping, config->ping_ms);
	return sse;
}

void http_sse_free(struct http_sse *sse)
{
	struct subscriber *s;

	if (sse == NULL)
		return;
	while ((s = TAILQ_FIRST(&sse->subscribers)) != NULL)
		end(sse, s, false);
	watch_free(sse->watch);
	close(sse->epoll);
	before_sleep_free(sse->hook);
	timer_free(sse->rest);
	timer_free(sse->ping);
	free(sse->ring);
	free(sse);
}

void http_sse_send(struct http_sse *sse, const void *p, size_t n)
{
	size_t size = sse->config.ring, at = (size_t)(sse->end % size), first;

	if (sse->count == 0 && !sse->config.keep)
		return;
	if (n > size)
		panic("http_sse", "an event of %zu bytes is larger than the ring", n);
	if (sse->end == sse->round_end)
		mark(sse);
	first = n < size - at ? n : size - at;
	memcpy(sse->ring + at, p, first);
	memcpy(sse->ring, (const uint8_t *)p + first, n - first);
	sse->end += n;
	if (!sse->due && !timer_active(sse->rest))
		begin_round(sse);
}

char *http_sse_format(const char *event, const char *data, size_t *n)
{
	char *text = event == NULL ? xasprintf("data: %s\n\n", data)
	                           : xasprintf("event: %s\ndata: %s\n\n", event, data);

	*n = strlen(text);
	return text;
}

unsigned http_sse_count(const struct http_sse *sse)
{
	return sse->count;
}

uint64_t http_sse_place(const struct http_sse *sse)
{
	return sse->end;
}

size_t http_sse_behind(const struct http_sse *sse)
{
	const struct subscriber *s;
	size_t most = 0;

	TAILQ_FOREACH (s, &sse->subscribers, entry)
		if (sse->end - s->at > most)
			most = (size_t)(sse->end - s->at);
	return most;
}
