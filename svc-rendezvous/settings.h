/* The service's part of goop.json, checked. */
#ifndef SVC_RENDEZVOUS_SETTINGS_H
#define SVC_RENDEZVOUS_SETTINGS_H

#include "http/http_listen.h"
#include "svc-rendezvous/hub.h"
#include "svc-rendezvous/proxy.h"

struct service;

struct settings {
	struct http_address address;
	const char *admin_password, *external_url, *peer_db_path; /* lent by the service */
	struct proxy_list proxies;
	struct hub_limits limits;
	size_t body_max, header_max;       /* bytes of a request */
	uint32_t request_ms;               /* for its header, and for its body */
	unsigned descriptors;              /* for both of these: */
	unsigned subscribers, connections; /* at most of each */
};

/* Raises the descriptor limit to its hard limit, and shares it out. 0, or -1 after logging what is
 * wrong with which key. */
int settings_read(struct settings *s, const struct service *svc);

#endif
