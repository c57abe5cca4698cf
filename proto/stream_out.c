/* The direction that we write: messages are gathered until they are full or the turn ends. */
#include <string.h>

#include "proto/stream_private.h"

#define HEADER     (4 + 1) /* stream, flags */
#define FLAGS_AT   (2 + 4)
#define LAST       1
#define WHOLE_FROM 4096 /* writes from this size on get a whole message's memory at once */
/* When the other side has given no credit for so many messages, small ones wait for more bytes, for
 * credit or for a moment to pass: credit bounds bytes only, and a remote peer that writes byte by
 * byte to a slow reader shall not fill the queue with messages. */
#define UNANSWERED_MAX 16
#define HOLD_MS        20
#define REST_MS        10000 /* after which memory that is not used is given back */

/* A slot for what is worth it and can go at once. */
static int take_slot(struct stream *s, size_t want)
{
	struct streams *t = s->table;
	int slot = want < WHOLE_FROM || !s->accepted ? -1 : slab_take(t->slab);

	if (slot < 0)
		return -1;
	t->slab_used = true;
	if (!timer_active(t->rest))
		timer_start(t->rest, REST_MS);
	return slot;
}

static void begin(struct stream *s, size_t want)
{
	s->gathering = true;
	s->out_len = 0;
	s->slot = take_slot(s, want);
	if (s->slot >= 0)
		return;
	msg_begin(&s->out, MSG_STREAM_DATA, HEADER + (want < WHOLE_FROM ? want : STREAM_PAYLOAD));
	msg_put_u32(&s->out, s->id);
	msg_put_u8(&s->out, 0);
}

/* Where the next `n` bytes go, which fit. */
static uint8_t *next_bytes(struct stream *s, size_t n)
{
	if (s->slot >= 0)
		return slab_room(s->table->slab, (unsigned)s->slot) + s->out_len;
	return msg_put_room(&s->out, n);
}

void stream_out_drop(struct stream *s)
{
	if (s->gathering && s->slot >= 0)
		slab_give_back(s->table->slab, (unsigned)s->slot);
	else if (s->gathering)
		msg_drop(&s->out);
	s->gathering = false;
}

void stream_out_rest(void *arg)
{
	struct streams *t = arg;

	if (t->slab != NULL && (t->slab_used || !slab_rest(t->slab)))
		timer_start(t->rest, REST_MS);
	t->slab_used = false;
}

/* Says where the bytes are. */
static void describe(struct stream *s)
{
	msg_begin(&s->out, MSG_STREAM_SLOT, 0);
	msg_put_u32(&s->out, s->id);
	msg_put_u8(&s->out, 0);
	msg_put_u8(&s->out, (uint8_t)s->slot);
	msg_put_u32(&s->out, (uint32_t)s->out_len);
	slab_sent(s->table->slab, (unsigned)s->slot);
}

static void send_gathered(struct stream *s)
{
	bool last = s->sent_last;

	stream_tell_opened(s);
	if (!s->gathering)
		begin(s, 0);
	if (s->slot >= 0)
		describe(s);
	s->out.base[FLAGS_AT] = last ? LAST : 0;
	s->bytes_out += s->out_len;
	s->gathering = false;
	s->held = false;
	s->out_len = 0;
	s->unanswered++;
	s->told_last = last;
	/* A link that has just broken says so to all streams by itself. */
	link_send(s->table->link, &s->out);
}

void stream_out_flush(struct stream *s, bool now)
{
	bool small = s->out_len < STREAM_PAYLOAD && !s->sent_last;

	s->held = false;
	if (s->over || s->room > 0 || s->told_last || (!s->ours && !s->accepted))
		return;
	if (s->out_len == 0 && !s->sent_last)
		return;
	if (small && !now && s->unanswered >= UNANSWERED_MAX) {
		s->held = true;
		if (!timer_active(s->table->hold))
			timer_start(s->table->hold, HOLD_MS);
		return;
	}
	send_gathered(s);
}

size_t stream_credit(const struct stream *s)
{
	return s->sent_last || s->over ? 0 : s->credit;
}

/* Room in the message being gathered, else in a new one; at most what fits. */
static size_t fit(struct stream *s, size_t want)
{
	size_t most = STREAM_PAYLOAD;

	if (s->gathering && s->out_len == STREAM_PAYLOAD)
		stream_out_flush(s, true);
	/* Before it is accepted nothing may go: one message is all that is kept. */
	if (!s->gathering)
		begin(s, want);
	most -= s->out_len;
	return want < most ? want : most;
}

size_t stream_write(struct stream *s, const void *p, size_t len, bool last)
{
	size_t take = len < stream_credit(s) ? len : stream_credit(s);
	size_t done = 0, n;

	while (done < take) {
		n = fit(s, take - done);
		if (n == 0)
			break;
		memcpy(next_bytes(s, n), (const uint8_t *)p + done, n);
		s->out_len += n;
		s->credit -= n;
		done += n;
	}
	if (s->out_len == STREAM_PAYLOAD)
		stream_out_flush(s, true);
	if (last && done == len && !s->over)
		s->sent_last = true;
	if (done > 0 || last)
		stream_look_later(s);
	return done;
}

uint8_t *stream_room(struct stream *s, size_t want, size_t *room)
{
	if (want > stream_credit(s))
		want = stream_credit(s);
	if (want > STREAM_PAYLOAD)
		want = STREAM_PAYLOAD;
	*room = 0;
	if (want == 0)
		return NULL;
	/* The room is in one piece, so what would be cut goes into a message of its own. */
	if (s->gathering && STREAM_PAYLOAD - s->out_len < want)
		stream_out_flush(s, true);
	*room = fit(s, want);
	if (*room == 0)
		return NULL;
	s->room = *room;
	return next_bytes(s, *room);
}

void stream_wrote(struct stream *s, size_t len, bool last)
{
	if (s->slot < 0)
		msg_trim_room(&s->out, s->room, len);
	else if (len > s->room)
		panic("stream", "%zu bytes written into room for %zu", len, s->room);
	s->room = 0;
	s->out_len += len;
	s->credit -= len;
	if (last)
		s->sent_last = true;
	if (s->out_len == STREAM_PAYLOAD)
		stream_out_flush(s, true);
	if (s->out_len == 0)
		stream_out_drop(s);
	if (len > 0 || last)
		stream_look_later(s);
}

void stream_finish(struct stream *s)
{
	if (s->sent_last || s->over)
		return;
	s->sent_last = true;
	stream_look_later(s);
}

int stream_out_credited(struct stream *s, uint32_t n)
{
	bool was_empty = s->credit == 0;
	struct streams *t = s->table;

	if (n == 0 || n > STREAM_WINDOW_MAX - s->credit)
		return -1;
	s->credit += n;
	s->unanswered = 0;
	if (s->held)
		stream_look_later(s);
	streams_enter(t);
	if (s->on_credit != NULL)
		s->on_credit(s, s->user, n);
	else if (was_empty && !s->sent_last && s->events->writable != NULL)
		s->events->writable(s, s->user);
	streams_leave(t);
	return 0;
}
