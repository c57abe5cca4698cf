#include "http/http_sse.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/http_answer.h"
#include "http/http_mhd.h"
#include "http/http_request.h"
#include "http/http_sse_private.h"

/* A subscriber that acknowledges nothing for so long is gone, whatever its host says. */
#define UNACKNOWLEDGED_MS 60000
#define EVENTS_AT_ONCE    256
/* So many get their events before the loop looks at what else there is to do. */
#define SLICE 256
/* Of events of which a socket has taken a part, of all subscribers. */
#define RESTS_MAX (32 * 1024 * 1024)

/* --- one subscriber --------------------------------------------------------------------------- */

static bool is_behind(const struct http_sse *sse, const struct http_sse_subscriber *s)
{
	return sse->end - s->at > sse->config.ring;
}

static void end(struct http_sse *sse, struct http_sse_subscriber *s, bool slow)
{
	if (sse->next == s)
		sse->next = TAILQ_NEXT(s, entry);
	TAILQ_REMOVE(&sse->subscribers, s, entry);
	sse->count--;
	close(s->fd); /* leaves the epoll set with it: nobody else holds this socket */
	if (sse->config.gone != NULL)
		sse->config.gone(sse->config.arg, s->tag, s->at, slow);
	http_sse_push_drop(sse, s);
	free(s);
}

static void drop_slow(struct http_sse *sse, struct http_sse_subscriber *s)
{
	if (log_allowed(&sse->slow, 5, "http_sse"))
		log_info("http_sse", "a subscriber that does not read is dropped");
	end(sse, s, true);
}

/* Whoever has taken longest to read the rest of one event. Not from within a push: it
 * may be anybody. */
static void bound_rests(struct http_sse *sse)
{
	while (sse->rest_bytes > RESTS_MAX)
		drop_slow(sse, TAILQ_FIRST(&sse->rests));
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

static struct http_sse_subscriber *subscriber_new(
    struct http_sse *sse, struct http_request *r, const struct http_sse_start *start, int fd)
{
	struct http_sse_subscriber *s = xcalloc(1, sizeof(*s));

	s->fd = fd;
	s->head = head_of(r, start->head);
	s->tag = start->tag;
	s->at = start->from;
	s->tell_end = start->tell_end;
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
		struct http_sse_subscriber *s = e[i].data.ptr;

		s->blocked = false;
		if (e[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			end(sse, s, false);
		else if (is_behind(sse, s))
			drop_slow(sse, s);
		else if (!http_sse_push(sse, s))
			end(sse, s, false);
	}
	bound_rests(sse);
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
	struct http_sse_subscriber *s;

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
		else if (!http_sse_push(sse, s))
			end(sse, s, false);
	}
	bound_rests(sse);
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
	TAILQ_INIT(&sse->rests);
	buf_init(&sse->piece, HTTP_SSE_PIECE + config->tell_max);
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
	struct http_sse_subscriber *s;

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
	buf_clear(&sse->piece);
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
		http_sse_push_mark(sse);
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
	const struct http_sse_subscriber *s;
	size_t most = 0;

	TAILQ_FOREACH (s, &sse->subscribers, entry)
		if (sse->end - s->at > most)
			most = (size_t)(sse->end - s->at);
	return most;
}
