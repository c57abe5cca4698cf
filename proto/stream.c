#include "proto/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "proto/stream_private.h"

static const char *const code_names[] = {
    [STREAM_OK] = "ok",
    [STREAM_CANCELLED] = "cancelled",
    [STREAM_REFUSED] = "refused",
    [STREAM_UNREACHABLE] = "unreachable",
    [STREAM_TIMEOUT] = "timed out",
    [STREAM_BROKEN] = "broken",
    [STREAM_RESTARTING] = "service restarting",
    [STREAM_VIOLATION] = "protocol violated",
    [STREAM_NO_MEMORY] = "no memory",
};

const char *stream_code_name(enum stream_code code)
{
	return (unsigned)code <= STREAM_NO_MEMORY ? code_names[code] : "?";
}

void streams_enter(struct streams *t)
{
	t->depth++;
}

static void destroy(struct stream *s)
{
	if (s->untold)
		msg_drop(&s->opened);
	free(s->peer);
	free(s);
}

void streams_leave(struct streams *t)
{
	struct stream *s;

	if (--t->depth > 0)
		return;
	while ((s = TAILQ_FIRST(&t->dead)) != NULL) {
		TAILQ_REMOVE(&t->dead, s, entry);
		destroy(s);
	}
	if (t->freed) {
		slab_free(t->slab);
		slab_free(t->next_slab);
		free(t);
	}
}

/* Only between streams_enter() and streams_leave(). */
void stream_forget(struct stream *s)
{
	struct streams *t = s->table;

	if (s->over)
		return;
	s->over = true;
	stream_in_stop(s);
	stream_out_drop(s);
	map_removen(t->by_id, s->id);
	if (s->ours && !s->accepted)
		TAILQ_REMOVE(&t->unopened, s, waiting);
	if (s->todo)
		TAILQ_REMOVE(&t->todo, s, work);
	TAILQ_REMOVE(&t->all, s, entry);
	TAILQ_INSERT_TAIL(&t->dead, s, entry);
}

void stream_send_reset(struct stream *s, enum stream_code code, const char *text)
{
	size_t n = strlen(text);
	struct msg m;

	if (n > STREAM_TEXT_MAX) {
		n = STREAM_TEXT_MAX;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	msg_begin(&m, MSG_STREAM_RESET, n + 16);
	msg_put_u32(&m, s->id);
	msg_put_u8(&m, (uint8_t)code);
	msg_put_strn(&m, text, str_is_utf8(text, n) ? n : 0);
	link_send(s->table->link, &m);
}

void stream_end(struct stream *s, enum stream_code code, const char *text)
{
	struct streams *t = s->table;

	if (s->over)
		return;
	streams_enter(t);
	stream_forget(s);
	if (s->events != NULL && s->events->reset != NULL)
		s->events->reset(s, s->user, code, text);
	streams_leave(t);
}

void stream_close_if_done(struct stream *s)
{
	struct streams *t = s->table;

	if (s->over || !s->told_last || !s->got_last || (s->ours && !s->accepted))
		return;
	streams_enter(t);
	stream_forget(s);
	if (s->events != NULL && s->events->closed != NULL)
		s->events->closed(s, s->user);
	streams_leave(t);
}

void stream_look_later(struct stream *s)
{
	if (s->todo || s->over)
		return;
	s->todo = true;
	TAILQ_INSERT_TAIL(&s->table->todo, s, work);
	/* The hook of another may have written it, after ours. */
	loop_again(s->table->loop);
}

/* The end of the loop's turn: sends what the turn has gathered. */
static bool on_before_sleep(void *arg)
{
	struct streams *t = arg;
	struct stream *s;

	streams_enter(t);
	while (!t->freed && (s = TAILQ_FIRST(&t->todo)) != NULL) {
		TAILQ_REMOVE(&t->todo, s, work);
		s->todo = false;
		stream_tell_opened(s);
		stream_out_flush(s, false);
		stream_in_thank(s);
		stream_close_if_done(s);
	}
	streams_leave(t);
	return false;
}

static void on_hold_over(void *arg)
{
	struct streams *t = arg;
	struct stream *s, *next;

	streams_enter(t);
	for (s = TAILQ_FIRST(&t->all); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->held)
			stream_out_flush(s, true);
	}
	streams_leave(t);
}

