/* Our own presence: what to say of ourselves and when. No I/O; the time is an argument. A message
 * is first signed (somebody else has the key), then published.
 * Source: docs/CONTRACT.md, "Presence". */
#ifndef SVC_DISCOVERY_BEACON_H
#define SVC_DISCOVERY_BEACON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/peer_id.h"
#include "codec/presence.h"

/* Between two messages that are not the heartbeat, from the BEACON_PROMPT-th within a second on:
 * the first newcomer after our start is not to wait. The longer one after BEACON_BURST of them, so
 * that nobody can make us talk all the time. */
#define BEACON_PROMPT    2
#define BEACON_GAP_MS    20
#define BEACON_REST_MS   1000
#define BEACON_BURST     5
#define BEACON_ADDRS_MAX 20   /* deployed rendezvous servers refuse more */
#define BEACON_SIGN_MS   2000 /* a signature that has not come by then will not come */

struct beacon;

struct beacon_events {
	/* Have this signed and bring the answer to beacon_signed() with that number. Returns 0; or
	 * -1 when nobody can sign now: it is tried again. */
	int (*sign)(void *arg, uint32_t request, const struct presence *p);
	/* Publish this JSON text. Lent. */
	void (*publish)(void *arg, enum presence_type type, const char *json);
};

/* Times in milliseconds. */
struct beacon *beacon_new(const char *label, const char *email, uint64_t heartbeat_ms,
    const struct beacon_events *events, void *arg);
void beacon_free(struct beacon *b); /* NULL is fine */

/* Who we are: `online` is due from now on. */
void beacon_set_self(struct beacon *b, const struct peer_id *self, uint64_t now);

/* Where we are; a change is said at once. Copied. */
void beacon_set_addrs(struct beacon *b, char *const *addrs, size_t count, uint64_t now);

/* Somebody new listens: say it again at once (several in quick succession hear one message). */
void beacon_again(struct beacon *b, uint64_t now);

/* The signature to a request, from those who sign. */
void beacon_signed(struct beacon *b, uint32_t request, const uint8_t sig[PRESENCE_SIG]);

/* We have heard ourselves, signed, with this `ts`, as of an earlier life when the clock was ahead
 * of what it is now: what is not newer would be refused everywhere. */
void beacon_heard(struct beacon *b, int64_t ts, uint64_t now);

/* Says `offline` next; after that nothing more. */
void beacon_leave(struct beacon *b, uint64_t now);
/* True when `offline` has been published. */
bool beacon_left(const struct beacon *b);

/* Does what is due; `wall` is Unix time in milliseconds. Returns when to call again (UINT64_MAX:
 * not before something else happens). To be called after each of the above. */
uint64_t beacon_run(struct beacon *b, uint64_t now, int64_t wall);

#endif
