/* What the two files of links share: link.c (libzmq, sending and receiving) and link_greeting.c
 * (up, down, and what is heard). */
#ifndef PROTO_LINK_PRIVATE_H
#define PROTO_LINK_PRIVATE_H

#include "base/log.h"
#include "proto/link.h"

#define LINK_ID (1 + LINK_TOKEN) /* a prefix and the token */

struct link {
	struct loop *loop;
	void *socket; /* the connecting side has none while it has no token */
	struct watch *watch;
	struct before_sleep *hook;
	struct timer *greet;
	unsigned greet_ms;

	const struct link_place *place;
	bool binds;
	int listening; /* of the binding side, until libzmq has it; -1 */
	enum service_id self, peer;
	uint32_t self_generation, generation;
	uint8_t id[LINK_ID]; /* of the connecting side */
	bool has_id;
	/* Who greeted under another id, to be looked at when the supervisor has been heard. */
	uint8_t stranger[LINK_ID];
	bool strange;
	uint64_t quiet_until; /* ms: strangers are not told of, see link_tell_of_stranger() */
	/* Which greeting of this token is valid. The connecting side counts; both drop what was
	 * said before the answer to it, so ends that disagree start from nothing. */
	uint32_t greeting;
	bool up;
	bool parting;  /* has said goodbye */
	bool refused;  /* versions differ: silence until the next token */
	bool down_due; /* `down` is to be called, with `why` */
	char why[256];
	char alarm[256]; /* to be told, unless empty */

	bool look; /* libzmq may hold messages of which its descriptor will not tell */
	bool busy; /* inside a callback: link_free() leaves the memory */
	bool freed;
	const struct link_events *events;
	void *arg;
	link_seen_fn *seen;
	struct link_count count[MSG_NUMBERS];
	struct link_count since_up;
	struct log_limit bad;
};

static inline bool link_is_greeting(unsigned type)
{
	return type == MSG_HELLO || type == MSG_HELLO_BACK;
}

/* link.c: sends and consumes; -1 with errno. */
int link_send_raw(struct link *l, struct msg *m);

/* link_greeting.c */
/* The timer: greets, or asks to be greeted. */
void link_on_greet(void *arg);
/* The connecting side begins a new greeting. */
void link_greet_now(struct link *l);
/* `down` will be called from the loop. */
void link_go_down(struct link *l, const char *why);
/* Down, and both ends start anew under the same token. */
void link_start_over(struct link *l, const char *why);
/* Logs; the user is told from the loop. */
void link_raise_alarm(struct link *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What an earlier life said is dropped in silence. It does not greet any more, so who does has
 * taken another's name, unless it is a new life: of that the supervisor tells first, so it is
 * heard before anybody is told of the stranger. Nor is anybody told while a pairing is fresh: what
 * was greeted under the token before may still lie in a queue. `id` is whose message comes;
 * `strange` when it greets. */
void link_note_stranger(struct link *l, const void *id, size_t n);
void link_tell_of_stranger(struct link *l);
/* The supervisor has given a token: until the other end has greeted it may not know that yet. */
void link_is_fresh(struct link *l);
/* Calls `alarm` and `down` when they are due. Only from the loop. */
void link_deliver(struct link *l);
/* A message of the other end: checks it, and hands it to whom it concerns. */
void link_hear(struct link *l, const void *p, size_t n);

#endif
