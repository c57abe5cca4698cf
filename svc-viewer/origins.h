/* Which web origin may ask for what. A visited site is a stranger's code: it runs in an origin of
 * its own, http://<peer id as CIDv1 base36>.localhost:PORT, where nothing exists but that site and
 * what it needs; the viewer's own routes answer to the viewer's own pages. No I/O.
 * Sources: docs/CONTRACT.md, "Origins"; Fetch Metadata Request Headers (W3C); RFC 6454. */
#ifndef SVC_VIEWER_ORIGINS_H
#define SVC_VIEWER_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/peer_id.h"

#define ORIGINS_TOKEN 33  /* hex text with its zero */
#define ORIGINS_HOST  128 /* room for a Host header of ours with its zero */
#define ORIGINS_CSP   512

struct origins {
	char host[64]; /* of viewer.http_addr: "127.0.0.1", "::1" */
	uint16_t port;
	bool any;     /* it listens on every address of the machine */
	bool sandbox; /* viewer.site_origin is "sandbox": for browsers that cannot resolve
	               *.localhost */
	char token[ORIGINS_TOKEN]; /* which the viewer's own pages send along */
};

/* What of a request decides. A header that was not sent is NULL. */
struct origins_request {
	const char *method;
	const char *path;           /* unescaped */
	const char *host;           /* Host */
	const char *origin;         /* Origin */
	const char *token;          /* X-Goop-Token */
	const char *fetch_site;     /* Sec-Fetch-Site */
	const char *fetch_dest;     /* Sec-Fetch-Dest */
	const char *service_worker; /* Service-Worker */
};

enum origins_verdict {
	ORIGINS_OWN,        /* the viewer's own page, asset or call */
	ORIGINS_SITE,       /* what the origin of the site `peer` serves */
	ORIGINS_SANDBOXED,  /* a site's file at the viewer's own host: without any rights */
	ORIGINS_MOVED,      /* a browser is to go to origins_site_host() of `peer` */
	ORIGINS_ABSENT,     /* does not exist in the origin of the site: 404 */
	ORIGINS_WRONG_HOST, /* a name that is not ours, as after DNS rebinding: 403 */
	ORIGINS_FOREIGN     /* asked by another origin, or by nobody who shows who he is: 403 */
};

/* Fills in a fresh token. */
void origins_init(struct origins *o, const char *host, uint16_t port, bool any, bool sandbox);

/* Decides. *peer is set for SITE and MOVED. */
enum origins_verdict origins_judge(
    const struct origins *o, const struct origins_request *r, struct peer_id *peer);

/* "k51....localhost:8080" */
void origins_site_host(const struct origins *o, const struct peer_id *peer, char out[ORIGINS_HOST]);

/* The peer of "/p/<peer id>" or "/p/<peer id>/..."; *rest is what follows the id ("" or "/...").
 * The same for other prefixes, as "/api/p/". Returns false when there is no valid id. */
bool origins_path_peer(
    const char *path, const char *prefix, struct peer_id *peer, const char **rest);

/* The Content-Security-Policy that goes with a verdict; for OWN it names `host`, the request's. */
void origins_csp(enum origins_verdict verdict, const char *host, char out[ORIGINS_CSP]);

#endif
