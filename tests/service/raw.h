/* A libp2p peer made of the transport's own protocol cores alone, which sends to svc-transport what
 * the test wants: honest bytes in odd pieces, and garbage at every layer. Nothing moves but in
 * raw_turn(); every wait is a RAW_UNTIL(). */
#ifndef TESTS_SERVICE_RAW_H
#define TESTS_SERVICE_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/peer_id.h"
#include "codec/pubkey.h"
#include "svc-transport/multistream.h"
#include "svc-transport/noise.h"
#include "svc-transport/record.h"
#include "svc-transport/yamux.h"
#include "tests/service/puppet.h"

#define RAW_HEADER      "\x13/multistream/1.0.0\n"
#define RAW_NOISE       "\x07/noise\n"
#define RAW_NA          "\x03na\n"
#define RAW_PING        "/ipfs/ping/1.0.0"
#define RAW_STREAMS_MAX 1100

struct raw_stream {
	struct yamux_stream *y; /* NULL once it is over */
	struct buf in;          /* all that came, multistream lines too */
	bool inbound, finished, reset, closed;
	uint32_t code;
};

struct raw {
	struct puppet *stage;
	int fd;
	bool noisy; /* the handshake is done */
	bool dead;  /* the other side has closed */
	uint8_t public[32], secret[64];
	char text[PEER_ID_TEXT];
	struct noise_self self;
	struct noise *noise;
	struct multistream talk;
	bool talked;
	struct record seal, open;
	struct yamux *yamux;
	struct peer_id id, them;
	struct buf in, out;
	struct raw_stream streams[RAW_STREAMS_MAX];
	size_t stream_count;
	uint32_t goodbye; /* what its GoAway said, UINT32_MAX while there was none */
};

/* svc-transport on a stage of its own, its neighbours up; `discovery` may be NULL for a stage
 * without it. The caller frees the stage. */
struct puppet *raw_stage(struct puppet_end **viewer, struct puppet_end **discovery);

/* The port that the service listens on, and a socket connected to it. */
unsigned raw_port(struct puppet *p);
int raw_tcp(struct puppet *p);
/* The same from 127.0.0.<host>. */
int raw_tcp_from(struct puppet *p, unsigned host);

/* A peer on that socket, which it owns; of the same identity as `like`, of a new one with NULL. */
struct raw *raw_new(struct puppet *p, int fd, const struct raw *like);
void raw_free(struct raw *r);

/* Sends the bytes as they are; sealed into a record. */
void raw_put(struct raw *r, const void *bytes, size_t n);
void raw_put_plain(struct raw *r, const void *bytes, size_t n);

/* Sends and receives what can be; true, so that it fits into PUPPET_UNTIL. */
bool raw_turn(struct raw *r);
/* Only sends. */
void raw_send(struct raw *r);
#define RAW_UNTIL(r, expression) PUPPET_UNTIL((r)->stage, raw_turn(r) && (expression))

/* Dials the service as far as a finished handshake. `muxers` says whether ours lists yamux. */
struct raw *raw_dial_noise(struct puppet *p, const struct raw *like, bool muxers);
/* The same with yamux on it. */
struct raw *raw_dial(struct puppet *p, const struct raw *like);
/* That of a new peer from 127.0.0.<host>. */
struct raw *raw_dial_from(struct puppet *p, unsigned host);

/* That of a new peer at an address of this machine that is not loopback. NULL when it has none. */
struct raw *raw_dial_outside(struct puppet *p);

/* Listens, has discovery ask the service to connect there, and takes the connection. */
struct raw *raw_be_dialled(struct puppet *p, struct puppet_end *discovery, const struct raw *like);
/* Answers the handshake there; yamux is on it when it is done. */
void raw_answer(struct raw *r);

/* What is known of a stream; `y` may be NULL. Lives as long as the peer. */
struct raw_stream *raw_add(struct raw *r, struct yamux_stream *y, bool inbound);
/* Opens a stream and sends header, proposal and what follows in one go. */
struct raw_stream *raw_open(struct raw *r, const char *id, const void *then, size_t n);
/* The answer to that, without its two lines; asserts them. */
struct bytes raw_answered(const struct raw_stream *s, const char *id);
/* The first stream of the service in which `text` has come, or NULL. */
struct raw_stream *raw_find(const struct raw *r, const char *text);
/* Opens a ping stream and waits for the echo of a byte. */
struct raw_stream *raw_ping(struct raw *r);

/* An honest peer connects and is echoed a ping. */
void raw_assert_honest(struct puppet *p);

#endif
