#include "svc-rendezvous/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/http_answer.h"
#include "http/http_request.h"
#include "http/http_sse.h"

#define COLLECT_MS  20
#define SEND_BUFFER (64 * 1024)
/* Those who lost their server together come back apart. */
#define RETRY_MS 1000
#define JITTER   4000

struct channel {
	struct feed *feed;
	enum hub_channel id;
	struct http_sse *sse;
};

struct feed {
	struct hub *hub;
	struct channel channels[HUB_CHANNELS];
	unsigned subscribers_max;
	uint64_t delivered, dropped, slow;
	struct histogram delivery;
};

static void gone(void *arg, void *tag, uint64_t at, bool slow)
{
	struct channel *c = arg;

	hub_leave(tag);
	if (!slow)
		return;
	c->feed->slow++;
	c->feed->dropped += hub_events_from(c->feed->hub, c->id, at);
}

static void taken(void *arg, void *tag, size_t n)
{
	(void)arg;
	hub_sent(tag, n);
}

static void on_delivered(void *arg, uint64_t us)
{
	struct channel *c = arg;

	histogram_observe(&c->feed->delivery, us);
}

static bool tell(void *arg, uint64_t *at, uint64_t end, struct buf *out)
{
	struct channel *c = arg;
	enum hub_telling told = hub_tell(c->feed->hub, at, end, out);

	if (told == HUB_TOLD_NO_ROOM)
		panic("feed", "an event of more than %d bytes", HUB_EVENT_MAX);
	return told == HUB_TOLD_ONE;
}

struct feed *feed_new(struct loop *loop, unsigned subscribers)
{
	struct feed *f = xcalloc(1, sizeof(*f));

	f->subscribers_max = subscribers;
	for (int i = 0; i < HUB_CHANNELS; i++) {
		struct channel *c = &f->channels[i];
		const struct http_sse_config config = {.ring = FEED_RING,
		    .collect_ms = COLLECT_MS,
		    .subscribers = subscribers,
		    .keep = true,
		    .send_buffer = SEND_BUFFER,
		    .gone = gone,
		    .taken = taken,
		    .delivered = on_delivered,
		    .tell = tell,
		    .tell_max = HUB_EVENT_MAX,
		    .arg = c};
		c->feed = f;
		c->id = (enum hub_channel)i;
		c->sse = http_sse_new(loop, &config);
	}
	return f;
}

void feed_set_hub(struct feed *f, struct hub *hub)
{
	f->hub = hub;
}

void feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	for (int i = 0; i < HUB_CHANNELS; i++)
		http_sse_free(f->channels[i].sse);
	free(f);
}

void feed_send(struct feed *f, enum hub_channel channel, const char *p, size_t n)
{
	struct channel *c = &f->channels[channel];

	http_sse_send(c->sse, p, n);
	if (p[0] != ':')
		f->delivered += http_sse_count(c->sse);
}

unsigned feed_subscribers(const struct feed *f)
{
	return http_sse_count(f->channels[HUB_ALL].sse) +
	       http_sse_count(f->channels[HUB_CHANGES].sse);
}

static void start(struct channel *c, struct http_request *r, struct hub_client *client)
{
	const char *last = http_request_header(r, "Last-Event-ID");
	struct http_sse_start s = {.tag = client};
	bool goes_on = last != NULL && hub_resume(c->feed->hub, c->id, last, &s.from);
	char head[128];

	if (!goes_on) {
		s.from = hub_place(c->feed->hub, c->id);
		s.tell_end = hub_seq(c->feed->hub);
	}
	snprintf(head, sizeof(head), ": ok\n\nretry: %u\n\n%s",
	    RETRY_MS + randombytes_uniform(JITTER),
	    last != NULL && !goes_on ? "event: reset\ndata: {}\n\n" : "");
	s.head = head;
	if (!http_sse_subscribe(c->sse, r, &s))
		hub_leave(client);
}

void feed_subscribe(
    struct feed *f, struct http_request *r, enum hub_channel channel, const char *client)
{
	struct hub_client *holder;

	if (feed_subscribers(f) >= f->subscribers_max) {
		http_answer_header(r, "Retry-After", "30");
		http_answer_text(r, 503, "too many subscribers");
		return;
	}
	holder = hub_enter(f->hub, client);
	if (holder == NULL) {
		http_answer_header(r, "Retry-After", "30");
		http_answer_text(r, 429, "too many subscribers from your address");
		return;
	}
	start(&f->channels[channel], r, holder);
}

const struct histogram *feed_delivery(const struct feed *f)
{
	return &f->delivery;
}

struct feed_count feed_counted(const struct feed *f)
{
	struct feed_count n = {.delivered = f->delivered, .dropped = f->dropped, .slow = f->slow};

	for (int i = 0; i < HUB_CHANNELS; i++) {
		n.subscribers[i] = http_sse_count(f->channels[i].sse);
		n.behind[i] = http_sse_behind(f->channels[i].sse);
	}
	return n;
}
