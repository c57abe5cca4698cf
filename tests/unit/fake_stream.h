/* Streams and time that a test makes itself, for modules that live on them: a stream takes as much
 * as the test gives it credit for, timers run out when the test says so. Included by the one file
 * of a test, in place of proto/stream.o and base/loop.o. */
#ifndef TESTS_UNIT_FAKE_STREAM_H
#define TESTS_UNIT_FAKE_STREAM_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/loop.h"
#include "proto/stream.h"
#include "tests/unit/testing.h"

/* --- time --- */

struct timer {
	struct timer *next;
	timer_fn *fn;
	void *arg;
	uint64_t due; /* 0: stopped */
	uint64_t every;
};

static struct {
	uint64_t now;
	struct timer *timers;
} fake_time = {1, NULL};

uint64_t loop_now(const struct loop *loop)
{
	(void)loop;
	return fake_time.now;
}

struct timer *timer_new(struct loop *loop, timer_fn *fn, void *arg)
{
	struct timer *t = xcalloc(1, sizeof *t);

	(void)loop;
	*t = (struct timer){fake_time.timers, fn, arg, 0, 0};
	fake_time.timers = t;
	return t;
}

void timer_start(struct timer *t, uint64_t ms)
{
	t->due = fake_time.now + ms;
	t->every = 0;
}

void timer_repeat(struct timer *t, uint64_t ms)
{
	timer_start(t, ms);
	t->every = ms;
}

void timer_stop(struct timer *t)
{
	t->due = 0;
}

bool timer_active(const struct timer *t)
{
	return t->due != 0;
}

void timer_free(struct timer *t)
{
	struct timer **at = &fake_time.timers;

	if (t == NULL)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	free(t);
}

/* The timer that runs out first, if that is until `end`. */
static inline struct timer *fake_time_next(uint64_t end)
{
	struct timer *first = NULL;

	for (struct timer *t = fake_time.timers; t != NULL; t = t->next)
		if (t->due != 0 && t->due <= end && (first == NULL || t->due < first->due))
			first = t;
	return first;
}

/* Lets time pass, and the timers run out that do so meanwhile. */
static inline void fake_time_pass(uint64_t ms)
{
	uint64_t end = fake_time.now + ms;
	struct timer *t;

	while ((t = fake_time_next(end)) != NULL) {
		fake_time.now = t->due;
		t->due = t->every != 0 ? t->due + t->every : 0;
		t->fn(t->arg);
	}
	fake_time.now = end;
}

/* --- streams --- */

struct stream {
	const char *peer;
	const struct stream_events *events; /* NULL: refused */
	void *user;
	size_t credit;
	uint64_t wrote;
	uint8_t head[256]; /* the first bytes that were written, with a zero behind them */
	bool last;
	bool over; /* it was reset: */
	enum stream_code code;
	char text[128];
	uint8_t *room;
	size_t room_len;
};

static inline void fake_took(struct stream *s, const uint8_t *p, size_t n, bool last)
{
	for (size_t i = 0; i < n && s->wrote + i + 1 < sizeof s->head; i++)
		s->head[s->wrote + i] = p[i];
	s->wrote += n;
	s->credit -= n;
	s->last = last;
}

size_t stream_write(struct stream *s, const void *p, size_t len, bool last)
{
	size_t n = len < s->credit ? len : s->credit;

	assert_false(s->over);
	fake_took(s, p, n, last && n == len);
	return n;
}

uint8_t *stream_room(struct stream *s, size_t want, size_t *room)
{
	assert_false(s->over);
	*room = want < s->credit ? want : s->credit;
	if (*room == 0)
		return NULL;
	s->room_len = *room;
	s->room = xmalloc(*room);
	return s->room;
}

void stream_wrote(struct stream *s, size_t len, bool last)
{
	assert_true(len <= s->room_len);
	fake_took(s, s->room, len, last);
	free(s->room);
	s->room = NULL;
}

void stream_consumed(struct stream *s, size_t n)
{
	(void)n;
	assert_false(s->over);
}

void stream_reset(struct stream *s, enum stream_code code, const char *text)
{
	assert_false(s->over);
	s->over = true;
	s->code = code;
	snprintf(s->text, sizeof s->text, "%s", text);
}

const char *stream_peer(const struct stream *s)
{
	return s->peer;
}

bool stream_sent_last(const struct stream *s)
{
	return s->last;
}

/* The other side's doings. */
static inline void fake_says(struct stream *s, const char *text, bool last)
{
	s->events->data(s, s->user, (const uint8_t *)text, strlen(text), last);
}

static inline void fake_takes(struct stream *s, size_t n)
{
	s->credit += n;
	s->events->writable(s, s->user);
}

/* It goes, unless it was sent away. */
static inline void fake_goes(struct stream *s)
{
	if (s->events != NULL && !s->over)
		s->events->reset(s, s->user, STREAM_CANCELLED, "");
	s->over = true;
}

#endif
