/* Dialling: which address of a peer to try, when, and what to say when none worked. No I/O: the
 * time is an argument, connecting is a callback.
 *
 * One dial per peer at a time. Addresses are begun in the order given, the next one when the last
 * failed or LIMIT_DIAL_STAGGER_MS later (LIMIT_DIAL_PROGRESS_MS once TCP is connected), at most
 * LIMIT_DIAL_TRIES at once. An address that failed is left alone for a while: 5 s, doubling to
 * 5 min, since go-libp2p counts failed connections against our address. */
#ifndef SVC_TRANSPORT_DIAL_H
#define SVC_TRANSPORT_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/multiaddr.h"
#include "codec/peer_id.h"

#define DIAL_WHY  192  /* one address's reason */
#define DIAL_TEXT 4096 /* the list of all */

struct dialer;

/* Called from dialer_tick() only, `abort` also from dialer_connected() and dialer_free(). They must
 * not call the dialer. */
struct dial_io {
	/* Begin to connect and upgrade. Returns a handle, or NULL with the reason in `why`
	 * (DIAL_WHY bytes): this host could not begin, which is not held against the address. The
	 * outcome is told later, never from inside. */
	void *(*start)(
	    void *arg, const struct peer_id *peer, const struct multiaddr *addr, char *why);
	/* The attempt is no longer wanted; nothing more is to be said about it. */
	void (*abort)(void *arg, void *handle);
	/* No address worked: a line for each with its reason. The dial is over. */
	void (*failed)(void *arg, const struct peer_id *peer, const char *text);
};

struct dialer *dialer_new(const struct dial_io *io, void *arg);
void dialer_free(struct dialer *d); /* aborts all; NULL is fine */

/* Begins a dial, or adds addresses to the one under way. It comes to life in the next
 * dialer_tick(). Returns 0, or -1 when LIMIT_DIALS are under way. */
int dialer_start(struct dialer *d, const struct peer_id *peer, const struct multiaddr *addrs,
    size_t count, uint64_t now);

/* A dial to this peer is under way. */
bool dialer_busy(const struct dialer *d, const struct peer_id *peer);

/* What became of an attempt: TCP is connected; or it failed. Unknown handles are ignored. */
void dialer_progress(
    struct dialer *d, const struct peer_id *peer, const void *handle, uint64_t now);
void dialer_failed(struct dialer *d, const struct peer_id *peer, const void *handle,
    const char *why, uint64_t now);

/* A connection to the peer is up, by whichever way: its dial is over. All attempts except `handle`
 * are aborted; the address of `handle` (may be NULL) is in good repute again. */
void dialer_connected(struct dialer *d, const struct peer_id *peer, const void *handle);

/* The address was announced anew: what is held against it is forgotten. */
void dialer_forgive(
    struct dialer *d, const struct peer_id *peer, const struct multiaddr *addrs, size_t count);

/* Does what is due. Returns when to call next (the same clock), UINT64_MAX for never. Also to be
 * called after dialer_start() and dialer_failed(). */
uint64_t dialer_tick(struct dialer *d, uint64_t now);

#endif
