/* The map of links: who may talk to whom. Nothing opens a ZeroMQ socket that is not in it. */
#ifndef PROTO_LINKS_H
#define PROTO_LINKS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/services.h"

/* L(CONNECTS, BINDS, endpoint, slab): paths are relative to DIR, the working folder of every
 * service. `slab`: do its ends share memory (proto/slab.h)? Only where much flows and no reader
 * parses what it is lent. */
#define LINKS(L)                                                                                   \
	L(VIEWER, TRANSPORT, "ipc://run/viewer-transport.ipc", true)                               \
	L(DISCOVERY, TRANSPORT, "ipc://run/discovery-transport.ipc", false)                        \
	L(DB, TRANSPORT, "ipc://run/db-transport.ipc", false)                                      \
	L(VIEWER, DISCOVERY, "ipc://run/viewer-discovery.ipc", false)                              \
	L(DB, DISCOVERY, "ipc://run/db-discovery.ipc", false)                                      \
	L(VIEWER, DB, "ipc://run/viewer-db.ipc", false)

struct link_place {
	enum service_id connects;
	enum service_id binds;
	const char *endpoint;
	bool slab;
};

/* The link between two services in either order, or NULL when they may not talk. */
const struct link_place *link_between(enum service_id a, enum service_id b);

/* Number of links, and the i-th. */
size_t link_places(void);
const struct link_place *link_place(size_t i);

#endif
