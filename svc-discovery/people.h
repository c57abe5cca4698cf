/* Who is present, and the rules by which a presence message is believed. No I/O; the time is an
 * argument. Source: docs/CONTRACT.md, "Presence".
 *
 * Bounded: PEOPLE_LISTED_MAX people and PEOPLE_BYTES_MAX bytes of their texts (when full, those who
 * are there stay and new ones are refused until there is room), and PEOPLE_KNOWN_MAX peers that are
 * not listed, remembered for their signatures (the one silent longest gives way). */
#ifndef SVC_DISCOVERY_PEOPLE_H
#define SVC_DISCOVERY_PEOPLE_H

#include <stddef.h>
#include <stdint.h>

#include "codec/peer_id.h"
#include "codec/presence.h"

#define PEOPLE_LISTED_MAX 4096
#define PEOPLE_BYTES_MAX  (16 * 1024 * 1024)
#define PEOPLE_KNOWN_MAX  16384
#define PEOPLE_SILENCE_MS (24 * 3600 * 1000) /* after which a signer may appear anew, unsigned */

/* Messages believed of one peer in a second: room for one that is started and stopped again and
 * again. */
#define PEOPLE_BURST 60

/* How far the clock of a peer that signs may be from ours: enough for a wrong time zone, and for am
 * taken for pm. Twice this is PEOPLE_SILENCE_MS, so that nothing a peer has signed outlives its row
 * here: when that is forgotten, all of it is too old. */
#define PEOPLE_CLOCK_MS (PEOPLE_SILENCE_MS / 2)

/* How we heard; the first two as in the message PERSON. */
enum people_via {
	PEOPLE_VIA_GOSSIP = 1,
	PEOPLE_VIA_RENDEZVOUS = 2,
	PEOPLE_VIA_ITSELF /* gossip, from the peer's own connection: nobody replays that */
};
const char *people_via_name(enum people_via via); /* "gossip", "rendezvous" */

struct people_time {
	uint64_t mono; /* monotonic milliseconds: what runs out */
	int64_t wall;  /* Unix milliseconds: what is shown */
};

/* Somebody who is present. Lent. */
struct person {
	struct peer_id peer;
	char id[PEER_ID_TEXT];
	char *label;
	char *email;
	char *avatar_hash;
	char **addrs; /* multiaddrs that parse */
	size_t addr_count;
	int64_t first_seen, last_seen; /* Unix milliseconds */
	enum people_via via; /* gossip or rendezvous: gossip when heard there within the TTL */
};

/* What became of a message. */
enum people_verdict {
	PEOPLE_TAKEN,     /* believed: listed, refreshed or dropped */
	PEOPLE_AGAIN,     /* true, but the very message was heard before */
	PEOPLE_OWN,       /* it speaks of ourselves */
	PEOPLE_NO_MATTER, /* of a type that says nothing about who is there */
	PEOPLE_STALE,     /* older than what is known */
	PEOPLE_OFTEN,     /* more than PEOPLE_BURST a second of one peer */
	PEOPLE_CLOCK,     /* its time is not ours: of long ago, or a clock is wrong */
	PEOPLE_UNSIGNED,  /* without `sig`, of a peer that signs */
	PEOPLE_FORGED,    /* peerId is not the signer's, or `sig` is wrong */
	PEOPLE_FULL       /* no room for another one */
};
const char *people_verdict_name(enum people_verdict verdict);

enum people_change { PEOPLE_NEW, PEOPLE_CHANGED, PEOPLE_REFRESHED };

struct people_events {
	/* Somebody came, changed, or was heard again (then addresses may have changed). */
	void (*here)(void *arg, const struct person *p, enum people_change change);
	/* Somebody left and is not counted any more: `why` is "offline" or "silent". */
	void (*gone)(void *arg, const struct person *p, const char *why);
};

struct people;

struct people *people_new(uint64_t ttl_ms, const struct people_events *events, void *arg);
void people_free(struct people *t); /* NULL is fine */

/* Whose messages to ignore; may be called again. */
void people_set_self(struct people *t, const struct peer_id *self);

/* A message was heard. `signer` is who signed the gossip message around it, NULL when nobody did
 * (a rendezvous server). Checks `sig` if there is one. The wall clock counts only against what is
 * signed and comes over others: see PEOPLE_CLOCK_MS. */
enum people_verdict people_hear(struct people *t, const struct presence *p,
    const struct peer_id *signer, enum people_via via, struct people_time now);

/* What servers say that judge who is there (rendezvous.h).
 *
 * A message to which people_hear() said PEOPLE_AGAIN: its peer, silent here since, is still there.
 * Lists it again; only after what was not its goodbye. */
void people_hear_back(struct people *t, const struct presence *p, struct people_time now);
/* One who is listed is still there, though not heard. */
void people_stand(struct people *t, const struct peer_id *peer, struct people_time now);
/* No server sees it any more: drops it unless it was heard by gossip within the TTL. */
void people_lose(struct people *t, const struct peer_id *peer, struct people_time now);

/* Drops who has been silent for the TTL. Returns when to call again (monotonic milliseconds;
 * UINT64_MAX: nobody is there). */
uint64_t people_expire(struct people *t, uint64_t now);

/* Who is present, lent until the next change; NULL for anybody else. And how many are. */
const struct person *people_get(const struct people *t, const struct peer_id *peer);
size_t people_count(const struct people *t);

/* Walks those present, the one silent longest first: NULL starts, NULL ends. */
const struct person *people_next(const struct people *t, const struct person *after);

#endif
