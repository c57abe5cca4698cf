/* How the two ends find each other and how they part: greetings, going up and down, alarms. What is
 * heard goes through here; libzmq is in link.c. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "proto/link_private.h"

#define GREET_FIRST_MS 5
#define GREET_MS       50
#define GREET_AGAIN_MS 250 /* after trouble: two broken ends shall not spin */

/* Greetings under the token before are on their way no longer than that: once the other end has
 * greeted under this one, or while it does not, being stuck, which the supervisor ends by then. */
#define QUIET_UP_MS    1000
#define QUIET_FRESH_MS 10000

static void send_greeting(struct link *l, enum msg_type type, uint32_t greeting)
{
	struct msg m;

	msg_begin(&m, type, 0);
	msg_put_u16(&m, LINK_VERSION);
	msg_put_u8(&m, (uint8_t)l->self);
	msg_put_u32(&m, l->self_generation);
	msg_put_u32(&m, greeting);
	/* Not arriving is no harm: the connecting side repeats itself. */
	link_send_raw(l, &m);
}

void link_on_greet(void *arg)
{
	struct link *l = arg;

	if (l->binds)
		send_greeting(l, MSG_HELLO_BACK, 0);
	else
		send_greeting(l, MSG_HELLO, l->greeting);
	timer_start(l->greet, l->greet_ms);
	l->greet_ms = l->greet_ms * 2 < GREET_MS ? l->greet_ms * 2 : GREET_MS;
}

static void greet_after(struct link *l, unsigned ms)
{
	l->greeting++;
	l->greet_ms = GREET_FIRST_MS;
	timer_start(l->greet, ms);
}

void link_greet_now(struct link *l)
{
	greet_after(l, 0);
}

/* The binding side cannot greet; it asks for it until it is (its queue may be full now). Greetings
 * count from 1. */
static void ask_greeting(struct link *l)
{
	if (timer_active(l->greet))
		return;
	l->greet_ms = GREET_FIRST_MS;
	timer_start(l->greet, 0);
}

void link_go_down(struct link *l, const char *why)
{
	if (!l->up)
		return;
	l->up = false;
	l->down_due = true;
	str_copy(l->why, sizeof(l->why), why);
}

void link_start_over(struct link *l, const char *why)
{
	link_go_down(l, why);
	if (l->binds)
		ask_greeting(l);
	else
		greet_after(l, GREET_AGAIN_MS);
}

/* Told to the user from the loop, as all events. */
__attribute__((format(printf, 2, 3))) void link_raise_alarm(struct link *l, const char *format, ...)
{
	va_list ap;

	if (!log_allowed(&l->bad, 10, "link"))
		return;
	va_start(ap, format);
	vsnprintf(l->alarm, sizeof(l->alarm), format, ap);
	va_end(ap);
	log_error("link", "%s: %s", service_name(l->peer), l->alarm);
}

void link_deliver(struct link *l)
{
	char text[sizeof(l->alarm)];

	if (l->alarm[0] != '\0' && !l->freed) {
		str_copy(text, sizeof(text), l->alarm);
		l->alarm[0] = '\0';
		if (l->events->alarm != NULL)
			l->events->alarm(l->arg, l, text);
	}
	if (!l->down_due || l->freed)
		return;
	l->down_due = false;
	log_debug("link", "%s: down: %s", service_name(l->peer), l->why);
	if (l->events->down != NULL)
		l->events->down(l->arg, l, l->why);
}

void link_note_stranger(struct link *l, const void *id, size_t n)
{
	if (l->strange)
		return;
	memset(l->stranger, 0, LINK_ID);
	if (n == LINK_ID)
		memcpy(l->stranger, id, LINK_ID);
}

void link_tell_of_stranger(struct link *l)
{
	if (!l->strange)
		return;
	l->strange = false;
	if (l->has_id && clock_mono_ms() >= l->quiet_until &&
	    memcmp(l->stranger, l->id, LINK_ID) != 0)
		link_raise_alarm(l, "somebody greets in its name without its token");
}

void link_is_fresh(struct link *l)
{
	l->quiet_until = clock_mono_ms() + QUIET_FRESH_MS;
}

