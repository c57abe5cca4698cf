/* The map of links: who may talk to whom. Nothing opens a ZeroMQ socket that is not in it. */
#ifndef PROTO_LINKS_H
#define PROTO_LINKS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/services.h"

/* L(CONNECTS, BINDS, endpoint): paths are relative to DIR, the working folder of every service. */
#define LINKS(L)                                                                                   \
	L(VIEWER, TRANSPORT, "ipc://run/viewer-transport.ipc")                                     \
	L(DISCOVERY, TRANSPORT, "ipc://run/discovery-transport.ipc")                               \
	L(DB, TRANSPORT, "ipc://run/db-transport.ipc")                                             \
	L(VIEWER, DISCOVERY, "ipc://run/viewer-discovery.ipc")                                     \
	L(DB, DISCOVERY, "ipc://run/db-discovery.ipc")                                             \
	L(VIEWER, DB, "ipc://run/viewer-db.ipc")

struct link_place {
	enum service_id connects;
	enum service_id binds;
	const char *endpoint;
};

/* The link between two services in either order, or NULL when they may not talk. */
const struct link_place *link_between(enum service_id a, enum service_id b);

/* Number of links, and the i-th. */
size_t link_places(void);
const struct link_place *link_place(size_t i);

#endif
