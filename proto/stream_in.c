/* The direction that comes: messages in, credit back. */
#include <string.h>

#include "base/alloc.h"
#include "proto/stream_private.h"

#define PEER_SIZE    256
#define ADDRESS_SIZE 1024
#define LAST         1
/* A window limits a transfer when half of it is used up within half the delay of the path. Beyond
 * this delay nobody waits for us to be fast. */
#define SLOW_MS 400
/* From this size on growing costs more in cold caches than it wins, unless the path has some delay:
 * between two processes 512 MiB took 0.25 s of processor time with it, 0.40 s with 16 MiB. */
#define LOCAL_WINDOW  (2 * 1024 * 1024)
#define LOCAL_MS      16
#define UNTHANKED_MAX 8 /* messages; below UNANSWERED_MAX of the writing side */

/* The sum of all windows of the process beyond what each stream has from the start. */
static size_t extra_windows;

void stream_in_start(struct stream *s)
{
	s->window = STREAM_WINDOW;
	s->allowed = STREAM_WINDOW;
	s->considered_at = loop_now(s->table->loop);
}

void stream_in_stop(struct stream *s)
{
	extra_windows -= s->window - STREAM_WINDOW;
	s->window = STREAM_WINDOW;
}

/* Once half a window was used up: was that fast enough to grant a larger one? Returns the growth.
 */
static size_t widen(struct stream *s)
{
	uint64_t now = loop_now(s->table->loop);
	uint64_t took = now - s->considered_at;
	size_t more = s->window;
	/* What is passed on comes from a service next to us: the delay of the path lies ahead. */
	bool local = s->on_credit != NULL;

	if (s->thanked < s->window / 2)
		return 0;
	s->thanked = 0;
	s->considered_at = now;
	if (took >= SLOW_MS / 2 || (s->window >= LOCAL_WINDOW && (took < LOCAL_MS / 2 || local)))
		return 0;
	if (s->window * 2 > STREAM_WINDOW_MAX || extra_windows + more > STREAM_BUDGET)
		return 0;
	extra_windows += more;
	s->window += more;
	return more;
}

static void send_credit(struct stream *s)
{
	size_t n = s->owed;
	struct msg m;

	s->thanked += n;
	n += widen(s);
	s->owed = 0;
	s->unthanked = 0;
	s->allowed += n;
	stream_tell_opened(s);
	msg_begin(&m, MSG_STREAM_CREDIT, 0);
	msg_put_u32(&m, s->id);
	msg_put_u32(&m, (uint32_t)n);
	link_send(s->table->link, &m);
}

/* When the other side is about to run out of credit, or has sent many small messages. */
void stream_in_thank(struct stream *s)
{
	bool scarce = s->allowed < s->window / 4;

	if (s->over || s->got_last || s->owed == 0 || !(scarce || s->unthanked >= UNTHANKED_MAX))
		return;
	send_credit(s);
}

void stream_consumed(struct stream *s, size_t n)
{
	if (s->over || s->got_last)
		return;
	if (n > s->window - s->allowed - s->owed)
		panic("stream", "%zu bytes consumed that never came", n);
	s->owed += n;
	if (s->owed >= s->window / 2)
		send_credit(s);
	else
		stream_look_later(s);
}

static int get_protocols(struct msg *m, struct stream_request *r)
{
	size_t n = msg_get_u16(m);

	if (n == 0 || n > STREAM_PROTOCOLS_MAX)
		return -1;
	for (size_t i = 0; i < n; i++) {
		r->protocols[i] = (enum protocol)msg_get_u8(m);
		if (protocol_id(r->protocols[i]) == NULL)
			return -1;
	}
	r->protocol_count = n;
	return 0;
}

/* Asks the user. The stream may be gone afterwards. */
static void offer(
    struct streams *t, struct stream *s, const struct stream_request *r, const char *address)
{
	const struct stream_events *events = NULL;
	void *user = NULL;

	if (t->request != NULL)
		events = t->request(t->arg, s, r, &user);
	else if (t->incoming != NULL)
		events = t->incoming(t->arg, s, r->protocols[0], r->peer, address, &user);
	if (s->over)
		return;
	if (events == NULL) {
		stream_reset(s, STREAM_REFUSED, "not served here");
		return;
	}
	s->events = events;
	if (user != NULL)
		s->user = user;
	if (t->request == NULL && !s->accepted)
		stream_accept(s, r->protocols[0], "");
}

