/* The report "peers". */
#ifndef SVC_DISCOVERY_PEOPLE_REPORT_H
#define SVC_DISCOVERY_PEOPLE_REPORT_H

#include "svc-discovery/people.h"
#include "svc-discovery/pubsub.h"

#define PEOPLE_REPORT_MAX 130000 /* bytes; a message to the supervisor is bounded */

/* A JSON array, owned by the caller: [{"id","label","email","avatar_hash","last_seen" (Unix
 * milliseconds),"via","addresses","connected"}]. Those who do not fit are left out; the one silent
 * longest comes first. */
char *people_report(const struct people *people, const struct pubsub *pubsub);

#endif
