/* What the files of connections share: conns.c (all of them), conn.c (one), conn_upgrade.c (how one
 * becomes safe and many). */
#ifndef SVC_TRANSPORT_CONN_PRIVATE_H
#define SVC_TRANSPORT_CONN_PRIVATE_H

#include <sys/queue.h>

#include "base/buf.h"
#include "base/log.h"
#include "svc-transport/admission.h"
#include "svc-transport/conn.h"
#include "svc-transport/limits.h"
#include "svc-transport/multistream.h"
#include "svc-transport/record.h"

#define CONN_IN   (RECORD_MAX + LIMIT_READ_TURN) /* what was left, and what is read */
#define CONN_SEAL (LIMIT_OUT_SOFT + RECORD_MAX)

#define CONN_LINES 600 /* a minute, in the log, of connections that come and go */

enum conn_phase {
	CONN_CONNECTING,
	CONN_SECURING, /* multistream: /noise */
	CONN_PROVING,  /* Noise handshake */
	CONN_CHOOSING, /* multistream inside Noise, when no muxer was agreed on */
	CONN_OPEN,
	CONN_LEAVING /* has said goodbye; ends when the peer has got it all */
};

struct conn {
	struct conns *set;
	TAILQ_ENTRY(conn) all;
	TAILQ_ENTRY(conn) touched; /* wants a flush */
	TAILQ_ENTRY(conn) dying;
	bool is_touched, is_dying;
	bool blocked; /* the socket takes nothing now: wait until it is writable */

	int fd;
	struct watch *watch;
	int watched;
	bool inbound;
	enum conn_phase phase;
	struct admission_key place;
	uint64_t since;
	struct multiaddr remote;
	char remote_text[MULTIADDR_TEXT];
	struct peer_id peer;
	char peer_text[PEER_ID_TEXT];

	struct multistream *agreement; /* SECURING, CHOOSING */
	struct noise *noise;           /* until OPEN */
	struct record opening, sealing;
	struct yamux *yamux;
	struct buf in;  /* the beginning of a record or handshake message */
	struct buf out; /* ciphertext the socket did not take */
	uint64_t bytes_in, bytes_out;
	uint64_t moved_at; /* the socket last took something, or had nothing to take */
	uint64_t acked;    /* LEAVING: by the peer's TCP, at the last tick */

	void *user;
	enum yamux_reason goaway;
	char why[CONN_WHY];
};

TAILQ_HEAD(conn_list, conn);

struct conns {
	struct loop *loop;
	const struct noise_self *self;
	const struct conn_events *events;
	void *arg;
	struct admission *admission;
	struct conn_list all, touched, dying;
	struct timer *timer;
	struct before_sleep *hook;
	struct log_limit failures, changes;
	uint64_t moved;      /* bytes in and out, of all there ever were */
	uint64_t moved_then; /* at the last tick */
	unsigned quiet;      /* ticks since much moved; 0: the heap has been trimmed */
	uint8_t *in;         /* CONN_IN */
	uint8_t *seal;       /* CONN_SEAL */
};

/* conn.c */
struct conn *conn_new(struct conns *cs, int fd, bool inbound, const struct sockaddr *remote,
    const struct peer_id *expected);
/* Says goodbye, tells, frees. Only for one that is dying. */
void conn_end(struct conn *c);
bool conn_is_handshake(const struct conn *c);
/* While it is leaving, every second: ends it when there is nothing to wait for any more. */
void conn_check_leaving(struct conn *c);

/* conn_upgrade.c */

/* The first step of an inbound connection; of a dialled one, once TCP is connected. */
void conn_upgrade_begin(struct conn *c);
/* Bytes from the socket before there are records. Returns how many were taken, or -1. */
long conn_upgrade_input(struct conn *c, const uint8_t *p, size_t n);
/* Plaintext of a record before there is yamux. */
void conn_upgrade_plain(struct conn *c, const uint8_t *p, size_t n);

#endif
