/* The first byte chooses: raw bytes for one session, whose events must not depend on how they are
 * cut; or two sessions joined in memory, driven by the rest of the input, with or without somebody
 * who changes bytes on the way. Unless he does, every byte arrives in order and nobody complains.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "svc-transport/yamux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAMS  8
#define SLICE    65536
#define WIRE_MAX (4 << 20)
#define OPS_MAX  15000 /* bytes of input */

struct flow {
	struct yamux_stream *s; /* NULL: gone */
	uint32_t id;
	size_t written, read, owed;
};

struct end {
	struct yamux *y;
	struct buf wire; /* on its way to the other end */
	struct flow flows[STREAMS];
	bool touched; /* bytes were changed, or one side gave up */
	bool raw;
	uint64_t trace; /* of the events */
};

static uint8_t ramp[256 + SLICE]; /* 0, 1, 2, ... again and again */

/* What one side writes on a stream from its byte `at` on; good for SLICE bytes. */
static const uint8_t *content(uint32_t id, bool by_client, size_t at)
{
	return ramp + (uint8_t)(id * 31 + by_client * 101 + at);
}

static void check_content(const struct flow *f, bool by_client, const uint8_t *p, size_t n)
{
	for (size_t done = 0, some; done < n; done += some) {
		some = n - done < SLICE ? n - done : SLICE;
		if (memcmp(p + done, content(f->id, by_client, f->read + done), some) != 0)
			abort();
	}
}

static void trace(struct end *e, uint64_t what)
{
	e->trace = (e->trace ^ what) * 1099511628211u;
}

static struct flow *free_flow(struct end *e)
{
	for (size_t i = 0; i < STREAMS; i++)
		if (e->flows[i].s == NULL)
			return &e->flows[i];
	return NULL;
}

static void flow_begin(struct flow *f, struct yamux_stream *s)
{
	*f = (struct flow){.s = s, .id = yamux_stream_id(s)};
	yamux_set_user(s, f);
}

static bool on_opened(void *arg, struct yamux_stream *s)
{
	struct flow *f = free_flow(arg);

	trace(arg, yamux_stream_id(s));
	if (f == NULL)
		return false;
	flow_begin(f, s);
	return true;
}

static void on_data(void *arg, struct yamux_stream *s, void *user, const uint8_t *p, size_t n)
{
	struct end *e = arg;
	struct flow *f = user;
	bool by_client = yamux_stream_is_ours(s) == (f->id % 2 == 0);

	if (f->s != s || n == 0)
		abort();
	for (size_t i = 0; i < n && e->raw; i++)
		trace(e, p[i]);
	if (!e->raw && !e->touched)
		check_content(f, by_client, p, n);
	f->read += n;
	f->owed += n;
}

static void on_finished(void *arg, struct yamux_stream *s, void *user)
{
	struct flow *f = user;

	if (f->s != s)
		abort();
	trace(arg, f->id + 1000);
	if (((struct end *)arg)->raw)
		yamux_finish(s);
}

static void on_reset(void *arg, struct yamux_stream *s, void *user, uint32_t code)
{
	struct flow *f = user;

	if (f->s != s)
		abort();
	trace(arg, f->id + 2000 + code);
	f->s = NULL;
}

static void on_closed(void *arg, struct yamux_stream *s, void *user)
{
	on_reset(arg, s, user, 0);
}

static void on_window(void *arg, struct yamux_stream *s, void *user, uint32_t n)
{
	(void)s;
	(void)user;
	trace(arg, n);
}

static void on_goaway(void *arg, uint32_t reason)
{
	trace(arg, reason + 4000);
}

static const struct yamux_events EVENTS = {.opened = on_opened,
    .data = on_data,
    .finished = on_finished,
    .reset = on_reset,
    .closed = on_closed,
    .window = on_window,
    .goaway = on_goaway};

static void end_init(struct end *e, bool client, bool is_raw)
{
	*e = (struct end){.raw = is_raw, .trace = 14695981039346656037u};
	e->y = yamux_new(client, &EVENTS, e);
	buf_init(&e->wire, WIRE_MAX);
}

static void end_clear(struct end *e)
{
	yamux_free(e->y);
	buf_clear(&e->wire);
}

static void flush(struct end *e, size_t max)
{
	struct bytes pieces[YAMUX_PIECES_MAX];
	size_t count;

	while (buf_room(&e->wire) >= max && (count = yamux_output(e->y, max, pieces)) > 0) {
		size_t total = 0;
		if (count > YAMUX_PIECES_MAX)
			abort();
		for (size_t i = 0; i < count; i++) {
			total += pieces[i].len;
			buf_put(&e->wire, pieces[i].data, pieces[i].len);
		}
		if (total > max || total == 0)
			abort();
	}
}

/* --- raw -------------------------------------------------------------------------------------- */

static int raw_run(struct end *e, bool client, const uint8_t *p, size_t n, size_t step)
{
	int r = 0;

	end_init(e, client, true);
	for (size_t i = 0; i < STREAMS / 2; i++)
		flow_begin(&e->flows[i], yamux_open(e->y, NULL));
	for (size_t at = 0; at < n; at += step)
		r = yamux_input(e->y, p + at, step < n - at ? step : n - at);
	flush(e, YAMUX_OUTPUT_MIN);
	return r;
}

