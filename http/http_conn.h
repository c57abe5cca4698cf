/* What is awaited of the clients of each connection, until when, and who has to go when there is no
 * room. Private to this room; no I/O but to shut a connection down, which libmicrohttpd then
 * closes.
 *
 * Clients are counted by address, of IPv6 by /64, since that is what one customer has. Room is made
 * at the cost of the address that keeps the server waiting in the most places: so whoever takes all
 * there is pushes out none but themselves. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "http/http_rank.h"

struct http_request;

/* In the order in which they have to go. */
enum http_conn_state {
	HTTP_CONN_IDLE,   /* another request */
	HTTP_CONN_HEADER, /* the rest of the headers */
	HTTP_CONN_BODY,   /* the rest of the body */
	HTTP_CONN_ANSWER, /* the answer's being taken */
	HTTP_CONN_STATES,
	HTTP_CONN_NOTHING = HTTP_CONN_STATES /* it is our turn, or it has been shut down */
};

/* An address. */
struct http_conn_client;

struct http_conn {
	TAILQ_ENTRY(http_conn) entry;     /* of http_conns.awaiting */
	TAILQ_ENTRY(http_conn) of_client; /* by how long it has been in that state */
	struct http_conn_client *client;
	struct http_request *request; /* the one under way, lent; or NULL */
	enum http_conn_state state;
	uint64_t deadline;
	size_t body; /* bytes held */
	int fd;      /* lent */
	bool admitted;
};

TAILQ_HEAD(http_conn_list, http_conn);

struct http_conns {
	struct http_conn_list awaiting; /* whatever it is */
	struct map *clients;
	struct http_rank places; /* clients by how many connections wait for them */
	struct http_rank bodies; /* clients by what is held of their bodies */
	size_t body_bytes, body_max;
	unsigned count;
	uint64_t cut;       /* too slow */
	uint64_t displaced; /* had to make room */
};

/* For so many connections, and bytes of bodies not yet complete (0: no limit), in all. Cleared, it
 * is gone; no connection may be left. */
void http_conns_init(struct http_conns *t, unsigned connections, size_t body_max);
void http_conns_clear(struct http_conns *t);

/* A connection of which nothing is awaited yet. */
struct http_conn *http_conn_new(struct http_conns *t, int fd, const struct sockaddr *client);
void http_conn_free(struct http_conns *t, struct http_conn *c);

/* From now on this is awaited, until `deadline`: http_conns_cut_slow() with that time ends it. What
 * is awaited without a deadline (0) is not awaited of the client. */
void http_conn_await(
    struct http_conns *t, struct http_conn *c, enum http_conn_state state, uint64_t deadline);

/* So many bytes of its request's body are held now. When they are too many in all, the address with
 * the most loses the body that is longest on its way, and its connection. False when it is this
 * one. */
bool http_conn_hold(struct http_conns *t, struct http_conn *c, size_t bytes);

/* Shuts down a connection that its client keeps waiting, of the address with the most such: an idle
 * one if there is any, else the one that has waited longest. False when there is none. */
bool http_conns_make_room(struct http_conns *t);

/* Shuts down those whose deadline has come. True when there were any that were not idle. */
bool http_conns_cut_slow(struct http_conns *t, uint64_t now);

#endif
