/* The desk of svc-transport: what its neighbours may ask, and how its parts hang together. */
#ifndef SVC_TRANSPORT_TRANSPORT_H
#define SVC_TRANSPORT_TRANSPORT_H

#include "proto/service.h"

/* For struct service_spec. */
int transport_init(struct service *svc);
int transport_start(struct service *svc);
void transport_stop(struct service *svc, uint32_t grace_ms);
void transport_fini(struct service *svc);
void transport_report(struct service *svc, uint32_t request, const char *what);

/* For struct desk: one counter a neighbour. */
void transport_viewer_up(struct service *svc);
void transport_discovery_up(struct service *svc);
void transport_db_up(struct service *svc);
void transport_neighbour_down(struct service *svc, const char *why);
int transport_from_viewer(struct service *svc, struct msg *m);
int transport_from_discovery(struct service *svc, struct msg *m);
int transport_from_db(struct service *svc, struct msg *m);
stream_request_fn transport_viewer_opens;
stream_request_fn transport_discovery_opens;

#endif
