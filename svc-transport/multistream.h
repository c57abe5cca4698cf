/* Agreement on a protocol at the start of a byte stream: multistream-select 1.0, both sides.
 * Source: multiformats/multistream-select; libp2p specs, connections ("Multistream-select").
 *
 * No I/O: bytes in, bytes out. Used on a fresh TCP connection, inside the secure channel when no
 * muxer was agreed there, and at the start of every muxed stream. */
#ifndef SVC_TRANSPORT_MULTISTREAM_H
#define SVC_TRANSPORT_MULTISTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define MULTISTREAM_LINE_MAX   1024 /* bytes of a message after its length, newline included */
#define MULTISTREAM_ROUNDS_MAX 64   /* proposals that a responder hears before it gives up */
#define MULTISTREAM_IDS_MAX    8    /* proposals that an initiator can make */

enum multistream_result {
	MULTISTREAM_MORE,    /* feed more bytes */
	MULTISTREAM_DONE,    /* agreed: the bytes not consumed belong to the chosen protocol */
	MULTISTREAM_REFUSED, /* initiator: every proposal was answered `na` */
	MULTISTREAM_BAD      /* the peer broke the rules, or made too many proposals */
};

/* Does the responder serve this id? Not zero-terminated, lent for the call. */
typedef bool multistream_accept_fn(void *arg, const char *id, size_t len);

/* Embedded by value; fields are private to multistream.c. Owns nothing, needs no clearing. */
struct multistream {
	enum multistream_result state;
	multistream_accept_fn *accept; /* NULL: initiator */
	void *arg;
	const char *ids[MULTISTREAM_IDS_MAX];
	size_t id_count;
	size_t id; /* the proposal now under way */
	unsigned rounds;
	bool got_header;
	uint16_t line_len; /* bytes of the present message so far, its length included */
	uint8_t line[2 + MULTISTREAM_LINE_MAX];
};

/* Answers the other side's proposals. */
void multistream_respond(struct multistream *m, multistream_accept_fn *accept, void *arg);

/* Proposes `ids` (1 to MULTISTREAM_IDS_MAX, lent as long as `m` is used, each shorter than
 * MULTISTREAM_LINE_MAX) in order; the header and the first proposal are appended to `out` at once.
 * Returns 0, or -1 when they do not fit there. */
int multistream_propose(
    struct multistream *m, const char *const *ids, size_t count, struct buf *out);

/* The same with one id of which the caller is sure: application bytes may be sent right behind what
 * is put into `out`, before the answer is in. The answer still has to be fed; `na` is final. */
int multistream_propose_lazy(struct multistream *m, const char *id, struct buf *out);

/* Feeds bytes. Takes as many as the negotiation needs, never one behind the newline of the message
 * that ends it; *consumed is set in every case. Answers are appended to `out`; that they do not
 * fit is MULTISTREAM_BAD. On DONE, `out` still has to be sent before anything else. */
enum multistream_result multistream_input(
    struct multistream *m, const uint8_t *p, size_t n, size_t *consumed, struct buf *out);

/* What was agreed, after DONE; for a lazy initiator at any time. Not zero-terminated, lent by `m`
 * (for an initiator: one of its `ids`). */
struct bytes multistream_chosen(const struct multistream *m);

#endif
