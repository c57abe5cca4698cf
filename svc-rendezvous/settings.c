#include "svc-rendezvous/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/str.h"
#include "proto/service.h"

#define RESERVED        64   /* descriptors for all that is not a client */
#define CONNECTIONS_MIN 4096 /* kept from the subscribers, or a fifth of what there is */
#define CONNECTIONS_MAX 16384
#define KEY_PORT        "presence.rendezvous_port"
#define KEY_BIND        "presence.rendezvous_bind"
#define KEY_PROXIES     "rendezvous.trusted_proxies"
#define LIMITS          "rendezvous.limits."
#define PEER_BYTES      4096 /* of messages, for each peer that may be present */
#define CLIENTS_MAX     65536

static int read_address(struct settings *s, const struct service *svc)
{
	const char *bind = service_config(svc, KEY_BIND);
	bool v6 = strchr(bind, ':') != NULL;
	char text[128], error[HTTP_LISTEN_ERROR];

	snprintf(text, sizeof(text), v6 ? "[%s]:%llu" : "%s:%llu", bind,
	    (unsigned long long)service_config_u64(svc, KEY_PORT, 8787));
	if (http_listen_parse(KEY_BIND, text, &s->address, error) == 0)
		return 0;
	log_error("settings", "%s", error);
	return -1;
}

static uint64_t limit(
    const struct service *svc, const char *name, uint64_t preset, uint64_t min, uint64_t max)
{
	char key[128];
	uint64_t v;

	snprintf(key, sizeof(key), LIMITS "%s", name);
	v = service_config_u64(svc, key, preset);
	return v < min ? min : v > max ? max : v;
}

#define RATE_MAX 1000000000

static void read_limits(struct hub_limits *l, const struct service *svc)
{
	l->unsigned_per_minute = (uint32_t)limit(svc, "unsigned_per_minute", 60, 0, RATE_MAX);
	l->signed_per_minute = (uint32_t)limit(svc, "signed_per_minute", 6000, 0, RATE_MAX);
	l->signed_per_peer = (uint32_t)limit(svc, "signed_per_peer", 30, 0, RATE_MAX);
	l->new_ids_per_hour = (uint32_t)limit(svc, "new_ids_per_hour", 600, 0, RATE_MAX);
	l->bytes_per_minute = (uint32_t)limit(svc, "bytes_per_minute", 16 << 20, 0, RATE_MAX);
	l->subscribers_per_address =
	    (uint32_t)limit(svc, "subscribers_per_address", 64, 0, RATE_MAX);
	l->connections_per_address =
	    (uint32_t)limit(svc, "connections_per_address", 1024, 0, RATE_MAX);
	l->peers_max = (size_t)limit(svc, "peers", 20000, 1, 1000000);
	l->peer_bytes_max = l->peers_max * PEER_BYTES + HUB_MESSAGE_MAX;
	l->signers_max = (size_t)limit(svc, "signers", 200000, 1, 10000000);
	l->clients_max = CLIENTS_MAX;
}

/* A peer needs two: one that it listens on, one for its heartbeats. So either may take half of what
 * there is, and subscribers more, but for a share that short connections always get. */
static void share_descriptors(struct settings *s, const struct service *svc)
{
	uint64_t all = descriptor_raise(DESCRIPTOR_ALL);
	uint64_t wanted = limit(svc, "subscribers", 0, 0, RATE_MAX);

	all = all > 10 * RESERVED ? all - RESERVED : 9 * RESERVED;
	if (all > RATE_MAX)
		all = RATE_MAX;
	s->descriptors = (unsigned)all;
	s->connections = all / 2 > CONNECTIONS_MAX ? CONNECTIONS_MAX : (unsigned)(all / 2);
	s->subscribers = (unsigned)(all - (all / 5 > CONNECTIONS_MIN ? CONNECTIONS_MIN : all / 5));
	if (wanted > 0 && wanted < s->subscribers)
		s->subscribers = (unsigned)wanted;
}

int settings_read(struct settings *s, const struct service *svc)
{
	*s = (struct settings){
	    .admin_password = service_config(svc, "presence.admin_password"),
	    .external_url = service_config(svc, "presence.external_url"),
	    .peer_db_path = service_config(svc, "presence.peer_db_path"),
	};
	if (read_address(s, svc) != 0)
		return -1;
	if (proxy_list_parse(&s->proxies, service_config(svc, KEY_PROXIES)) != 0) {
		log_error("settings",
		    KEY_PROXIES ": expected at most %d IP addresses separated by commas, found "
				"\"%.200s\"",
		    PROXY_MAX, service_config(svc, KEY_PROXIES));
		return -1;
	}
	read_limits(&s->limits, svc);
	s->body_max = (size_t)limit(svc, "body_bytes", HUB_MESSAGE_MAX, 1024, HUB_MESSAGE_MAX);
	s->header_max = (size_t)limit(svc, "header_bytes", 8192, 1024, 65536);
	s->request_ms = (uint32_t)limit(svc, "request_seconds", 10, 1, 600) * 1000;
	share_descriptors(s, svc);
	return 0;
}
