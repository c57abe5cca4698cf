/* `trace`: clients of the control socket that follow what passes on the links of a service.
 *
 * A client that reads too slowly loses lines, and is told how many; a service that dies is followed
 * in its next life. Nothing is asked of a service that nobody follows. */
#ifndef SUPERVISOR_TRACES_H
#define SUPERVISOR_TRACES_H

#include "supervisor/control.h"
#include "supervisor/minder.h"

#define TRACES_MAX 8 /* clients at a time: places of the control socket stay for others */

struct traces;

struct traces *traces_new(struct control *control);
void traces_free(struct traces *t); /* NULL is fine */

/* The client follows this service from now on; `subject` as of trace_filter_parse(). It gets
 * {"ok":true,"service":...} and then a line for each message, {"time":...,"dir":"in" or "out",
 * "peer":...,"message":...,"bytes":...}, {"lost":NUMBER} where some are missing, {"note":...}; or a
 * refusal. */
void traces_ask(struct traces *t, uint32_t client, struct minder *of, const char *subject);

/* That client has left. */
void traces_left(struct traces *t, uint32_t client);

/* A TRACE has come. Returns 0, or -1 when it makes no sense. */
int traces_take(struct traces *t, const struct minder *m, struct msg *msg);

/* That service has a new process: it is told what is wanted. */
void traces_spawned(struct traces *t, struct minder *m);
/* It was handed over by a program before us, who may have asked it for what nobody follows now. */
void traces_inherited(struct traces *t, struct minder *m);
/* It has died. */
void traces_died(struct traces *t, const struct minder *m, const char *why);

#endif
