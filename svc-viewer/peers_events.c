#include "svc-viewer/peers_events.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "http/http_sse.h"

#define RING        (1024 * 1024)
#define COLLECT_MS  20
#define PING_MS     25000
#define SEND_BUFFER (64 * 1024)

struct peers_events {
	struct http_sse *sse;
	struct http_sse_text *snapshot; /* NULL before the first */
	size_t size;                    /* its length */
	uint64_t place;                 /* in the stream: what follows is not in it */
};

struct peers_events *peers_events_new(struct loop *loop)
{
	/* The ring is kept up while nobody listens, so that a place in it always says what is
	 * missing from a snapshot. */
	const struct http_sse_config config = {.ring = RING,
	    .collect_ms = COLLECT_MS,
	    .ping_ms = PING_MS,
	    .subscribers = PEERS_EVENTS_SUBSCRIBERS,
	    .keep = true,
	    .send_buffer = SEND_BUFFER};
	struct peers_events *e = xcalloc(1, sizeof(*e));

	e->sse = http_sse_new(loop, &config);
	return e;
}

void peers_events_free(struct peers_events *e)
{
	if (e == NULL)
		return;
	http_sse_text_drop(e->snapshot);
	http_sse_free(e->sse);
	free(e);
}

void peers_events_tell(void *arg, const char *event, const char *json)
{
	struct peers_events *e = arg;
	size_t n;
	char *text = http_sse_format(event, json, &n);

	http_sse_send(e->sse, text, n);
	free(text);
}

/* Is the changes' way from the snapshot to the present shorter than a new snapshot? */
static bool is_fresh(const struct peers_events *e)
{
	uint64_t since = http_sse_place(e->sse) - e->place;

	return e->snapshot != NULL && since <= e->size && since <= RING / 2;
}

static void refresh(struct peers_events *e, const struct peers *people)
{
	char *json = peers_snapshot(people), *event = http_sse_format("snapshot", json, &e->size);

	http_sse_text_drop(e->snapshot);
	e->snapshot = http_sse_text_new(event, e->size);
	e->place = http_sse_place(e->sse);
	free(event);
	free(json);
}

void peers_events_subscribe(
    struct peers_events *e, const struct peers *people, struct http_request *r)
{
	struct http_sse_start start = {0};

	if (!is_fresh(e))
		refresh(e, people);
	start.opening = e->snapshot;
	start.from = e->place;
	http_sse_subscribe(e->sse, r, &start);
}

unsigned peers_events_count(const struct peers_events *e)
{
	return http_sse_count(e->sse);
}
