/* A rendezvous server: a subscription and a connection to publish over. Source: docs/CONTRACT.md,
 * "Rendezvous server". How HTTP is done, names looked up and redirects followed: transfer.h. */
#ifndef SVC_DISCOVERY_RENDEZVOUS_CLIENT_H
#define SVC_DISCOVERY_RENDEZVOUS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svc-discovery/transfer.h"

#define RENDEZVOUS_PUBLISH_MS 10000 /* a whole publish */

/* All are called from the loop, never from inside a function of this header. Texts are lent, one
 * line without control characters. `retry_s` is what the server asked to wait, 0 for nothing. No
 * client may be freed from inside. */
struct rendezvous_client_events {
	/* The server has begun its event stream. */
	void (*opened)(void *arg);
	/* The next bytes of the stream. */
	void (*bytes)(void *arg, const void *p, size_t n);
	/* There is no stream (any more); nothing more comes of it. */
	void (*lost)(void *arg, const char *why, uint32_t retry_s);
	/* The answer to a publish: the status of HTTP, 0 when there was none. */
	void (*published)(void *arg, unsigned status, const char *why, uint32_t retry_s);
};

struct rendezvous_client;

/* `url` is what people write into goop.json. `direct` keeps proxies out. NULL when it is no http or
 * https URL. */
struct rendezvous_client *rendezvous_client_new(struct transfers *all, const char *url, bool direct,
    const struct rendezvous_client_events *events, void *arg);
void rendezvous_client_free(struct rendezvous_client *c); /* NULL is fine */

/* The server's URL as it may be shown: without a password. Lent. */
const char *rendezvous_client_url(const struct rendezvous_client *c);

/* GET /events?changes=1, with Last-Event-ID unless it is "". To be called again only after `lost`
 * or a hang-up. */
void rendezvous_client_subscribe(struct rendezvous_client *c, const char *last_id);
/* Ends the subscription at once; `lost` is not called. */
void rendezvous_client_hang_up(struct rendezvous_client *c);

/* POST /publish on a connection that is kept. The text is copied. To be called again only after
 * `published`. */
void rendezvous_client_publish(struct rendezvous_client *c, const char *json);

#endif
