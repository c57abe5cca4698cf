/* The desk of svc-discovery and its wiring: what the transport says goes to the cores, what the
 * cores say goes to the transport, the viewer and the database. */
#ifndef SVC_DISCOVERY_DISCOVERY_H
#define SVC_DISCOVERY_DISCOVERY_H

#include "proto/service.h"

/* Hooks and desks for the table in main.c; contracts are in proto/service.h. */
int discovery_init(struct service *svc);
void discovery_threads(struct service *svc);
void discovery_stop(struct service *svc, uint32_t grace_ms);
void discovery_fini(struct service *svc);
void discovery_report(struct service *svc, uint32_t request, const char *what);

void discovery_transport_down(struct service *svc, const char *why);
int discovery_from_transport(struct service *svc, struct msg *m);
const struct stream_events *discovery_incoming(void *svc, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user);

void discovery_viewer_up(struct service *svc);
void discovery_db_up(struct service *svc);
int discovery_refuse(struct service *svc, struct msg *m);

#endif
