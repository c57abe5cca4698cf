/* Which services a folder is made of: docs/CONTRACT.md, "A peer is a folder", and goop.json(5). */
#ifndef SUPERVISOR_MODE_H
#define SUPERVISOR_MODE_H

#include <stdbool.h>

#include "supervisor/config.h"
#include "supervisor/roster.h"

/* MODE_PEER: a peer on its network, or, with presence.rendezvous_wan, on those of others too.
 * MODE_HOST: the same with a rendezvous server beside it, which it joins.
 * MODE_RENDEZVOUS: the rendezvous server alone. */
enum mode { MODE_PEER, MODE_HOST, MODE_RENDEZVOUS };

enum mode mode_of(const struct config *config);

/* "peer", "host", "rendezvous" */
const char *mode_name(enum mode mode);

/* Is this service part of it? */
bool mode_runs(enum mode mode, const struct config *config, const struct roster_row *row);

/* Tells discovery where our own rendezvous server is (rendezvous.own_url, "" when there is none or
 * no peer to join it). `host` and `port` are what the server listens on, numeric; every address
 * means loopback. */
void mode_set_own_url(enum mode mode, struct config *config, const char *host, const char *port);

#endif
