/* Which of the peers heard on the local network to dial, and when. No I/O; the time is an argument
 * (monotonic milliseconds).
 *
 * Two peers hear each other at the same moment, so the one with the smaller id dials at once and
 * the other only when nothing came of that: two simultaneous dials would make two connections, or
 * none (libp2p specs, connections: simultaneous open). After a failure or a lost connection the
 * next try waits, ever longer: peers refuse those who come too often (go-libp2p's connection rate
 * limiter refills one every 5 s). */
#ifndef SVC_DISCOVERY_LAN_H
#define SVC_DISCOVERY_LAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/peer_id.h"

#define LAN_MAX            1024 /* peers; further ones are not dialled */
#define LAN_DIALS_MAX      32   /* at once */
#define LAN_SOURCE_MAX     256  /* peers that one machine may speak of; */
#define LAN_SOURCE_DIALS   8    /* and those of them dialled at once; */
#define LAN_SOURCE_BURST   64   /* one after the other so many, */
#define LAN_SOURCE_GAP_MS  1000 /* and then one in each gap, whatever it names */
#define LAN_OTHER_FIRST_MS 200  /* head start of the peer with the smaller id */
#define LAN_BACKOFF_MS     5000 /* first; doubles, with up to half of it added at random */
#define LAN_BACKOFF_MAX_MS 300000
#define LAN_FRESH_GAP_MS   1000  /* between dials when new addresses come in quick succession */
#define LAN_STEADY_MS      60000 /* a connection that lasted this long forgives earlier failures */
#define LAN_DIAL_MS        30000 /* an attempt without any answer counts as failed after this */

struct lan;

/* Connect to the peer; lan_up() or lan_failed() follows, or LAN_DIAL_MS pass. */
typedef void lan_dial_fn(void *arg, const struct peer_id *peer);

/* `seed` is for chance alone: tests get the same with the same. */
struct lan *lan_new(uint64_t seed, lan_dial_fn *dial, void *arg);
void lan_free(struct lan *l); /* NULL is fine */

/* Whom we are; nobody is dialled before this is known. */
void lan_set_self(struct lan *l, const struct peer_id *self);

/* mDNS hears the peer, from a machine that is told from others by `source`. `fresh`: it was unknown
 * or has a new address, so it is worth a try now. */
void lan_heard(
    struct lan *l, const struct peer_id *peer, uint64_t source, bool fresh, uint64_t now);
/* mDNS hears it no more: it is not dialled any longer. */
void lan_gone(struct lan *l, const struct peer_id *peer);

/* What became of connections, ours or theirs, with whatever peer: one that is connected before it
 * is heard is not to be dialled then. */
void lan_up(struct lan *l, const struct peer_id *peer, uint64_t now);
void lan_down(struct lan *l, const struct peer_id *peer, uint64_t now);
void lan_failed(struct lan *l, const struct peer_id *peer, uint64_t now);

/* The transport is a new one: no connection is left, everybody is worth a try. */
void lan_restart(struct lan *l, uint64_t now);

/* Dials who is due; returns when to call again (UINT64_MAX: not before something else happens).
 * To be called after each of the above. */
uint64_t lan_run(struct lan *l, uint64_t now);

size_t lan_count(const struct lan *l); /* peers heard */

#endif
