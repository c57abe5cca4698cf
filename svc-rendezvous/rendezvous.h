/* The service put together: settings, hub, streams, database, HTTP. */
#ifndef SVC_RENDEZVOUS_RENDEZVOUS_H
#define SVC_RENDEZVOUS_RENDEZVOUS_H

#include <stdint.h>

struct service;

/* The entries of struct service_spec. */
int rendezvous_init(struct service *svc);
int rendezvous_start(struct service *svc);
void rendezvous_stop(struct service *svc, uint32_t grace_ms);
void rendezvous_fini(struct service *svc);
void rendezvous_report(struct service *svc, uint32_t request, const char *what);

#endif
