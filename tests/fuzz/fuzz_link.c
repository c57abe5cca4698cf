/* What an end of a link makes of whatever the other end says. libzmq is left out: messages go
 * straight to where they are heard, and what is sent is only looked at.
 *
 * The input: role u8 (1 = binds), then messages, each length u16 (big endian) and bytes; length
 * zero turns the loop. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "proto/link_private.h"

#define OTHER_GENERATION 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ups, downs;

int link_send_raw(struct link *l, struct msg *m)
{
	struct msg r;

	(void)l;
	if (msg_open(&r, m->base, m->size) != 0 ||
	    (r.type != MSG_HELLO && r.type != MSG_HELLO_BACK))
		abort();
	msg_drop(m);
	return 0;
}

static void on_up(void *arg, struct link *l, uint32_t generation)
{
	(void)arg;
	if (!l->up || ups != downs || generation != OTHER_GENERATION)
		abort();
	ups++;
}

static void on_down(void *arg, struct link *l, const char *why)
{
	(void)arg;
	if (l->up || strlen(why) == 0)
		abort();
	downs++;
	if (ups != downs)
		abort();
}

static int on_message(void *arg, struct link *l, struct msg *m)
{
	(void)arg;
	/* Only what this neighbour may say, and only when it has greeted. */
	if (!l->up || !msg_allowed(m->type, l->peer, l->self) || m->size > msg_max(m->type))
		abort();
	return m->size % 5 == 0 ? -1 : 0;
}

static void on_alarm(void *arg, struct link *l, const char *text)
{
	(void)arg;
	(void)l;
	if (strlen(text) == 0)
		abort();
}

static const struct link_events events = {
    .up = on_up, .down = on_down, .message = on_message, .alarm = on_alarm};

static void hear(struct link *l, const uint8_t *p, size_t n)
{
	uint8_t *copy = xmemdup(p, n);

	link_hear(l, copy, n);
	link_deliver(l);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loop *loop = loop_new();
	struct link l = {.loop = loop, .events = &events, .generation = OTHER_GENERATION};
	size_t at = 1, n;

	log_init("fuzz", LOG_LEVEL_ERROR);
	log_set_level((enum log_level) - 1);
	ups = downs = 0;
	l.binds = size > 0 && data[0] == 1;
	l.self = l.binds ? SERVICE_TRANSPORT : SERVICE_VIEWER;
	l.peer = l.binds ? SERVICE_VIEWER : SERVICE_TRANSPORT;
	l.greet = timer_new(loop, link_on_greet, &l);
	if (!l.binds)
		link_greet_now(&l);
	while (size > at && size - at >= 2) {
		n = (size_t)data[at] << 8 | data[at + 1];
		at += 2;
		if (n > size - at)
			n = size - at;
		if (n == 0)
			loop_turn(loop, 0);
		else
			hear(&l, data + at, n);
		at += n;
	}
	timer_free(l.greet);
	loop_free(loop);
	return 0;
}
