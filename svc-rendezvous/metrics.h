/* What /metrics says, in Prometheus' text format 0.0.4. */
#ifndef SVC_RENDEZVOUS_METRICS_H
#define SVC_RENDEZVOUS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "svc-rendezvous/feed.h"
#include "svc-rendezvous/hub.h"

/* How long something took, in a histogram. */
#define METRICS_BUCKETS 12
struct metrics_histogram {
	uint64_t buckets[METRICS_BUCKETS + 1]; /* the last: longer than all */
	uint64_t sum_us;
};
void metrics_observe(struct metrics_histogram *h, uint64_t us);

struct metrics {
	const struct hub *hub;
	struct feed_count feed;
	unsigned connections;
	size_t db_pending; /* rows not yet written */
	const struct metrics_histogram *publish;
};

void metrics_put(struct buf *out, const struct metrics *m);

#endif
