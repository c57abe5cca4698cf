/* /api/peers/events: the list of people as server-sent events, a snapshot and then each change.
 *
 * The snapshot is formatted once for many subscribers: whoever comes a little later gets the same
 * one and the changes since, until these are as long as a snapshot. So the snapshots that
 * subscribers who do not read still hold are never more than the ring and one snapshot together.
 * Source: docs/CONTRACT.md, "The viewer". */
#ifndef SVC_VIEWER_PEERS_EVENTS_H
#define SVC_VIEWER_PEERS_EVENTS_H

#include "base/loop.h"
#include "svc-viewer/peers.h"

#define PEERS_EVENTS_SUBSCRIBERS 256

struct http_request;
struct peers_events;

struct peers_events *peers_events_new(struct loop *loop);
void peers_events_free(struct peers_events *e); /* ends the streams; NULL is fine */

/* Tells all that somebody has changed: a peers_change_fn, with the peers_events as `arg`. */
void peers_events_tell(void *arg, const char *event, const char *json);

/* Answers the request with the stream of events. */
void peers_events_subscribe(
    struct peers_events *e, const struct peers *people, struct http_request *r);

/* Subscribers now. */
unsigned peers_events_count(const struct peers_events *e);

#endif