static void set_deadline(struct streams *t, uint64_t at)
{
	uint64_t now = loop_now(t->loop);

	t->deadline_at = at;
	timer_start(t->deadline, at > now ? at - now : 0);
}

static void set_next_deadline(struct streams *t)
{
	uint64_t first = UINT64_MAX;
	struct stream *s;

	TAILQ_FOREACH (s, &t->unopened, waiting)
		if (s->deadline < first)
			first = s->deadline;
	if (first != UINT64_MAX)
		set_deadline(t, first);
}

static void on_deadline(void *arg)
{
	struct streams *t = arg;
	uint64_t now = loop_now(t->loop);
	struct stream *s, *next;

	streams_enter(t);
	/* A callback may end any stream of the list, so begin again after each. */
	do {
		for (s = TAILQ_FIRST(&t->unopened); s != NULL; s = next) {
			next = TAILQ_NEXT(s, waiting);
			if (s->deadline <= now)
				break;
		}
		if (s != NULL) {
			stream_send_reset(s, STREAM_TIMEOUT, "not opened in time");
			stream_end(s, STREAM_TIMEOUT, "not opened in time");
		}
	} while (s != NULL && !t->freed);
	if (!t->freed)
		set_next_deadline(t);
	streams_leave(t);
}

struct streams *streams_new(struct loop *loop, struct link *l, stream_incoming_fn *incoming,
    stream_request_fn *request, void *arg)
{
	struct streams *t = xcalloc(1, sizeof(*t));

	t->loop = loop;
	t->link = l;
	t->incoming = incoming;
	t->request = request;
	t->arg = arg;
	t->by_id = map_new();
	TAILQ_INIT(&t->all);
	TAILQ_INIT(&t->dead);
	TAILQ_INIT(&t->todo);
	TAILQ_INIT(&t->unopened);
	t->next_id = link_connects(l) ? 1 : 2;
	t->hook = loop_before_sleep(loop, on_before_sleep, t);
	t->deadline = timer_new(loop, on_deadline, t);
	t->hold = timer_new(loop, on_hold_over, t);
	t->rest = timer_new(loop, stream_out_rest, t);
	return t;
}

static void end_all(struct streams *t, enum stream_code code, const char *text, bool tell)
{
	struct stream *s;

	while ((s = TAILQ_FIRST(&t->all)) != NULL) {
		if (tell)
			stream_send_reset(s, code, text);
		stream_end(s, code, text);
	}
}

void streams_free(struct streams *t)
{
	if (t == NULL || t->closing)
		return;
	t->closing = true;
	streams_enter(t);
	end_all(t, STREAM_RESTARTING, "the service ends", true);
	map_free(t->by_id);
	timer_free(t->deadline);
	timer_free(t->hold);
	timer_free(t->rest);
	before_sleep_free(t->hook);
	t->freed = true;
	streams_leave(t);
}

void streams_stop(struct streams *t)
{
	t->stopping = true;
}

static void change_slab(struct streams *t)
{
	slab_free(t->slab);
	t->slab = t->next_slab;
	t->next_slab = NULL;
	t->slab_changes = false;
}

void streams_set_slab(struct streams *t, int fd)
{
	slab_free(t->next_slab);
	t->next_slab = fd < 0 ? NULL : slab_open(fd, link_connects(t->link));
	t->slab_changes = true;
	if (TAILQ_EMPTY(&t->all))
		change_slab(t);
}

void streams_down(struct streams *t, const char *why)
{
	streams_enter(t);
	end_all(t, STREAM_RESTARTING, why, false);
	if (t->slab_changes)
		change_slab(t);
	else
		slab_start_over(t->slab);
	streams_leave(t);
}

size_t streams_count(const struct streams *t)
{
	return map_count(t->by_id);
}

void streams_view(const struct streams *t, stream_view_fn *fn, void *arg)
{
	const struct stream *s;

	TAILQ_FOREACH (s, &t->all, entry) {
		const struct stream_view view = {
		    .id = s->id,
		    .peer = s->peer,
		    .protocol = s->protocol,
		    .ours = s->ours,
		    .open = s->accepted,
		    .bytes_in = s->bytes_in,
		    .bytes_out = s->bytes_out,
		    .credit_in = s->allowed,
		    .credit_out = s->credit,
		};

		fn(arg, &view);
	}
}