static void raw(bool client, const uint8_t *p, size_t n)
{
	struct end whole, cut;
	int a = raw_run(&whole, client, p, n, n), b = raw_run(&cut, client, p, n, 1);

	if (a != b || whole.trace != cut.trace || buf_len(&whole.wire) != buf_len(&cut.wire))
		abort();
	if (memcmp(buf_data(&whole.wire), buf_data(&cut.wire), buf_len(&cut.wire)) != 0)
		abort();
	end_clear(&whole);
	end_clear(&cut);
}

/* --- joined ----------------------------------------------------------------------------------- */

static void fill(struct flow *f, uint8_t *p, size_t n, bool client)
{
	for (size_t done = 0, some; done < n; done += some) {
		some = n - done < SLICE ? n - done : SLICE;
		memcpy(p + done, content(f->id, client, f->written + done), some);
	}
	f->written += n;
}

static void do_write(struct end *e, struct flow *f, size_t n, bool client, bool lend)
{
	uint8_t *p;

	if (f->s == NULL || yamux_sent_fin(f->s) || yamux_queued(f->s) > 1 << 20)
		return;
	p = xmalloc(n);
	fill(f, p, n, client);
	if (!lend) {
		if (yamux_write(f->s, p, n) != 0)
			abort();
	} else {
		struct yamux_stream *s = f->s;
		if (yamux_lend(s, p, n) != 0)
			abort();
		flush(e, YAMUX_OUTPUT_MIN + n % 64000);
		yamux_settle(s);
	}
	free(p);
}

static void deliver(struct end *from, struct end *to, size_t n)
{
	if (n > buf_len(&from->wire))
		n = buf_len(&from->wire);
	if (yamux_input(to->y, buf_data(&from->wire), n) != 0 && !to->touched && !from->touched)
		abort();
	buf_consume(&from->wire, n);
}

static void do_credit(struct flow *f)
{
	if (f->s != NULL)
		yamux_credit(f->s, f->owed);
	f->owed = 0;
}

static void do_open(struct end *e)
{
	struct flow *f = free_flow(e);
	struct yamux_stream *s = f == NULL ? NULL : yamux_open(e->y, f);

	if (s != NULL)
		flow_begin(f, s);
}

static void meddle(struct end *from, struct end *to, size_t at, uint8_t by)
{
	size_t n = buf_len(&from->wire);

	if (n == 0 || by == 0)
		return;
	((uint8_t *)buf_data(&from->wire))[at % n] ^= by;
	/* What the other side answers may be odd as well. */
	to->touched = from->touched = true;
}

static void step(struct end *e, struct end *other, bool client, const uint8_t *op, uint64_t *now)
{
	struct flow *f = &e->flows[op[1] % STREAMS];
	size_t n = (size_t)op[2] << 8 | op[3];

	switch (op[0] % 16) {
	case 0:
	case 1: do_open(e); break;
	case 2: do_write(e, f, n, client, false); break;
	case 3: do_write(e, f, n * 4, client, true); break;
	case 4:
		if (f->s != NULL)
			yamux_finish(f->s);
		break;
	case 5:
		if (f->s != NULL)
			yamux_reset(f->s, (enum yamux_code)n);
		f->s = NULL;
		break;
	case 6: do_credit(f); break;
	case 7: flush(e, YAMUX_OUTPUT_MIN + n); break;
	case 8: deliver(e, other, n); break;
	case 9: deliver(e, other, SIZE_MAX); break;
	case 10:
		if (yamux_tick(e->y, *now += n) != 0)
			e->touched = other->touched = true;
		break;
	case 11: meddle(e, other, n, op[1]); break;
	case 12:
		if (n != 0)
			break;
		yamux_close(e->y, YAMUX_GOAWAY_NORMAL);
		e->touched = other->touched = true;
		break;
	default: break;
	}
}

static bool idle(const struct end *e)
{
	for (size_t i = 0; i < STREAMS; i++)
		if (e->flows[i].owed > 0)
			return false;
	return buf_len(&e->wire) == 0 && !yamux_has_output(e->y);
}

/* Both read all and give credit until nothing moves: then nothing may be left in any queue. */
static void settle(struct end *a, struct end *b)
{
	do {
		for (size_t i = 0; i < STREAMS; i++) {
			do_credit(&a->flows[i]);
			do_credit(&b->flows[i]);
		}
		flush(a, 65519);
		deliver(a, b, SIZE_MAX);
		flush(b, 65519);
		deliver(b, a, SIZE_MAX);
	} while (!idle(a) || !idle(b));
	if (a->touched || b->touched)
		return;
	for (size_t i = 0; i < STREAMS; i++)
		if ((a->flows[i].s != NULL && yamux_queued(a->flows[i].s) > 0) ||
		    (b->flows[i].s != NULL && yamux_queued(b->flows[i].s) > 0))
			abort();
}

static void joined(const uint8_t *p, size_t n)
{
	struct end client, server;
	uint64_t now = 1;

	end_init(&client, true, false);
	end_init(&server, false, false);
	/* More would flood with what honest sides say. */
	for (n = n < OPS_MAX ? n : OPS_MAX; n >= 5; p += 5, n -= 5) {
		if (p[4] % 2 == 0)
			step(&client, &server, true, p, &now);
		else
			step(&server, &client, false, p, &now);
	}
	settle(&client, &server);
	end_clear(&client);
	end_clear(&server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (ramp[1] == 0)
		for (size_t i = 0; i < sizeof(ramp); i++)
			ramp[i] = (uint8_t)i;
	if (data[0] % 4 == 0)
		raw(data[0] % 8 == 0, data + 1, size - 1);
	else
		joined(data + 1, size - 1);
	return 0;
}
