/* The table of who is online, as the administrator sees it. */
#ifndef SVC_RENDEZVOUS_ROWS_H
#define SVC_RENDEZVOUS_ROWS_H

#include <stddef.h>

#include "base/buf.h"
#include "svc-rendezvous/hub.h"

/* A JSON array for free(3): those whose last message was `online` first, then the latest heard, at
 * most `max`. */
char *rows_to_json(const struct hub *hub, size_t max);

/* The same as rows of an HTML table, as many of them as leave `rest` bytes of room: strangers
 * decide how long they are. */
void rows_put_html(const struct hub *hub, size_t max, size_t rest, struct buf *out);

#endif
