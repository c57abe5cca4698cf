#include "svc-transport/claim.h"

bool claim_yields(const struct claim *c, const struct claim *newcomer)
{
	return c->idle_since != CLAIM_BUSY || c->neighbours > newcomer->neighbours;
}

bool claim_yields_before(const struct claim *c, const struct claim *other)
{
	bool busy = c->idle_since == CLAIM_BUSY;

	if (busy != (other->idle_since == CLAIM_BUSY))
		return !busy;
	if (c->neighbours != other->neighbours)
		return c->neighbours > other->neighbours;
	return busy || c->idle_since < other->idle_since;
}
