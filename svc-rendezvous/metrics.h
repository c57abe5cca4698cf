/* What /metrics says, in Prometheus' text format 0.0.4. */
#ifndef SVC_RENDEZVOUS_METRICS_H
#define SVC_RENDEZVOUS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "svc-rendezvous/feed.h"
#include "svc-rendezvous/histogram.h"
#include "svc-rendezvous/hub.h"

#define METRICS_STATUSES 600

struct metrics {
	const struct hub *hub;
	struct feed_count feed;
	unsigned connections;
	uint64_t connections_cut;       /* too slow */
	uint64_t connections_displaced; /* had to make room */
	uint64_t connections_refused;   /* too many of an address */
	uint64_t too_large;             /* messages that nobody has read */
	const uint64_t *answers;        /* by status of HTTP; [0]: none, or libmicrohttpd's own */
	size_t db_pending;              /* rows not yet written */
	const struct histogram *publish, *delivery;
};

/* Appends the whole text. */
void metrics_put(struct buf *out, const struct metrics *m);

#endif
