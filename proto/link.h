/* One link to a sibling service: a ZeroMQ ROUTER (binding side) or DEALER (connecting side) under
 * the rules of ARCHITECTURE.md. The only file of the house that includes zmq.h is link.c.
 *
 * The supervisor gives both ends of a link a token of 16 random bytes whenever either end starts.
 * The connecting side uses it as its routing id and greets until it is greeted back; the binding
 * side hears only the present token. So a message of an earlier life has no address to arrive at,
 * and nobody can speak in another's name. One that ends says goodbye and waits for the answer: the
 * supervisor's word of a death goes another way, and would overtake what was said last. */
#ifndef PROTO_LINK_H
#define PROTO_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "proto/links.h"
#include "proto/msg.h"

#define LINK_TOKEN 16

/* To be raised with every change of messages.h: ends of different versions do not talk. */
#define LINK_VERSION 3

struct link;

/* All are called from the loop, never from inside a function of this header; each may free the
 * link. Every `up` is followed by one `down` before the next `up`. */
struct link_events {
	/* The other end has greeted: messages may be sent. `generation` is that process's number.
	 */
	void (*up)(void *arg, struct link *l, uint32_t generation);
	/* The other end is gone; streams and requests on it are to be failed with `why`. */
	void (*down)(void *arg, struct link *l, const char *why);
	/* A message, lent for the call. Type and size are already checked against messages.h.
	 * Return 0, or -1 for a message that makes no sense: it is logged, the supervisor is told,
	 * the link goes down and is greeted anew. */
	int (*message)(void *arg, struct link *l, struct msg *m);
	/* Something that the supervisor should be told (it is logged already), such as a greeting
	 * without the token. May be NULL. */
	void (*alarm)(void *arg, struct link *l, const char *text);
};

/* The end of `self` of its link to `peer`. Listens at once when self is the binding side (fatal
 * when it cannot); all else, libzmq's threads among it, begins when the token is set. */
struct link *link_new(struct loop *loop, enum service_id self, uint32_t self_generation,
    enum service_id peer, const struct link_events *events, void *arg);
void link_free(struct link *l); /* NULL is fine */

/* The path of its socket, lent for ever. */
const char *link_path(const struct link *l);

/* For a binding side that is root: only that user may connect. Returns 0, or -1 with errno. */
int link_set_user(const struct link *l, uid_t user);

/* libzmq's threads start now, rather than with the first token. At least one link must be there. */
void link_start_threads(void);

/* What the supervisor said: the other end's generation and the token of this pairing. */
void link_set(struct link *l, uint32_t generation, const uint8_t token[LINK_TOKEN]);
/* The supervisor says that the other end of that generation has died. */
void link_lost(struct link *l, uint32_t generation, const char *why);

/* Says goodbye. Returns true when `down` is to be waited for, a moment: the other end has then
 * heard all that was said. False when the link is down already. */
bool link_part(struct link *l);

bool link_is_up(const struct link *l);
enum service_id link_peer(const struct link *l);
/* Is this the connecting end? */
bool link_connects(const struct link *l);

/* Sends and consumes the message. Returns 0, or -1 when the link is down (nothing was sent). A
 * full queue means that credit was ignored: logged as an alarm, and the link goes down. */
int link_send(struct link *l, struct msg *m);

/* To be called with every message that comes or goes, before it is looked at; NULL ends it. */
typedef void link_seen_fn(void *arg, struct link *l, bool out, unsigned type, size_t size);
void link_on_seen(struct link *l, link_seen_fn *fn);

/* Messages and bytes, for `goop-supervisor links`. */
struct link_count {
	uint64_t messages_in, messages_out, bytes_in, bytes_out;
};
/* Since the process began: all, and of one type. What has no number below MSG_NUMBERS counts as 0.
 */
struct link_count link_counted(const struct link *l);
struct link_count link_counted_type(const struct link *l, unsigned type);
/* All but greetings, since the link came up last: what one end has sent and the other not heard
 * is on its way. Messages only. */
struct link_count link_counted_since_up(const struct link *l);
/* The process at the other end, 0 when there is none. */
uint32_t link_generation(const struct link *l);

#endif
