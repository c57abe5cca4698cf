/* Event streams: however a stream is cut, it says the same, and nothing exceeds its bound. The
 * first byte says into how large pieces the rest is cut. */
#include <stdlib.h>
#include <string.h>

#include "svc-discovery/sse_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	struct sse_reader r;
	uint64_t hash;
};

static void mix(struct told *t, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		t->hash = (t->hash ^ ((const uint8_t *)p)[i]) * 0x100000001b3u;
}

static void on_event(void *arg, const char *type, const char *data, size_t len)
{
	if (len > SSE_EVENT_MAX || data[len] != '\0' || strlen(type) > SSE_TYPE_MAX)
		abort();
	mix(arg, type, strlen(type) + 1);
	mix(arg, data, len + 1);
}

static void on_retry(void *arg, uint32_t ms)
{
	if (ms > SSE_RETRY_MAX)
		abort();
	mix(arg, &ms, sizeof ms);
}

static void read_stream(struct told *t, const uint8_t *p, size_t n, size_t piece)
{
	static const struct sse_reader_events events = {on_event, on_retry};

	t->hash = 0;
	sse_reader_init(&t->r, &events, t);
	while (n > 0) {
		size_t some = n < piece ? n : piece;

		sse_reader_feed(&t->r, p, some);
		p += some;
		n -= some;
	}
	mix(t, t->r.last_id, strlen(t->r.last_id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told whole, cut;

	if (size == 0)
		return 0;
	read_stream(&whole, data + 1, size - 1, size);
	read_stream(&cut, data + 1, size - 1, data[0] % 16 + 1u);
	if (whole.hash != cut.hash || sse_reader_left_out(&whole.r) != sse_reader_left_out(&cut.r))
		abort();
	sse_reader_restart(&cut.r);
	sse_reader_clear(&whole.r);
	sse_reader_clear(&cut.r);
	return 0;
}
