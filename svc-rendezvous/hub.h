/* The rendezvous itself: who is present, who listens, what to send. No I/O: messages and the
 * present time in, events out. Source: docs/CONTRACT.md, "Presence" and "Rendezvous server".
 *
 * All times are milliseconds of one clock that begins at the wall clock's time and never jumps.
 *
 * Events go out in two streams: HUB_ALL has every message that was accepted, HUB_CHANGES only who
 * came, changed or left. Each event bears `id: epoch:seq`; both streams count the same seq. The
 * places in a stream are counted by the hub, so every byte of it must come from here. */
#ifndef SVC_RENDEZVOUS_HUB_H
#define SVC_RENDEZVOUS_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "svc-rendezvous/hub_clients.h"
#include "svc-rendezvous/hub_peers.h"

struct hub;

enum hub_channel { HUB_ALL, HUB_CHANGES, HUB_CHANNELS };

#define HUB_PEER_MS    30000 /* silent for so long: gone */
#define HUB_FOREIGN_MS 45000 /* the same when another instance is the judge and has died */
#define HUB_CLOCK_MS                                                                               \
	(HUB_SIGNER_MS / 2)  /* signed `ts` that are so far from the wall clock are refused */
#define HUB_STORE_MS    8000 /* a heartbeat without a change is stored so often */
#define HUB_MESSAGE_MAX (64 * 1024)
#define HUB_EPOCH       17 /* 16 hex digits */

/* 0 means no limit for the rates; the maxima are at least 1. */
struct hub_limits {
	uint32_t unsigned_per_minute; /* publishes, per client address */
	uint32_t signed_per_minute;   /* publishes, per client address */
	uint32_t signed_per_peer;     /* publishes a minute, per peer id */
	uint32_t new_ids_per_hour;    /* per client address */
	uint32_t bytes_per_minute;    /* of publishes, per client address */
	uint32_t subscribers_per_address;
	uint32_t connections_per_address;
	size_t peers_max, peer_bytes_max, signers_max, clients_max;
};

/* A presence as it is kept outside of the hub. Strings are lent for the call. */
struct hub_row {
	const char *id, *client;
	const char *json; /* the last message; of a peer that is gone its `offline` */
	size_t len;
	bool gone;
	bool signed_;
	int64_t signer_ts; /* the greatest `ts` that the peer has signed, -1 for none */
	int64_t heard;
	uint64_t bytes_published;
};

struct hub_events {
	/* Bytes of the event stream format for everybody who listens to that channel. */
	void (*send)(void *arg, enum hub_channel channel, const char *p, size_t n);
	/* To be kept, and shown to other instances. May be NULL. */
	void (*store)(void *arg, const struct hub_row *row);
	/* A line for the administrator. */
	void (*note)(void *arg, int64_t now, const char *text);
	void *arg;
};

struct hub_config {
	struct hub_limits limits;
	struct hub_events events;
	char epoch[HUB_EPOCH]; /* tells this life of the server from others */
	size_t ring;           /* bytes of each stream that are kept for those who come back */
};

enum hub_result {
	HUB_ACCEPTED,  /* 204 */
	HUB_MALFORMED, /* 400: not JSON, a wrong type, no peer id */
	HUB_FORGED,    /* 400: wrong signature */
	HUB_CONFLICT,  /* 409: unsigned or stale although the peer signs */
	HUB_LIMITED,   /* 429 */
	HUB_FULL,      /* 503 */
	HUB_RESULTS
};

struct hub_answer {
	unsigned status;  /* of HTTP */
	const char *why;  /* a static sentence; "" for 204 */
	uint32_t retry_s; /* for Retry-After; 0 for none */
	int64_t after;    /* with 409: what `ts` has to be greater than; -1: that is not it */
};

/* What happened since the beginning. */
struct hub_count {
	uint64_t publishes[HUB_RESULTS];
	uint64_t events[HUB_CHANNELS];
	uint64_t joined, left, expired, evicted;
};

struct hub *hub_new(const struct hub_config *config);
void hub_free(struct hub *hub); /* NULL is fine */

/* A message from `client`, the key of an address (proxy.h). */
enum hub_result hub_publish(struct hub *hub, const char *client, const void *json, size_t n,
    int64_t now, struct hub_answer *answer);

/* How far the wall clock is ahead of the hub's clock by now: it may have been set since the start.
 */
void hub_set_wall_ahead(struct hub *hub, int64_t ms);

/* Removes who has been silent for too long; subscribers hear `offline`. Once a second or so. */
void hub_tick(struct hub *hub, int64_t now);

/* A comment to everybody, which finds out who has gone. */
void hub_ping(struct hub *hub);

/* --- subscribers ------------------------------------------------------------------------------ */

/* May one more from this address listen? The client, to be given back to hub_leave(); or NULL. */
struct hub_client *hub_enter(struct hub *hub, const char *client);
void hub_leave(struct hub_client *client);
/* It was sent `n` bytes. */
void hub_sent(struct hub_client *client, size_t n);

/* The same for connections of any kind. True for those that are to be given back. */
bool hub_connect(struct hub *hub, const char *client);
void hub_disconnect(struct hub *hub, const char *client);

/* What the stream of somebody who has last heard the event `last_id` has to begin with: true when
 * it goes on from *place; false when what was missed is no longer there, so that everybody online
 * has to be told anew (hub_tell()). */
bool hub_resume(
    const struct hub *hub, enum hub_channel channel, const char *last_id, uint64_t *place);

/* The end of that stream. */
uint64_t hub_place(const struct hub *hub, enum hub_channel channel);

/* The number of the last event. */
uint64_t hub_seq(const struct hub *hub);

/* Tells a newcomer of everybody online, one by one: `end` is hub_seq() of the time when it came,
 * and *at, at first 0, moves on. Whoever comes or changes after `end` is left to the stream, which
 * the newcomer hears from hub_place() of that time on; so it may take any time. Appends one event.
 * They bear `epoch:0`, which cannot be resumed from, the last one `end`: who breaks off in the
 * middle gets all of it again. */
enum hub_telling {
	HUB_TOLD_ONE,
	HUB_TOLD_ALL,    /* nothing is left to tell */
	HUB_TOLD_NO_ROOM /* nothing appended; HUB_EVENT_MAX bytes are room enough */
};
#define HUB_EVENT_MAX (HUB_MESSAGE_MAX + 64)
enum hub_telling hub_tell(const struct hub *hub, uint64_t *at, uint64_t end, struct buf *out);

/* --- for reading, and other instances --------------------------------------------------------- */

size_t hub_online(const struct hub *hub);
size_t hub_signers(const struct hub *hub);
size_t hub_clients(const struct hub *hub);
const struct hub_count *hub_counted(const struct hub *hub);
/* Grows with everything that can be seen of who is online, except heartbeats. */
uint64_t hub_version(const struct hub *hub);
/* The latest heard first: NULL begins, and ends. */
const struct hub_peer *hub_next(const struct hub *hub, const struct hub_peer *p);
/* How many events of the channel begin at this place or later. */
size_t hub_events_from(const struct hub *hub, enum hub_channel channel, uint64_t place);

/* Takes over a row that another instance, or an earlier life, has stored. A bad one is left out.
 * `heard` in the row decides which is newer. */
void hub_import(struct hub *hub, const struct hub_row *row, int64_t now);
/* The same for what is known of a signer alone. */
void hub_import_signer(struct hub *hub, const char *id, int64_t ts, int64_t heard, int64_t now);

#endif
