/* How much in a stretch of time: two counters that slide. What was counted in the stretch before
 * fades as the present one passes, so that no stretch, wherever it begins, sees much more than the
 * limit. No I/O; a zeroed struct has seen nothing. */
#ifndef SVC_RENDEZVOUS_HUB_RATE_H
#define SVC_RENDEZVOUS_HUB_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct hub_rate {
	int64_t began; /* of the present stretch, ms */
	uint32_t present, before;
};

/* At most `limit` (0: no limit) in `span_ms`. */
struct hub_rate_limit {
	uint32_t limit;
	uint32_t span_ms;
};

/* Counts `cost` and returns 0 when it fits. Otherwise nothing is counted and the milliseconds are
 * returned after which it would fit (or the whole stretch, when it never will). */
uint32_t hub_rate_take(struct hub_rate *r, struct hub_rate_limit l, uint32_t cost, int64_t now_ms);

/* Nothing of it counts any more. */
bool hub_rate_is_idle(const struct hub_rate *r, struct hub_rate_limit l, int64_t now_ms);

#endif
