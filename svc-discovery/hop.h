/* Where a request goes next: a URL, the proxy on the way there, and whose address that takes. */
#ifndef SVC_DISCOVERY_HOP_H
#define SVC_DISCOVERY_HOP_H

#include <stdbool.h>
#include <stdint.h>

struct hop {
	char *url; /* with a password, if it has one */
	char *scheme, *host;
	char *user, *password; /* NULL: none */
	uint16_t port;
	char *proxy; /* its URL; NULL: none */
	/* To whom a connection is made, the server or the proxy: as libcurl would look it up. */
	char *dial_host;
	uint16_t dial_port;
	bool dial_literal; /* it is an address: there is nothing to look up */
};

/* The reason is owned by the caller; NULL when all is well. On error the hop stays what it was. */
char *hop_to(struct hop *h, const char *url, bool direct);
/* Where a redirect leads, seen from where the hop is. `guarded`: not to an address that is not
 * public. */
char *hop_follow(struct hop *h, const char *url, bool direct, bool guarded);
void hop_clear(struct hop *h);

/* Is it an http or https URL? */
bool hop_is_url(const char *text);
/* The URL without a name and a password; owned by the caller. */
char *hop_shown(const char *text);
/* That URL with the route below its path, and that query (NULL: none); owned by the caller. NULL
 * when it is no URL. */
char *hop_route(const char *text, const char *route, const char *query);

#endif
