/* Data operations over HTTP: a request to one's own database or to a remote peer's, through a data
 * stream; the answer's value is handed on as it arrives.
 * Source: docs/CONTRACT.md, "Viewer" (data routes). */
#ifndef SVC_VIEWER_DATA_API_H
#define SVC_VIEWER_DATA_API_H

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "proto/stream.h"

struct http_request;
struct data_api;

struct data_api_config {
	struct streams *own;    /* to the database */
	struct streams *remote; /* to the transport */
	uint32_t open_ms;       /* until the other side has accepted the stream */
	uint32_t idle_ms;       /* one that sends nothing while it could is given up */
};

struct data_api *data_api_new(struct loop *loop, const struct data_api_config *config);
void data_api_free(struct data_api *a); /* all calls must be over; NULL is fine */

/* Answers with what the operation ("query", "tables/create") gives. `own` asks one's own database,
 * with `peer` (may be "") as one's own id; otherwise that of `peer`. */
void data_api_call(
    struct data_api *a, struct http_request *r, bool own, const char *peer, const char *operation);

/* Calls under way. */
size_t data_api_calls(const struct data_api *a);

#endif
