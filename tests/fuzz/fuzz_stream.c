/* Streams against a sibling that says anything. The link is a stub: what is sent through it is
 * checked, what comes is made from the input, and in between the user does what users do.
 *
 * The input is a row of steps: kind u8, length u16 (big endian), bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "proto/slab.h"
#include "proto/stream.h"

#define HELD 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct held {
	struct stream *s;
	size_t unconsumed;
	bool waits; /* for stream_accept() */
};

static struct held held[HELD];
static bool up;

/* --- the stub of the link --------------------------------------------------------------------- */

bool link_is_up(const struct link *l)
{
	(void)l;
	return up;
}

bool link_connects(const struct link *l)
{
	(void)l;
	return false;
}

int link_send(struct link *l, struct msg *m)
{
	struct msg r;

	(void)l;
	if (m->bad || msg_open(&r, m->base, m->size) != 0)
		abort();
	msg_drop(m);
	return up ? 0 : -1;
}

/* --- the user --------------------------------------------------------------------------------- */

static struct held *find(const struct stream *s)
{
	for (size_t i = 0; i < HELD; i++)
		if (held[i].s == s)
			return &held[i];
	return NULL;
}

static void forget(struct stream *s)
{
	struct held *h = find(s);

	if (h != NULL)
		*h = (struct held){0};
}

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct held *h = find(s);

	(void)user;
	(void)last;
	/* All of it is there: a sanitizer sees otherwise. */
	if (len > 0 && p[0] == 0xee && p[len - 1] == 0xee) {
		stream_reset(s, STREAM_CANCELLED, "the data say so");
		forget(s);
		return;
	}
	if (h == NULL)
		stream_consumed(s, len);
	else
		h->unconsumed += len;
	if (h != NULL && h->unconsumed > STREAM_WINDOW_MAX)
		abort();
}

static void on_writable(struct stream *s, void *user)
{
	(void)user;
	if (stream_credit(s) == 0)
		abort();
	stream_write(s, "more", 4, false);
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	(void)user;
	if (code == STREAM_OK || strlen(text) > STREAM_TEXT_MAX)
		abort();
	forget(s);
}

static void on_closed(struct stream *s, void *user)
{
	(void)user;
	if (!stream_sent_last(s) || !stream_got_last(s))
		abort();
	forget(s);
}

static const struct stream_events events = {
    .data = on_data, .writable = on_writable, .reset = on_reset, .closed = on_closed};

static void on_credit(struct stream *s, void *user, uint32_t n)
{
	(void)user;
	if (n > stream_credit(s) && !stream_sent_last(s))
		abort();
}

static const struct stream_events *on_request(
    void *arg, struct stream *s, const struct stream_request *request, void **user)
{
	struct held *h = find(NULL);

	(void)arg;
	(void)user;
	if (request->protocol_count == 0 || request->protocol_count > STREAM_PROTOCOLS_MAX)
		abort();
	if (request->peer[0] == 'n')
		return NULL;
	if (request->peer[0] == 'p')
		stream_on_credit(s, on_credit);
	if (h != NULL)
		*h = (struct held){.s = s, .waits = true};
	return &events;
}

static void act(struct streams *t, struct loop *loop, unsigned kind, const uint8_t *p, size_t n)
{
	static const enum protocol wanted[] = {PROTOCOL_GOOP_SITE, PROTOCOL_GOOP_DATA};
	struct held *h = n > 0 ? &held[p[0] % HELD] : NULL;
	uint8_t *to;
	size_t room;

	if (kind == 0) {
		loop_turn(loop, 0);
		return;
	}
	if (h == NULL)
		return;
	if (h->s == NULL) {
		if (kind == 1)
			h->s = stream_open(t, wanted, 2, "peer", "", 1000, &events, NULL);
		return;
	}
	switch (kind) {
	case 2: stream_write(h->s, p, n, n % 7 == 0); return;
	case 3:
		to = stream_room(h->s, n, &room);
		if (to == NULL)
			return;
		memcpy(to, p, room);
		stream_wrote(h->s, room / 2, n % 7 == 0);
		return;
	case 4: stream_finish(h->s); return;
	case 5:
		stream_consumed(h->s, h->unconsumed);
		h->unconsumed = 0;
		return;
	case 6:
		stream_reset(h->s, STREAM_BROKEN, "reset by the user");
		forget(h->s);
		return;
	default:
		if (h->waits)
			stream_accept(h->s, PROTOCOL_GOOP_SITE, "");
		h->waits = false;
	}
}

/* What the sibling says: the step's kind chooses the type, so the fuzzer need not find it. */
static void hear(struct streams *t, unsigned kind, const uint8_t *p, size_t n)
{
	uint8_t *whole = malloc(n + 2);
	struct msg m;

	whole[0] = 0;
	whole[1] = (uint8_t)(kind % 16 == 15 ? MSG_STREAM_SLOT : MSG_STREAM_OPEN + kind % 5);
	if (n > 0)
		memcpy(whole + 2, p, n);
	if (msg_open(&m, whole, n + 2) != 0 || streams_message(t, &m) != 0)
		streams_down(t, "violation");
	free(whole);
}

/* Shared with a sibling that never reads what we write. */
static struct slab *share(struct streams *t)
{
	int fd = slab_create();
	struct slab *theirs = slab_open(fd, true);

	if (theirs == NULL)
		abort();
	streams_set_slab(t, fd);
	close(fd);
	return theirs;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loop *loop = loop_new();
	struct slab *theirs;
	struct streams *t;
	size_t at = 0, n;

	log_init("fuzz", LOG_LEVEL_ERROR);
	memset(held, 0, sizeof(held));
	up = true;
	t = streams_new(loop, NULL, NULL, on_request, NULL);
	theirs = share(t);
	while (size - at >= 3) {
		unsigned kind = data[at];

		n = (size_t)data[at + 1] << 8 | data[at + 2];
		at += 3;
		if (n > size - at)
			n = size - at;
		if (kind % 2 == 0)
			hear(t, kind / 2, data + at, n);
		else
			act(t, loop, kind / 2 % 8, data + at, n);
		at += n;
	}
	loop_turn(loop, 0);
	streams_free(t);
	loop_turn(loop, 0);
	loop_free(loop);
	slab_free(theirs);
	return 0;
}
