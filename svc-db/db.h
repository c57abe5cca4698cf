/* The desk of svc-db: who may ask what, and the hooks of the service's life. main.c hands these to
 * the skeleton; what each is called for and may return is in proto/service.h. */
#ifndef DB_DB_H
#define DB_DB_H

#include "proto/service.h"

int db_from_transport(struct service *svc, struct msg *m);
int db_from_discovery(struct service *svc, struct msg *m);
void db_discovery_up(struct service *svc);

stream_incoming_fn db_stream_of_peer;
stream_incoming_fn db_stream_of_owner;

int db_init(struct service *svc);
void db_stop(struct service *svc, uint32_t grace_ms);
void db_fini(struct service *svc);
void db_report(struct service *svc, uint32_t request, const char *what);

#endif
