/* The sending half of yamux.c: control frames, and the turns of streams that have data. */
#include <string.h>

#include "base/log.h"
#include "svc-transport/yamux_session.h"

#define CONTROL_BATCH 32   /* control frames in one output */
#define SLICE_MIN     4096 /* a smaller rest of a record is not worth cutting a frame for */

void yamux_control(struct yamux *y, enum yamux_type type, unsigned flags, uint32_t id, uint32_t n)
{
	struct yamux_frame f = {
	    .type = (uint8_t)type, .flags = (uint16_t)flags, .stream = id, .length = n};
	uint8_t head[YAMUX_HEADER];

	yamux_frame_put(head, &f);
	if (buf_put(&y->control, head, sizeof(head)) != 0)
		y->flooded = true;
}

void yamux_schedule(struct yamux_stream *s)
{
	bool data = s->queue.len > 0 && s->send_window > 0;
	bool fin = s->queue.len == 0 && s->finished && !s->sent_fin;
	bool ready = !s->dead && (data || fin);

	if (ready == s->ready)
		return;
	s->ready = ready;
	if (ready)
		TAILQ_INSERT_TAIL(&s->session->ready, s, turn);
	else
		TAILQ_REMOVE(&s->session->ready, s, turn);
}

/* --- one output ------------------------------------------------------------------------------- */

struct output {
	struct yamux *y;
	struct bytes *pieces;
	size_t count;
	size_t left; /* bytes that still fit */
	size_t size; /* bytes taken */
	size_t head; /* used of y->heads */
};

static void add_piece(struct output *o, const uint8_t *p, size_t n)
{
	o->pieces[o->count++] = (struct bytes){p, n};
	o->size += n;
	o->left -= n;
}

static void add_head(struct output *o, const struct yamux_frame *f)
{
	uint8_t *at = o->y->heads + o->head;

	yamux_frame_put(at, f);
	o->head += YAMUX_HEADER;
	add_piece(o, at, YAMUX_HEADER);
}

/* Control frames are copied out, since what a callback queues may move the buffer. */
static void add_control(struct output *o)
{
	struct buf *control = &o->y->control;
	size_t n = buf_len(control);

	if (n > CONTROL_BATCH * YAMUX_HEADER)
		n = CONTROL_BATCH * YAMUX_HEADER;
	if (n == 0)
		return;
	memcpy(o->y->heads, buf_data(control), n);
	buf_consume(control, n);
	o->head = n;
	add_piece(o, o->y->heads, n);
}

/* Our FIN goes alone, on a window update: js-libp2p acts on it before it looks at a payload. */
static void add_fin(struct output *o, struct yamux_stream *s)
{
	struct yamux_frame f = {.type = YAMUX_WINDOW_UPDATE, .flags = YAMUX_FIN, .stream = s->id};

	add_head(o, &f);
	s->sent_fin = true;
	yamux_schedule(s);
	yamux_close_done(s);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void add_data(struct output *o, struct yamux_stream *s)
{
	size_t most = smaller(o->left - YAMUX_HEADER, smaller(s->queue.len, s->send_window));
	size_t at = o->count + 1, used;
	size_t n = yamux_queue_take(
	    &s->queue, most, o->pieces + at, YAMUX_PIECES_MAX - at, &used, &o->y->spent);
	struct yamux_frame f = {.type = YAMUX_DATA, .stream = s->id, .length = (uint32_t)n};

	add_head(o, &f);
	o->count += used;
	o->size += n;
	o->left -= n;
	o->y->queued -= n;
	s->send_window -= n;
	/* Out and in again: the next turn is another stream's. */
	TAILQ_REMOVE(&o->y->ready, s, turn);
	s->ready = false;
	yamux_schedule(s);
	if (o->y->events->sent != NULL)
		o->y->events->sent(o->y->arg, s, s->user, n);
}

static bool fits(const struct output *o, const struct yamux_stream *s)
{
	size_t want = YAMUX_HEADER + smaller(s->queue.len, s->send_window);

	if (o->count + 2 > YAMUX_PIECES_MAX)
		return false;
	return want <= o->left || (o->left >= SLICE_MIN) ||
	       (o->size == 0 && o->left > YAMUX_HEADER);
}

size_t yamux_output(struct yamux *y, size_t max, struct bytes *pieces)
{
	struct output o = {.y = y, .pieces = pieces, .left = max};
	struct yamux_stream *s;

	if (y->busy || max < YAMUX_OUTPUT_MIN)
		panic("yamux", "output called from a callback, or for %zu bytes", max);
	yamux_reap(y);
	y->busy = true;
	add_control(&o);
	/* A SYN that still waits among the control frames must not be overtaken by its data. */
	while (buf_len(&y->control) == 0 && (s = TAILQ_FIRST(&y->ready)) != NULL && fits(&o, s)) {
		if (s->queue.len > 0)
			add_data(&o, s);
		else
			add_fin(&o, s);
	}
	y->busy = false;
	return o.count;
}

bool yamux_has_output(const struct yamux *y)
{
	return buf_len(&y->control) > 0 || !TAILQ_EMPTY(&y->ready);
}

/* --- queueing --------------------------------------------------------------------------------- */

size_t yamux_writable(const struct yamux_stream *s)
{
	if (s->dead || s->finished || s->send_window <= s->queue.len)
		return 0;
	return (size_t)(s->send_window - s->queue.len);
}

size_t yamux_queued(const struct yamux_stream *s)
{
	return s->queue.len;
}

static bool may_queue(const struct yamux_stream *s, size_t n)
{
	return !s->dead && !s->finished && n <= YAMUX_QUEUE_MAX - s->session->queued;
}

int yamux_write(struct yamux_stream *s, const void *p, size_t n)
{
	if (!may_queue(s, n))
		return -1;
	if (n == 0)
		return 0;
	yamux_queue_put(&s->queue, p, n);
	s->session->queued += n;
	yamux_schedule(s);
	return 0;
}

int yamux_lend(struct yamux_stream *s, const void *p, size_t n)
{
	if (!may_queue(s, n))
		return -1;
	yamux_queue_lend(&s->queue, p, n);
	s->lending = true;
	s->session->queued += n;
	yamux_schedule(s);
	return 0;
}

void yamux_settle(struct yamux_stream *s)
{
	yamux_queue_settle(&s->queue);
	s->lending = false;
}

void yamux_finish(struct yamux_stream *s)
{
	if (s->dead || s->finished)
		return;
	s->finished = true;
	yamux_schedule(s);
}
