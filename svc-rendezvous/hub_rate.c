#include "svc-rendezvous/hub_rate.h"

static void slide(struct hub_rate *r, uint32_t span, int64_t now)
{
	int64_t age = now - r->began;

	if (age >= 0 && age < span)
		return;
	r->before = age >= 0 && age < 2 * (int64_t)span ? r->present : 0;
	r->present = 0;
	r->began = r->before > 0 ? r->began + span : now;
}

/* What still counts of the stretch before, rounded up. */
static uint64_t faded(const struct hub_rate *r, uint32_t span, int64_t now)
{
	uint64_t left = (uint64_t)(span - (now - r->began));

	return (r->before * left + span - 1) / span;
}

/* When `before` has faded to `room`, or, when that is not enough, when the present has. */
static uint32_t wait_for(
    const struct hub_rate *r, struct hub_rate_limit l, uint32_t cost, int64_t now)
{
	uint64_t left = (uint64_t)(l.span_ms - (now - r->began)), at;

	if (cost > l.limit)
		return l.span_ms;
	if (r->before > 0 && r->present + cost <= l.limit) {
		at = (uint64_t)(l.limit - cost - r->present) * l.span_ms / r->before;
		return at < left ? (uint32_t)(left - at) : 1;
	}
	if (r->present == 0)
		return 1;
	at = (uint64_t)(l.limit - cost) * l.span_ms / r->present;
	return (uint32_t)(left + (at < l.span_ms ? l.span_ms - at : 0));
}

uint32_t hub_rate_take(struct hub_rate *r, struct hub_rate_limit l, uint32_t cost, int64_t now)
{
	if (l.limit == 0)
		return 0;
	slide(r, l.span_ms, now);
	if (r->present + faded(r, l.span_ms, now) + cost <= l.limit) {
		r->present += cost;
		return 0;
	}
	return wait_for(r, l, cost, now);
}

bool hub_rate_is_idle(const struct hub_rate *r, struct hub_rate_limit l, int64_t now)
{
	return (r->present == 0 && r->before == 0) || now - r->began >= 2 * (int64_t)l.span_ms;
}
