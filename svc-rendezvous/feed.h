/* The two event streams on HTTP: hub.h's channels in the rings of http/http_sse.h, and how a
 * subscriber's stream begins. */
#ifndef SVC_RENDEZVOUS_FEED_H
#define SVC_RENDEZVOUS_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "svc-rendezvous/histogram.h"
#include "svc-rendezvous/hub.h"

struct feed;
struct http_request;

#define FEED_RING (4 * 1024 * 1024) /* bytes that a subscriber may be behind, of each channel */

/* At most `subscribers` in all. */
struct feed *feed_new(struct loop *loop, unsigned subscribers);
/* Set once the hub is there: it and the feed need each other. Lent. */
void feed_set_hub(struct feed *feed, struct hub *hub);
void feed_free(struct feed *feed); /* before the hub; NULL is fine */

/* hub_events.send, with the feed as its `arg`. */
void feed_send(struct feed *feed, enum hub_channel channel, const char *p, size_t n);

/* GET /events of a client: answers it. */
void feed_subscribe(
    struct feed *feed, struct http_request *r, enum hub_channel channel, const char *client);

/* Of both streams. */
unsigned feed_subscribers(const struct feed *feed);

struct feed_count {
	unsigned subscribers[HUB_CHANNELS];
	size_t behind[HUB_CHANNELS]; /* the most that anybody is, bytes */
	uint64_t delivered;          /* events, counted when they are sent */
	uint64_t dropped;            /* events that dropped subscribers did not get */
	uint64_t slow;               /* subscribers that were dropped */
};
/* Walks over all of them. */
struct feed_count feed_counted(const struct feed *feed);

/* From an event until it is written to a subscriber. Lent. */
const struct histogram *feed_delivery(const struct feed *feed);

#endif