static void come_up(struct link *l)
{
	link_deliver(l);
	if (l->freed)
		return;
	timer_stop(l->greet);
	l->up = true;
	l->quiet_until = clock_mono_ms() + QUIET_UP_MS;
	l->since_up = (struct link_count){0};
	log_debug("link", "%s: up, generation %u", service_name(l->peer), l->generation);
	if (l->events->up != NULL)
		l->events->up(l->arg, l, l->generation);
}

static void refuse_version(struct link *l, unsigned version)
{
	link_raise_alarm(l,
	    "speaks version %u of the messages, this program %u: programs of different "
	    "builds are mixed",
	    version, LINK_VERSION);
	/* The other end shall say so too. */
	if (l->binds)
		send_greeting(l, MSG_HELLO_BACK, 0);
	timer_stop(l->greet);
	link_go_down(l, "different version");
	l->refused = true;
}

/* The binding side is greeted. */
static void hear_hello(struct link *l, uint32_t greeting)
{
	/* An answer behind the goodbye would bring the other end up again, with nobody here. */
	if (l->parting)
		return;
	if (greeting == l->greeting) {
		/* Repeated before our answer arrived, or of a pairing that has broken. */
		if (l->up)
			send_greeting(l, MSG_HELLO_BACK, greeting);
		else
			ask_greeting(l);
		return;
	}
	link_go_down(l, "greeted anew");
	l->greeting = greeting;
	send_greeting(l, MSG_HELLO_BACK, greeting);
	come_up(l);
}

static void hear_hello_back(struct link *l, uint32_t greeting)
{
	if (greeting != l->greeting) {
		if (l->up)
			link_start_over(l, "the other end wants to start anew");
	} else if (!l->up) {
		come_up(l);
	}
}

/* -1 when it makes no sense. */
static int hear_greeting(struct link *l, struct msg *m)
{
	unsigned version = msg_get_u16(m);
	unsigned service = msg_get_u8(m);
	uint32_t generation = msg_get_u32(m);
	uint32_t greeting;

	if (m->bad || (m->type == MSG_HELLO) != l->binds)
		return -1;
	if (version != LINK_VERSION) {
		refuse_version(l, version);
		return 0;
	}
	greeting = msg_get_u32(m);
	if (!msg_end(m) || service != (unsigned)l->peer || generation != l->generation)
		return -1;
	if (l->binds)
		hear_hello(l, greeting);
	else
		hear_hello_back(l, greeting);
	return 0;
}

/* Whoever says it has nothing more to say; whoever answers has heard all of it. */
static int hear_goodbye(struct link *l, struct msg *m)
{
	struct msg back;

	if (!msg_end(m) || (m->type == MSG_BYE_BACK && !l->parting))
		return -1;
	if (m->type == MSG_BYE) {
		msg_begin(&back, MSG_BYE_BACK, 0);
		link_send_raw(l, &back);
	}
	link_go_down(l, "stopped");
	return 0;
}

static void count_in(struct link *l, unsigned type, size_t bytes)
{
	struct link_count *c = &l->count[type < MSG_NUMBERS ? type : 0];

	c->messages_in++;
	c->bytes_in += bytes;
	l->since_up.messages_in += !link_is_greeting(type);
}

void link_hear(struct link *l, const void *p, size_t n)
{
	unsigned type = msg_type_of(p, n);
	struct msg m;
	int r;

	count_in(l, type, n);
	if (l->seen != NULL)
		l->seen(l->arg, l, false, type, n);
	if (l->refused)
		return;
	if (msg_open(&m, p, n) != 0 || !msg_allowed(m.type, l->peer, l->self)) {
		r = -1;
	} else if (link_is_greeting(m.type)) {
		r = hear_greeting(l, &m);
	} else if (!l->up) {
		/* Said before the greeting: it belongs to what has ended. */
		if (l->binds)
			ask_greeting(l);
		return;
	} else if (m.type == MSG_BYE || m.type == MSG_BYE_BACK) {
		r = hear_goodbye(l, &m);
	} else {
		r = l->events->message(l->arg, l, &m);
	}
	if (r == 0 || l->freed)
		return;
	link_raise_alarm(l, "bad message %s of %zu bytes", msg_name(m.type), n);
	if (!l->freed)
		link_start_over(l, "bad message");
}
