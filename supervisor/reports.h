/* Questions to services ("peers", "links", "streams") on behalf of clients of the control socket:
 * asked of one or of all that run, answered when all have, or when REPORTS_LIMIT has passed. */
#ifndef SUPERVISOR_REPORTS_H
#define SUPERVISOR_REPORTS_H

#include "supervisor/control.h"
#include "supervisor/minder.h"

#define REPORTS_LIMIT 5000 /* ms */

struct reports;

struct reports *reports_new(struct control *control);
void reports_free(struct reports *r); /* NULL is fine */

/* Asks each of these that runs. The client gets {"ok":true,"reports":{"svc-x":...}}, where one that
 * died or did not answer has null, or is refused when none of them runs. */
void reports_ask(struct reports *r, uint32_t client, struct minder *const of[], size_t n,
    const char *what, uint64_t now);

/* A REPORT has come. */
void reports_take(
    struct reports *r, const struct minder *m, uint32_t request, const uint8_t *json, size_t n);

/* That service's process has ended: it will not answer. */
void reports_lost(struct reports *r, const struct minder *m);

/* To be called about once a second. */
void reports_tick(struct reports *r, uint64_t now);

#endif
