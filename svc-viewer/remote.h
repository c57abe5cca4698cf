/* Visits: a browser asks for a file of a remote peer's site. The request goes out with the opening
 * of the stream, the answer is handed on as it arrives. Bytes count as consumed when the browser's
 * socket has taken them, so a slow browser stops the remote peer and memory stays bounded; there is
 * no limit to a file's size.
 * Source: docs/CONTRACT.md, "Stream protocols" (/goop/site/1.0.0). */
#ifndef SVC_VIEWER_REMOTE_H
#define SVC_VIEWER_REMOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "proto/stream.h"

struct http_request;
struct remote;

struct remote_config {
	struct streams *streams; /* to the transport */
	const char *home;        /* URL of the viewer's own pages, lent */
	uint32_t open_ms;        /* until the peer has accepted the stream */
	uint32_t idle_ms;        /* a peer that sends nothing while it could is given up */
};

struct remote *remote_new(struct loop *loop, const struct remote_config *config);
void remote_free(struct remote *rm); /* all visits must be over; NULL is fine */

/* Answers with what `path` is at `peer` (an id as text). */
void remote_visit(struct remote *rm, struct http_request *r, const char *peer, const char *path);

/* Visits under way. */
size_t remote_visits(const struct remote *rm);

/* The trouble that the end of a stream is for somebody who waits for an answer: used for data calls
 * too. Never NULL. */
struct page_trouble;
void remote_trouble(enum stream_code code, const char *text, struct page_trouble *out);

#endif
