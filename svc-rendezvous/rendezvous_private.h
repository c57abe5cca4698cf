/* Private to rendezvous.c and routes.c. */
#ifndef SVC_RENDEZVOUS_RENDEZVOUS_PRIVATE_H
#define SVC_RENDEZVOUS_RENDEZVOUS_PRIVATE_H

#include "base/log.h"
#include "http/http_route.h"
#include "svc-rendezvous/feed.h"
#include "svc-rendezvous/hub.h"
#include "svc-rendezvous/journal.h"
#include "svc-rendezvous/metrics.h"
#include "svc-rendezvous/pages.h"
#include "svc-rendezvous/password.h"
#include "svc-rendezvous/peer_db.h"
#include "svc-rendezvous/settings.h"

struct rendezvous {
	struct service *svc;
	struct settings settings;
	struct hub *hub;
	struct feed *feed;
	struct peer_db *db; /* NULL without presence.peer_db_path */
	struct http_server *http;
	struct password *password;
	struct pages pages;
	struct journal journal;
	struct timer *tick, *ping, *db_turn;
	int listening;       /* until the server has taken it, -1 */
	int64_t wall_began;  /* the clock of hub.h: wall time at the start, */
	uint64_t mono_began; /* and what has passed since */
	struct histogram publish_time;
	uint64_t answers[METRICS_STATUSES]; /* see metrics.h */
	uint64_t too_large, refused;
};

/* The clock of hub.h, milliseconds. */
int64_t rendezvous_now(const struct rendezvous *v);

/* routes.c: what answers which request, with the rendezvous as argument. */
const struct http_route *routes_table(size_t *count);

#endif
