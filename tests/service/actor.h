/* A peer that is played: its identity, the presence it signs, and what it writes on its pubsub
 * streams. */
#ifndef TESTS_SERVICE_ACTOR_H
#define TESTS_SERVICE_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/peer_id.h"
#include "codec/presence.h"
#include "codec/pubkey.h"
#include "tests/service/puppet.h"

struct actor {
	struct peer_id id;
	char text[PEER_ID_TEXT];
	uint8_t key[PUBKEY_ED25519_SIZE];
	uint8_t secret[64];
	uint64_t seqno; /* of its last message */
	int64_t ts;     /* of its last presence */
};

/* The same number makes the same peer. */
void actor_init(struct actor *a, uint8_t number);

/* Signs what the transport is asked to sign. */
void actor_sign_presence(const struct actor *a, struct presence *p);
void actor_sign_publish(const struct actor *a, const char *topic, uint64_t seqno, struct bytes data,
    uint8_t signature[64]);

/* A puppet_desk for the transport of the actor in `arg`, which has to sign in its name. */
int actor_desk(void *arg, struct puppet_end *transport, struct msg *m);
/* The transport says that this is who we are. */
void actor_say_self(const struct actor *us, struct puppet_end *transport, uint16_t port);

/* The next PERSON, or PERSON_GONE, to that neighbour tells of `who`. */
void actor_assert_person(struct puppet_end *end, const struct actor *who, const char *label);
void actor_assert_gone(struct puppet_end *end, const struct actor *who);

/* A presence message, JSON for free(3); with `sig` when `with_sig`. `addr` may be NULL. */
char *actor_presence(
    struct actor *a, enum presence_type type, const char *label, const char *addr, bool with_sig);

/* Appends an RPC with its length: a subscription, or a signed message. */
void actor_subscribe(struct buf *out, const char *topic);
void actor_publish(struct buf *out, struct actor *author, const char *topic, const char *json);

#endif