static int hear_open(struct streams *t, uint32_t id, struct msg *m)
{
	char peer[PEER_SIZE], address[ADDRESS_SIZE];
	struct stream_request r = {.peer = peer};
	bool theirs = id != 0 && (id % 2 == 1) != link_connects(t->link);
	struct stream *s;

	if (get_protocols(m, &r) != 0)
		return -1;
	msg_get_cstr(m, peer, sizeof(peer));
	msg_get_cstr(m, address, sizeof(address));
	r.deadline_ms = msg_get_u32(m);
	if (!msg_end(m) || !theirs || map_getn(t->by_id, id) != NULL)
		return -1;
	s = stream_make(t, id, false, peer);
	s->protocol = r.protocols[0];
	memcpy(s->offered, r.protocols, sizeof(s->offered));
	s->offered_count = r.protocol_count;
	if (t->stopping)
		stream_reset(s, STREAM_RESTARTING, "the service is stopping");
	else if (streams_count(t) > STREAM_COUNT_MAX)
		stream_reset(s, STREAM_NO_MEMORY, "too many streams");
	else
		offer(t, s, &r, address);
	return 0;
}

static bool was_offered(const struct stream *s, enum protocol p)
{
	for (size_t i = 0; i < s->offered_count; i++)
		if (s->offered[i] == p)
			return true;
	return false;
}

static int hear_opened(struct stream *s, struct msg *m)
{
	enum protocol protocol = (enum protocol)msg_get_u8(m);
	char address[ADDRESS_SIZE];

	msg_get_cstr(m, address, sizeof(address));
	if (!msg_end(m) || !s->ours || s->accepted || !was_offered(s, protocol))
		return -1;
	s->protocol = protocol;
	stream_opened_now(s);
	if (s->events->opened != NULL)
		s->events->opened(s, s->user, protocol, address);
	return 0;
}

static int take_data(struct stream *s, struct bytes b, unsigned flags)
{
	bool last = flags == LAST;

	if (flags > LAST || (b.len == 0 && !last))
		return -1;
	if (s->got_last || (s->ours && !s->accepted))
		return -1;
	if (b.len > s->allowed) {
		log_error("stream", "%zu bytes more than credit allows", b.len - s->allowed);
		return -1;
	}
	s->allowed -= b.len;
	s->bytes_in += b.len;
	s->unthanked++;
	s->got_last = last;
	if (s->events->data != NULL)
		s->events->data(s, s->user, b.data, b.len, last);
	stream_close_if_done(s);
	return 0;
}

static int hear_data(struct stream *s, struct msg *m)
{
	unsigned flags = msg_get_u8(m);
	struct bytes b = msg_get_rest(m);

	return msg_end(m) ? take_data(s, b, flags) : -1;
}

/* `s` may be NULL: the slot of a stream that we have reset has to go back as well. */
static int hear_slot(struct streams *t, struct stream *s, struct msg *m)
{
	unsigned flags = msg_get_u8(m), slot = msg_get_u8(m);
	size_t n = msg_get_u32(m);
	struct bytes b = {slab_lent(t->slab, slot, n), n};
	int r = 0;

	if (!msg_end(m) || b.data == NULL)
		return -1;
	if (s != NULL)
		r = take_data(s, b, flags);
	slab_done(t->slab, slot);
	return r;
}

static int hear_reset(struct stream *s, struct msg *m)
{
	enum stream_code code = (enum stream_code)msg_get_u8(m);
	char text[STREAM_TEXT_MAX + 1];

	msg_get_cstr(m, text, sizeof(text));
	if (!msg_end(m) || code == STREAM_OK || (unsigned)code > STREAM_NO_MEMORY)
		return -1;
	stream_end(s, code, text);
	return 0;
}

static int hear_credit(struct stream *s, struct msg *m)
{
	uint32_t n = msg_get_u32(m);

	return msg_end(m) ? stream_out_credited(s, n) : -1;
}

static int hear_about(struct stream *s, struct msg *m)
{
	switch (m->type) {
	case MSG_STREAM_OPENED: return hear_opened(s, m);
	case MSG_STREAM_DATA: return hear_data(s, m);
	case MSG_STREAM_CREDIT: return hear_credit(s, m);
	case MSG_STREAM_RESET: return hear_reset(s, m);
	default: return -1;
	}
}

int streams_message(struct streams *t, struct msg *m)
{
	uint32_t id = msg_get_u32(m);
	struct stream *s;
	int r = 0;

	if (m->bad || t->closing)
		return m->bad ? -1 : 0;
	streams_enter(t);
	s = map_getn(t->by_id, id);
	if (m->type == MSG_STREAM_OPEN)
		r = hear_open(t, id, m);
	else if (!msg_is_stream(m->type))
		r = -1;
	else if (m->type == MSG_STREAM_SLOT)
		r = hear_slot(t, s, m);
	else if (s != NULL)
		r = hear_about(s, m);
	/* Else it was sent before the other side heard of our reset. */
	streams_leave(t);
	return r;
}
