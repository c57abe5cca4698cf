#include "http/http_sse.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/http_answer.h"
#include "http/http_request.h"

struct http_sse_text {
	unsigned holders;
	size_t len;
	uint8_t data[];
};

struct subscriber {
	TAILQ_ENTRY(subscriber) entry;
	struct http_sse *sse;
	struct http_request *request;
	struct http_sse_text *opening; /* until it has been handed out */
	size_t opening_at;
	uint64_t at; /* next byte of the ring's endless text */
	bool dropped;
};

struct http_sse {
	struct http_sse_config config;
	struct timer *collect;
	struct timer *ping;
	TAILQ_HEAD(, subscriber) subscribers;
	unsigned count;
	uint64_t end; /* bytes ever written to the ring */
	uint8_t *ring;
	struct log_limit slow;
};

struct http_sse_text *http_sse_text_new(const void *p, size_t n)
{
	struct http_sse_text *t = xmalloc(sizeof(*t) + n);

	t->holders = 1;
	t->len = n;
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

static bool is_behind(const struct subscriber *s)
{
	return s->sse->end - s->at > s->sse->config.ring;
}

/* --- one subscriber --------------------------------------------------------------------------- */

static size_t fill_opening(struct subscriber *s, uint8_t *to, size_t max)
{
	size_t n = s->opening->len - s->opening_at;

	if (n > max)
		n = max;
	memcpy(to, s->opening->data + s->opening_at, n);
	s->opening_at += n;
	if (s->opening_at == s->opening->len) {
		http_sse_text_drop(s->opening);
		s->opening = NULL;
	}
	return n;
}

static size_t fill_ring(struct subscriber *s, uint8_t *to, size_t max)
{
	const struct http_sse *sse = s->sse;
	size_t size = sse->config.ring, from = (size_t)(s->at % size);
	size_t n = (size_t)(sse->end - s->at), first;

	if (n > max)
		n = max;
	first = n < size - from ? n : size - from;
	memcpy(to, sse->ring + from, first);
	memcpy(to + first, sse->ring, n - first);
	s->at += n;
	return n;
}

static ssize_t fill(void *arg, uint64_t pos, uint8_t *to, size_t max)
{
	struct subscriber *s = arg;

	(void)pos;
	if (is_behind(s))
		return HTTP_FAIL;
	if (s->opening != NULL)
		return (ssize_t)fill_opening(s, to, max);
	return (ssize_t)fill_ring(s, to, max);
}

static void done(void *arg, struct http_request *r)
{
	struct subscriber *s = arg;

	(void)r;
	TAILQ_REMOVE(&s->sse->subscribers, s, entry);
	s->sse->count--;
	http_sse_text_drop(s->opening);
	free(s);
}

void http_sse_subscribe(struct http_sse *sse, struct http_request *r, struct http_sse_text *opening)
{
	struct subscriber *s;

	if (sse->count >= sse->config.subscribers) {
		http_answer_text(r, 503, "too many subscribers");
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->sse = sse;
	s->request = r;
	s->at = sse->end;
	if (opening != NULL && opening->len > 0)
		s->opening = http_sse_text_hold(opening);
	TAILQ_INSERT_TAIL(&sse->subscribers, s, entry);
	sse->count++;
	http_request_on_done(r, done, s);
	http_answer_header(r, "Cache-Control", "no-cache");
	http_answer_header(r, "X-Accel-Buffering", "no");
	http_answer_stream(r, 200, "text/event-stream", HTTP_SIZE_UNKNOWN, fill, s);
}

/* --- all of them ------------------------------------------------------------------------------ */

static void flush(void *arg)
{
	struct http_sse *sse = arg;
	struct subscriber *s;

	TAILQ_FOREACH (s, &sse->subscribers, entry) {
		if (!is_behind(s)) {
			http_answer_wake(s->request);
			continue;
		}
		if (!s->dropped && log_allowed(&sse->slow, 5, "http_sse"))
			log_info("http_sse", "a subscriber that does not read is dropped");
		s->dropped = true;
		http_request_abort(s->request);
	}
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
	sse->collect = timer_new(loop, flush, sse);
	sse->ping = timer_new(loop, send_ping, sse);
	timer_repeat(sse->ping, config->ping_ms);
	return sse;
}

void http_sse_free(struct http_sse *sse)
{
	if (sse == NULL)
		return;
	if (sse->count != 0)
		panic("http_sse", "freed while %u subscribers are left", sse->count);
	timer_free(sse->collect);
	timer_free(sse->ping);
	free(sse->ring);
	free(sse);
}

void http_sse_send(struct http_sse *sse, const void *p, size_t n)
{
	size_t size = sse->config.ring, at = (size_t)(sse->end % size), first;

	if (sse->count == 0)
		return;
	if (n > size)
		panic("http_sse", "an event of %zu bytes is larger than the ring", n);
	first = n < size - at ? n : size - at;
	memcpy(sse->ring + at, p, first);
	memcpy(sse->ring, (const uint8_t *)p + first, n - first);
	sse->end += n;
	if (sse->config.collect_ms == 0)
		flush(sse);
	else if (!timer_active(sse->collect))
		timer_start(sse->collect, sse->config.collect_ms);
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
