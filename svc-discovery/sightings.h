/* Who is seen by which rendezvous server that is the judge of it: one that says who comes and who
 * leaves, and nothing of those who stay. No I/O. */
#ifndef SVC_DISCOVERY_SIGHTINGS_H
#define SVC_DISCOVERY_SIGHTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/peer_id.h"

#define SIGHTINGS_SERVERS 32   /* numbered from 0 */
#define SIGHTINGS_MAX     4096 /* peers; more are not noted */

struct sightings;

struct sightings *sightings_new(void);
void sightings_free(struct sightings *t); /* NULL is fine */

/* That server sees the peer. */
void sightings_see(struct sightings *t, const struct peer_id *peer, unsigned server);
/* That server sees it no more. True when no other does. */
bool sightings_unsee(struct sightings *t, const struct peer_id *peer, unsigned server);
/* That server sees nobody. */
void sightings_clear(struct sightings *t, unsigned server);
/* Nobody sees that peer. */
void sightings_forget(struct sightings *t, const struct peer_id *peer);

/* Whether some server sees the peer. */
bool sightings_any(const struct sightings *t, const struct peer_id *peer);

/* Walks those that the server sees: start with *at = 0, ends with NULL. Lent. The peer just
 * returned may be forgotten during the walk; nobody may be added. */
const struct peer_id *sightings_next(const struct sightings *t, size_t *at, unsigned server);

#endif
