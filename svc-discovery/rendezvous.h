/* Presence of other networks: all rendezvous servers of the configuration at once. Owns the HTTP
 * clients, the readers of their event streams and a timer; the rules are in rendezvous_policy.h and
 * sightings.h.
 *
 * We ask servers for changes alone. One that numbers its events understands that, and is from then
 * on the judge of who is there: whom it has told of stays until it says `offline`, or until it has
 * been out of reach for the TTL. One that does not repeats everything, and its people are like
 * those of gossip.
 *
 * Source: docs/CONTRACT.md, "Presence" and "Rendezvous server". */
#ifndef SVC_DISCOVERY_RENDEZVOUS_H
#define SVC_DISCOVERY_RENDEZVOUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "codec/peer_id.h"
#include "codec/presence.h"

#define RENDEZVOUS_SERVERS_MAX 17 /* 16 of the configuration and our own */

struct rendezvous;

/* All are called from the loop, never from inside a function of this header other than
 * rendezvous_publish(), which calls `state`. */
struct rendezvous_events {
	/* A message; `judged`: the server would say if this were not so any more. True when the
	 * peer is present now. */
	bool (*heard)(void *arg, const struct presence *p, bool judged);
	/* A server that judges still sees this peer; said more often than the TTL. */
	void (*stands)(void *arg, const struct peer_id *peer);
	/* A server that judges saw it and sees it no more, nor does another one. */
	void (*lost)(void *arg, const struct peer_id *peer);
	/* A server listens, perhaps for the first time: our presence should be said anew. */
	void (*opened)(void *arg);
	/* A server says that it knows words of ours that are newer than those that it has just got:
	 * until our `ts` is greater, it will not have them. Not proved. */
	void (*behind)(void *arg, int64_t ts);
	/* What `status` should say, a text for each server joined by "; ". Lent. */
	void (*state)(void *arg, const char *text);
	/* rendezvous_parted() has become true. */
	void (*parted)(void *arg);
};

/* `urls` are separated by blanks; `own_url` is the server in our own peer, "" for none, which is
 * never asked through a proxy. NULL when there is no server at all (libcurl is then not touched);
 * all functions below take that. A bad URL is logged and left out. */
struct rendezvous *rendezvous_new(struct loop *loop, const char *urls, const char *own_url,
    uint64_t ttl_ms, const struct rendezvous_events *events, void *arg);
/* Makes the threads that look up names; until then nobody is found who has one. */
void rendezvous_start_threads(struct rendezvous *r);
void rendezvous_free(struct rendezvous *r);

/* Publish this, in place of what was not published yet; PRESENCE_OFFLINE is our goodbye. */
void rendezvous_publish(struct rendezvous *r, enum presence_type type, const char *json);
/* No server waits for our goodbye. */
bool rendezvous_parted(const struct rendezvous *r);

/* The peer is gone, whatever servers said. */
void rendezvous_forget(struct rendezvous *r, const struct peer_id *peer);
/* Does a server that judges see it? */
bool rendezvous_sees(const struct rendezvous *r, const struct peer_id *peer);

#endif
