/* Private to this room: the state that its files share, and libmicrohttpd. */
#ifndef HTTP_MHD_H
#define HTTP_MHD_H

#include <microhttpd.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "http/http_answer.h"
#include "http/http_request.h"
#include "http/http_server.h"

#define HTTP_MHD_METHOD 16

struct http_sse_text {
	unsigned holders;
	size_t len;
	uint8_t data[];
};

struct http_mhd_header {
	const char *name; /* a literal */
	char *value;
};

struct http_request {
	TAILQ_ENTRY(http_request) entry;
	struct http_server *server;
	struct MHD_Connection *mhd;
	char method[HTTP_MHD_METHOD];
	char *target;
	char *path; /* NULL when malformed */
	struct buf body;
	struct MHD_Response *response; /* made, not yet queued */
	struct http_mhd_header *headers;
	http_fill_fn *fill;
	void *fill_arg;
	http_done_fn *done;
	void *done_arg;
	uint64_t discarded; /* bytes of a body that is too large */
	unsigned header_count;
	unsigned status; /* 0 until answered */
	bool headers_seen, dispatched, too_large, suspended, detached;
	bool given_up; /* its connection has been shut down */
};

/* http_server.c: a suspended connection is to go on. */
void http_mhd_resume(struct http_request *r);

/* http_request.c */
struct http_request *http_mhd_request_new(
    struct http_server *s, struct MHD_Connection *mhd, const char *target);
void http_mhd_request_free(struct http_request *r); /* calls the http_done_fn */

/* Adds to the body; drops it and marks the request too large past `max`. -1 when the client sends
 * so much more that the connection is to be cut. */
int http_mhd_request_body(struct http_request *r, const void *p, size_t n, size_t max);

/* Nothing will come of it: releases its body. */
void http_mhd_request_give_up(struct http_request *r);

/* Announced length of the body, 0 when none is announced. */
uint64_t http_mhd_request_announced(const struct http_request *r);

/* Whether it is certain where the body ends (RFC 9112, section 6.3): one plain Content-Length, or
 * `chunked` alone, or neither. Otherwise somebody before us may see other requests than we do. */
bool http_mhd_request_is_framed(const struct http_request *r);

/* A body that is refused is still read so far, for the answer to reach a client that sends first
 * and reads later. */
#define HTTP_MHD_DISCARD (1024 * 1024)

#endif
