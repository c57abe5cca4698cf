/* The processes of the system, once. */
#ifndef PROTO_SERVICES_H
#define PROTO_SERVICES_H

#include <stdint.h>

/* S(number, NAME, program): a lower number may not depend on a higher one (start order). */
#define SERVICES(S)                                                                                \
	S(0, SUPERVISOR, "goop-supervisor")                                                        \
	S(1, TRANSPORT, "svc-transport")                                                           \
	S(2, DISCOVERY, "svc-discovery")                                                           \
	S(3, DB, "svc-db")                                                                         \
	S(4, VIEWER, "svc-viewer")                                                                 \
	S(5, RENDEZVOUS, "svc-rendezvous")

enum service_id {
#define S(number, NAME, program) SERVICE_##NAME = number,
	SERVICES(S)
#undef S
	    SERVICE_COUNT
};

/* The program's name, "?" for a number that is none. */
const char *service_name(enum service_id id);

/* The reverse; also accepts the name without "svc-". Returns SERVICE_COUNT when unknown. */
enum service_id service_by_name(const char *name);

#endif
