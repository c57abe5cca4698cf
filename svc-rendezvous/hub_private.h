/* Private to hub.c, hub_events.c and hub_import.c. */
#ifndef SVC_RENDEZVOUS_HUB_PRIVATE_H
#define SVC_RENDEZVOUS_HUB_PRIVATE_H

#include "svc-rendezvous/hub.h"
#include "svc-rendezvous/hub_log.h"
#include "svc-rendezvous/hub_order.h"

struct hub_stream {
	struct hub_log log;
	uint64_t place; /* bytes sent */
};

struct hub {
	struct hub_config config;
	struct hub_clients clients;
	struct hub_peers peers;
	struct hub_order order;
	struct hub_stream streams[HUB_CHANNELS];
	struct hub_count count;
	uint64_t seq;     /* of the last event */
	uint64_t version; /* see hub_version() */
	int64_t wall_ahead;
};

/* An event for HUB_ALL, and for HUB_CHANGES when it is a change. */
void hub_emit(struct hub *hub, const char *json, size_t n, bool is_change);

/* "<what> <id> (<label>)" for the administrator. */
void hub_note(struct hub *hub, int64_t now, const char *what, const char *id, const char *label);

/* The last event was this peer's, and a change. */
void hub_changed(struct hub *hub, struct hub_peer *p);

/* Without a word to anybody. */
void hub_remove(struct hub *hub, struct hub_peer *p);

#endif
