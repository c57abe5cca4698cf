/* What remote peers ask this peer for: its site, its label, its picture. Each stream is one
 * exchange. Source: docs/CONTRACT.md, "Stream protocols" (/goop/site, /goop/content, /goop/avatar).
 */
#ifndef SVC_VIEWER_SITE_STREAM_H
#define SVC_VIEWER_SITE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "proto/stream.h"
#include "svc-viewer/site.h"

struct site_stream_table;

struct site_stream_config {
	const struct site *site; /* lent, as is the label */
	const char *label;
	uint32_t request_ms; /* from opening until the request line is there */
	uint32_t stall_ms;   /* a visitor that takes nothing for so long is dropped */
};

struct site_stream_table *site_stream_table_new(
    struct loop *loop, const struct site_stream_config *config);

/* All streams must be over. NULL is fine. */
void site_stream_table_free(struct site_stream_table *t);

/* Takes an incoming stream: returns its events, NULL for a protocol that is not served. */
const struct stream_events *site_stream_take(struct site_stream_table *t, struct stream *s,
    enum protocol protocol, const char *peer, void **user);

/* Streams now open, and files answered OK since the beginning. */
size_t site_stream_open(const struct site_stream_table *t);
uint64_t site_stream_served(const struct site_stream_table *t);

#endif
