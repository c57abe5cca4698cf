/* The viewer's HTTP addresses: who may ask (origins.h), and which room answers.
 * Source: docs/CONTRACT.md, "Viewer". */
#ifndef SVC_VIEWER_ROUTES_H
#define SVC_VIEWER_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "http/http_route.h"

/* All take the struct viewer as `arg`. */
const struct http_route *routes_table(size_t *count);

/* Judges the request and sets the headers that go with the verdict. */
bool routes_gate(void *arg, struct http_request *r);

#endif
