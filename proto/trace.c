#include "proto/trace.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

struct seen {
	int64_t at; /* Unix time, ms */
	uint32_t size;
	uint16_t type;
	uint8_t peer;
	bool out;
};

struct trace {
	struct parent *parent;
	struct timer *collect;
	struct trace_filter filter;
	struct seen *seen; /* TRACE_BATCH of them, while it is on */
	size_t count;
	uint32_t lost; /* not kept since the last TRACE */
};

static void tell(void *arg)
{
	struct trace *t = arg;
	struct msg m;

	/* Pulses and reports go first. */
	if (parent_waiting(t->parent) > 0) {
		timer_start(t->collect, TRACE_COLLECT_MS);
		return;
	}
	msg_begin(&m, MSG_TRACE, t->count * sizeof(struct seen) + 8);
	msg_put_u32(&m, t->lost);
	msg_put_u16(&m, (uint16_t)t->count);
	for (size_t i = 0; i < t->count; i++) {
		msg_put_i64(&m, t->seen[i].at);
		msg_put_u8(&m, t->seen[i].out);
		msg_put_u8(&m, t->seen[i].peer);
		msg_put_u16(&m, t->seen[i].type);
		msg_put_u32(&m, t->seen[i].size);
	}
	t->count = 0;
	t->lost = 0;
	parent_send(t->parent, &m);
}

struct trace *trace_new(struct loop *loop, struct parent *parent)
{
	struct trace *t = xcalloc(1, sizeof(*t));

	t->parent = parent;
	t->collect = timer_new(loop, tell, t);
	return t;
}

void trace_free(struct trace *t)
{
	if (t == NULL)
		return;
	timer_free(t->collect);
	free(t->seen);
	free(t);
}

void trace_set(struct trace *t, const struct trace_filter *filter)
{
	t->filter = *filter;
	if (!trace_filter_is_empty(filter)) {
		if (t->seen == NULL)
			t->seen = xcalloc(TRACE_BATCH, sizeof(*t->seen));
		return;
	}
	timer_stop(t->collect);
	free(t->seen);
	t->seen = NULL;
	t->count = 0;
	t->lost = 0;
}

bool trace_is_on(const struct trace *t)
{
	return t->seen != NULL;
}

void trace_note(struct trace *t, enum service_id peer, bool out, unsigned type, size_t size)
{
	if (t->seen == NULL || !trace_filter_wants(&t->filter, peer, type))
		return;
	if (!timer_active(t->collect))
		timer_start(t->collect, TRACE_COLLECT_MS);
	if (t->count == TRACE_BATCH) {
		t->lost++;
		return;
	}
	t->seen[t->count++] = (struct seen){
	    .at = clock_wall_ms(),
	    .size = (uint32_t)size,
	    .type = (uint16_t)type,
	    .peer = (uint8_t)peer,
	    .out = out,
	};
}
