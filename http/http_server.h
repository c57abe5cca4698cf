/* An HTTP server on the process's loop: libmicrohttpd with external epoll, one thread.
 *
 * Requests reach their handler once headers and body are there. A handler answers at once or later
 * (http_answer.h); meanwhile the connection is suspended. Slow senders are cut off: the deadlines
 * below bound the time until a request is complete, however the bytes trickle in. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "http/http_route.h"

struct http_server;

/* Asked before the route is looked up. False when it has answered the request itself. */
typedef bool http_gate_fn(void *arg, struct http_request *r);

/* Asked for each connection that is made (`opened`), told of each end of one that was let in. False
 * closes it at once. */
typedef bool http_admit_fn(void *arg, const struct sockaddr *client, bool opened);

/* Told of each request when it is over, with the status of its answer: 0 when there was none, or
 * one of libmicrohttpd's own to what is no request (headers that are too large, ...). */
typedef void http_over_fn(void *arg, const struct http_request *r, unsigned status);

struct http_server_config {
	const struct http_route *routes; /* lent until http_server_free() */
	size_t route_count;
	http_gate_fn *gate;   /* may be NULL */
	http_admit_fn *admit; /* may be NULL */
	http_over_fn *over;   /* may be NULL */
	void *arg;            /* for gate, admit, over and handlers */
	size_t pool;          /* bytes for the headers of a connection, both ways: longer ones get
	                         431. 2 to 4 KiB serve many subscribers in little memory. */
	size_t header_max; /* bytes of a request's first line and headers, of the pool; 0: no more
	                      than fits there */
	unsigned connections; /* at most, at once: shortly before, newcomers push others out, as
	                         http_server_make_room() does */
	unsigned per_address; /* at most from one address; 0 for no limit */
	size_t body_budget;   /* bytes of bodies not yet complete, in all; then the address with the
	                         most loses the one that is longest on its way. 0 for no limit */
	uint32_t header_ms;   /* from connecting until the headers are complete */
	uint32_t body_ms;     /* from there until the body is complete */
	uint32_t idle_ms;     /* from an answer until the next request's first line is complete; for
	                         its headers there are header_ms again */
	uint32_t stall_ms;    /* a client that takes nothing of an answer for so long is dropped */
	uint32_t answer_ms;   /* from an answer until all of it is taken; 0 for no limit */
};

/* Takes a listening descriptor of http_listen_open(). Never NULL; fatal when libmicrohttpd cannot
 * start. */
struct http_server *http_server_new(
    struct loop *loop, int fd, const struct http_server_config *config);

/* Ends every connection: the http_done_fn of each request under way is called. NULL is fine. */
void http_server_free(struct http_server *s);

/* Closes a connection that its client keeps waiting, of the address (IPv6: /64) with the most such:
 * the one that has been idle longest, as its client must always expect; or when none is idle, the
 * one whose headers, body, or reading of the answer, in that order, is awaited longest. False when
 * no client keeps the server waiting. */
bool http_server_make_room(struct http_server *s);

/* Connections now open, suspended ones included. */
unsigned http_server_connections(const struct http_server *s);

/* How many were cut so far because their request was not complete, or an answer not taken, in time.
 */
uint64_t http_server_cut(const struct http_server *s);

/* How many had to make room so far. */
uint64_t http_server_displaced(const struct http_server *s);

#endif
