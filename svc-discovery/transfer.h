/* HTTP requests, one at a time to one URL: a GET whose answer is a stream of events, or a POST.
 * libcurl's multi interface on the process's loop; http and https with the system's certificates;
 * proxies from the usual environment variables (proxy_env.h).
 *
 * libcurl looks up no names, for which it would start threads: when it needs an address and not
 * only a connection that it has kept, the name is looked up by resolver.h, and the answer serves
 * this one connection. A reconnect looks it up anew.
 *
 * Redirects are followed as they are asked for, a POST stays one: TRANSFER_REDIRECTS at most, to
 * http and https alone, never from https to http. They may lead to other hosts, but whoever has a
 * public address, or is beyond a proxy, so that it is not known, cannot send us to one that is not
 * public (public_address.h): that is looked at for each address before it is dialled, and for a
 * connection that was kept before it is used. What a proxy connects to is the proxy's business,
 * unless the redirect names the address. */
#ifndef SVC_DISCOVERY_TRANSFER_H
#define SVC_DISCOVERY_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "svc-discovery/resolver.h"

#define TRANSFER_CONNECT_MS 10000 /* names, connections and TLS, with all redirects */
#define TRANSFER_REDIRECTS  3
#define TRANSFER_WHY        200 /* bytes of a reason */

struct transfers; /* what all have in common */
struct transfer;

/* Loads libcurl and the modules of name resolution, so before walls. `look_up` is
 * resolver_system(). */
struct transfers *transfers_new(struct loop *loop, resolver_look_up_fn *look_up);
/* Makes the threads that look up names; until then names wait. */
void transfers_start_threads(struct transfers *all);
/* For the users of transfers; lent. */
struct resolver *transfers_resolver(struct transfers *all);
/* After its transfers. NULL is fine. */
void transfers_free(struct transfers *all);

/* Called from the loop, never from inside a function of this header. Texts are lent, one line
 * without control characters. They may start and stop transfers, but free none. */
struct transfer_events {
	/* The stream of events has begun; its next bytes. Of one that streams. */
	void (*opened)(void *arg);
	void (*bytes)(void *arg, const void *p, size_t n);
	/* The end, however it came: the status of HTTP, 0 when there is none; for people what
	 * happened; and what the server asked to wait, 0 for nothing. */
	void (*over)(void *arg, unsigned status, const char *why, uint32_t retry_s);
};

struct transfer_request {
	const char *url;            /* http or https; copied */
	bool streams;               /* 200 with text/event-stream is wanted */
	bool direct;                /* without a proxy */
	uint32_t whole_ms;          /* how long all may take; 0: for ever, once connected */
	struct resolver_user *user; /* in whose name names are looked up; lent */
};

/* NULL when it is no http or https URL. */
struct transfer *transfer_new(struct transfers *all, const struct transfer_request *request,
    const struct transfer_events *events, void *arg);
void transfer_free(struct transfer *t); /* NULL is fine */

/* Begins, after the end of what was under way. Header lines end with NULL; `body` makes it a POST.
 * All is copied. */
void transfer_start(struct transfer *t, const char *const *headers, const char *body);
/* Ends it at once; nothing more is told of it. */
void transfer_stop(struct transfer *t);

#endif
