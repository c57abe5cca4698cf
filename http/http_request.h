/* What a handler may know of a request. Valid until the request's http_done_fn has returned. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stddef.h>

#include "base/buf.h"

struct http_request;

/* "GET", "POST", ...; a method of more than 15 characters never gets here. */
const char *http_request_method(const struct http_request *r);

/* As it was sent: path and query, still escaped. */
const char *http_request_target(const struct http_request *r);

/* The path alone, unescaped, free of control characters (http_text_path()). */
const char *http_request_path(const struct http_request *r);

/* The first header of that name, or NULL. */
const char *http_request_header(const struct http_request *r, const char *name);

/* The last header of that name, or NULL: a list may be spread over several lines (RFC 9110, section
 * 5.3), and who comes last has the last word. */
const char *http_request_header_last(const struct http_request *r, const char *name);

/* The whole body, at most what the route allows; lent until the handler returns. */
struct bytes http_request_body(const struct http_request *r);

/* Where the client is, as text ("127.0.0.1"), into 46 bytes at least. */
void http_request_client(const struct http_request *r, char *out, size_t size);

/* Called once when the request is over, answered or broken off; the last use of `r`. */
typedef void http_done_fn(void *arg, struct http_request *r);
void http_request_on_done(struct http_request *r, http_done_fn *fn, void *arg);

/* Takes the connection out of the server, to be written to by the caller alone: returns its
 * descriptor, the caller's, or -1 when there are no descriptors left (the request is then to be
 * answered). Counts as the answer; bytes that the client has sent after the request are lost. Only
 * from within the handler. */
int http_request_detach(struct http_request *r);

#endif
