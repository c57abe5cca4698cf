#include "svc-transport/bucket.h"

#define NS_PER_MS     1000000u
#define NS_PER_SECOND 1000000000u

/* A bucket is known by when it will be full again: nothing is lost to rounding, however often it is
 * asked. */
static uint64_t full_after(
    const struct bucket *b, const struct bucket_size *size, uint64_t n, uint64_t now)
{
	uint64_t from = b->full_at > now * NS_PER_MS ? b->full_at : now * NS_PER_MS;

	return from + n * NS_PER_SECOND / size->second;
}

bool bucket_has(const struct bucket *b, const struct bucket_size *size, uint64_t n, uint64_t now)
{
	uint64_t whole = (uint64_t)size->burst * NS_PER_SECOND / size->second;

	return full_after(b, size, n, now) - now * NS_PER_MS <= whole;
}

bool bucket_take(struct bucket *b, const struct bucket_size *size, uint64_t n, uint64_t now)
{
	if (!bucket_has(b, size, n, now))
		return false;
	b->full_at = full_after(b, size, n, now);
	return true;
}

bool bucket_is_full(const struct bucket *b, uint64_t now)
{
	return b->full_at <= now * NS_PER_MS;
}
