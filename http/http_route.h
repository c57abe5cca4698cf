/* Which handler answers which request: a table, looked up in order. No I/O. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct http_request;

/* Answers the request with one call of http_answer.h, now or later. `arg` is the server's. */
typedef void http_handler_fn(void *arg, struct http_request *r);

struct http_route {
	const char *method; /* "GET" answers HEAD too */
	const char *path;   /* as it is, or all that begin like it when it ends with '*' */
	size_t body_max;    /* bytes of body accepted */
	http_handler_fn *handler;
};

/* The first route for method and path, or NULL. *path_known tells whether the path exists for some
 * other method: then the answer is 405 instead of 404. */
const struct http_route *http_route_find(const struct http_route *routes, size_t count,
    const char *method, const char *path, bool *path_known);

/* What the path takes, for the header Allow (RFC 9110, section 10.2.1): "GET, HEAD, POST". */
#define HTTP_ROUTE_ALLOW 64
void http_route_allow(
    const struct http_route *routes, size_t count, const char *path, char out[HTTP_ROUTE_ALLOW]);

#endif
