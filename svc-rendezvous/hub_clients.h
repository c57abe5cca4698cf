/* What is known of the addresses that clients come from, and what each of them has used up: the
 * side of the limits that an attacker has to pay for. No I/O.
 *
 * An address is forgotten when it holds nothing and its rates have faded, or, when there are too
 * many, the longest unseen first of those that hold nothing. */
#ifndef SVC_RENDEZVOUS_HUB_CLIENTS_H
#define SVC_RENDEZVOUS_HUB_CLIENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "svc-rendezvous/hub_rate.h"

#define HUB_CLIENT_KEY 52 /* room for an address, or a /64 of IPv6 addresses, as text */

struct hub_peer;
struct hub_signer;

/* Fields are for the hub's files. */
struct hub_client {
	TAILQ_ENTRY(hub_client) entry; /* by when it was seen last */
	char key[HUB_CLIENT_KEY];
	struct hub_rate unsigned_, signed_, new_ids, bytes;
	TAILQ_HEAD(, hub_peer) peers;     /* present ones that it brought, the newest last */
	TAILQ_HEAD(, hub_signer) signers; /* the longest unheard first */
	size_t peer_count, peer_bytes, signer_count;
	unsigned subscribers, connections;
	uint64_t sent; /* bytes of event streams */
};

struct hub_clients {
	struct map *by_key;
	TAILQ_HEAD(hub_client_list, hub_client) list;
	size_t max;
};

void hub_clients_init(struct hub_clients *t, size_t max);
/* No peers and signers may be left. */
void hub_clients_clear(struct hub_clients *t);

/* The client of that key (cut to HUB_CLIENT_KEY - 1 bytes), made when there is none; lent until the
 * next call unless it holds something. */
struct hub_client *hub_clients_get(struct hub_clients *t, const char *key);

/* The one whose peers take most: each counts for a kilobyte besides its own. NULL for none. */
struct hub_client *hub_clients_heaviest(const struct hub_clients *t);
size_t hub_client_weight(const struct hub_client *c);

/* The one with the most signers. */
struct hub_client *hub_clients_most_signers(const struct hub_clients *t);

#endif
