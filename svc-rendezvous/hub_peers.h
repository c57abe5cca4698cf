/* Who is present, and who has ever signed: the hub's two tables. No I/O; times are milliseconds of
 * one clock that never goes back. */
#ifndef SVC_RENDEZVOUS_HUB_PEERS_H
#define SVC_RENDEZVOUS_HUB_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "codec/peer_id.h"
#include "svc-rendezvous/hub_clients.h"
#include "svc-rendezvous/hub_message.h"

/* A peer that is present. */
struct hub_peer {
	TAILQ_ENTRY(hub_peer) entry;     /* by `heard` */
	TAILQ_ENTRY(hub_peer) of_client; /* by arrival */
	struct hub_client *client;       /* who brought it */
	char id[PEER_ID_TEXT];
	char *json; /* its last message, as it is passed on */
	size_t len;
	char *label;
	uint8_t digest[HUB_DIGEST];
	enum presence_type type;
	int64_t ts;                     /* its own */
	int64_t heard, stored;          /* ours */
	uint64_t changed;               /* the number of the event that last changed it */
	uint64_t bytes_published;       /* since it came */
	uint64_t received, sent_before; /* see hub_peer_received() */
	bool signed_;                   /* its last message was */
	bool foreign;                   /* another instance is its judge */
};

/* A peer that has signed within a day. */
struct hub_signer {
	TAILQ_ENTRY(hub_signer) entry;     /* by `heard` */
	TAILQ_ENTRY(hub_signer) of_client; /* by `heard` */
	struct hub_client *client;
	struct peer_id id;
	int64_t ts;    /* the greatest accepted */
	int64_t heard; /* ours, of that message */
	struct hub_rate rate;
};

TAILQ_HEAD(hub_peer_list, hub_peer);
TAILQ_HEAD(hub_signer_list, hub_signer);

struct hub_peers {
	struct hub_clients *clients; /* lent */
	struct map *by_id, *signers_by_id;
	struct hub_peer_list list;      /* the longest unheard first */
	struct hub_signer_list signers; /* the same */
	size_t peers_max, bytes_max, signers_max;
	size_t bytes; /* of all peers' messages */
};

/* An empty table of so many peers, bytes of messages and signers at most; `clients` is lent.
 * Cleared, it is gone. Counted: peers present, and signers. */
void hub_peers_init(struct hub_peers *t, struct hub_clients *clients, size_t peers_max,
    size_t bytes_max, size_t signers_max);
void hub_peers_clear(struct hub_peers *t);
size_t hub_peers_count(const struct hub_peers *t);
size_t hub_peers_signers(const struct hub_peers *t);

/* The peer that is present, lent; NULL when it is not. */
struct hub_peer *hub_peers_get(const struct hub_peers *t, const char *id);

/* Whether another message of `len` bytes fits. When not, *victim is the peer that has to go for
 * it, or NULL when nobody has to go for this client: then the newcomer is refused. Victims are
 * the newest peers of the client whose peers take the most, and only when that is more than what
 * the newcomer's take; so to push anybody out, an attacker must spread over more addresses than
 * there is room for peers, and who has few peers stays. */
bool hub_peers_fit(const struct hub_peers *t, const struct hub_client *newcomer, size_t len,
    bool is_new, struct hub_peer **victim);

/* A new peer, heard just now, without a message yet. */
struct hub_peer *hub_peers_add(
    struct hub_peers *t, const char *id, struct hub_client *client, int64_t now);
/* Takes over what is kept of a message (its json goes to the peer), and who brought it. */
void hub_peers_update(struct hub_peers *t, struct hub_peer *p, struct hub_client *client,
    struct hub_message *m, int64_t heard);
void hub_peers_remove(struct hub_peers *t, struct hub_peer *p);

/* Bytes that event streams of the address from which the peer publishes were sent since it came. A
 * stream bears no peer's name, so peers behind one address share the number. */
uint64_t hub_peer_received(const struct hub_peer *p);

/* NULL when it has not signed for HUB_SIGNER_MS. */
#define HUB_SIGNER_MS (24LL * 3600 * 1000)
struct hub_signer *hub_signers_get(
    const struct hub_peers *t, const struct peer_id *id, int64_t now);
/* The signer, made when there is none. When there are too many, one that is not present is
 * forgotten: the longest unheard of the client with the most, or when all of those are present, of
 * all. NULL when none can go. */
struct hub_signer *hub_signers_make(
    struct hub_peers *t, const struct peer_id *id, struct hub_client *client, int64_t now);
/* It has signed this `ts`. */
void hub_signers_heard(struct hub_peers *t, struct hub_signer *s, int64_t ts, int64_t now);
/* Forgets those that have been silent for a day, some at a time. */
void hub_signers_expire(struct hub_peers *t, int64_t now);

#endif