struct stream *stream_make(struct streams *t, uint32_t id, bool ours, const char *peer)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->table = t;
	s->id = id;
	s->ours = ours;
	s->peer = xstrdup(peer);
	s->credit = STREAM_WINDOW;
	stream_in_start(s);
	map_setn(t->by_id, id, s);
	TAILQ_INSERT_TAIL(&t->all, s, entry);
	if (ours)
		TAILQ_INSERT_TAIL(&t->unopened, s, waiting);
	return s;
}

/* The answer has come: no deadline any more. */
void stream_opened_now(struct stream *s)
{
	if (s->ours && !s->accepted)
		TAILQ_REMOVE(&s->table->unopened, s, waiting);
	s->accepted = true;
}

/* Numbers come round after 2^31 streams; by then only the oldest are still in use. */
static uint32_t fresh_id(struct streams *t)
{
	uint32_t id;

	do {
		id = t->next_id;
		t->next_id += 2;
	} while (id == 0 || map_getn(t->by_id, id) != NULL);
	return id;
}

static int send_open(const struct stream *s, const char *address, uint32_t deadline_ms)
{
	struct msg m;

	msg_begin(&m, MSG_STREAM_OPEN, 0);
	msg_put_u32(&m, s->id);
	msg_put_u16(&m, (uint16_t)s->offered_count);
	for (size_t i = 0; i < s->offered_count; i++)
		msg_put_u8(&m, (uint8_t)s->offered[i]);
	msg_put_str(&m, s->peer);
	msg_put_str(&m, address);
	msg_put_u32(&m, deadline_ms);
	return link_send(s->table->link, &m);
}

struct stream *stream_open(struct streams *t, const enum protocol *protocols, size_t count,
    const char *peer, const char *address, uint32_t deadline_ms, const struct stream_events *events,
    void *user)
{
	struct stream *s;

	if (count == 0 || count > STREAM_PROTOCOLS_MAX)
		panic("stream", "%zu protocols offered", count);
	if (t->closing || !link_is_up(t->link) || streams_count(t) >= STREAM_COUNT_MAX)
		return NULL;
	if (deadline_ms == 0)
		deadline_ms = STREAM_DEADLINE_MS;
	s = stream_make(t, fresh_id(t), true, peer);
	memcpy(s->offered, protocols, count * sizeof(*protocols));
	s->offered_count = count;
	s->protocol = protocols[0];
	s->events = events;
	s->user = user;
	if (send_open(s, address, deadline_ms) != 0) {
		streams_enter(t);
		stream_forget(s);
		streams_leave(t);
		return NULL;
	}
	s->deadline = loop_now(t->loop) + deadline_ms;
	if (!timer_active(t->deadline) || s->deadline < t->deadline_at)
		set_deadline(t, s->deadline);
	return s;
}

void stream_accept(struct stream *s, enum protocol protocol, const char *address)
{
	if (s->ours || s->accepted || s->over)
		panic("stream", "accepted a stream that is not waiting for it");
	s->protocol = protocol;
	s->accepted = true;
	s->untold = true;
	msg_begin(&s->opened, MSG_STREAM_OPENED, 0);
	msg_put_u32(&s->opened, s->id);
	msg_put_u8(&s->opened, (uint8_t)protocol);
	msg_put_str(&s->opened, address);
	/* Two messages that leave together wake the other end once; and what was written before
	 * waited for this. */
	stream_look_later(s);
}

void stream_tell_opened(struct stream *s)
{
	if (!s->untold)
		return;
	s->untold = false;
	link_send(s->table->link, &s->opened);
}

void stream_reset(struct stream *s, enum stream_code code, const char *text)
{
	struct streams *t = s->table;

	if (s->over)
		return;
	streams_enter(t);
	stream_send_reset(s, code == STREAM_OK ? STREAM_CANCELLED : code, text);
	stream_forget(s);
	streams_leave(t);
}

void stream_on_credit(struct stream *s, stream_credit_fn *fn)
{
	s->on_credit = fn;
}

void stream_set_user(struct stream *s, void *user)
{
	s->user = user;
}

const char *stream_peer(const struct stream *s)
{
	return s->peer;
}

bool stream_sent_last(const struct stream *s)
{
	return s->sent_last;
}

bool stream_got_last(const struct stream *s)
{
	return s->got_last;
}
