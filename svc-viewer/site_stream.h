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

/* Of the streams that a link carries (STREAM_COUNT_MAX) a part is left for the owner's own visits,
 * and one visitor does not take what is there for all. When all are taken, whoever has the most
 * loses the one that moved least recently to a visitor who has fewer. */
#define SITE_STREAM_OPEN    768
#define SITE_STREAM_BY_PEER 512

/* Bytes that a visitor has to take in each `stall_ms`, unless less is left. */
#define SITE_STREAM_PACE (64 * 1024)

struct site_stream_table;

struct site_stream_config {
	const struct site *site; /* lent, as is the label */
	const char *label;
	uint32_t request_ms; /* from opening until the request line is there */
	uint32_t stall_ms;   /* a visitor that takes next to nothing for so long is dropped */
};

/* A table without streams; the caller owns it, the configuration is copied. */
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
