#include "svc-viewer/viewer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/presence.h"
#include "svc-viewer/routes.h"

/* Headers of browsers are below 2 KiB; answers of unknown size go through the same memory. */
#define POOL        (16 * 1024)
#define CONNECTIONS 1024
#define BODIES      (64 * 1024 * 1024) /* of requests, held while the rest is on its way */
#define HEADER_MS   20000
#define BODY_MS     60000
#define IDLE_MS     60000
#define STALL_MS    (10 * 60 * 1000) /* a film that pauses is no stranger to browsers */

#define OPEN_MS        20000 /* addresses are dialled one after the other */
#define PEER_IDLE_MS   60000
#define REQUEST_MS     10000
#define VISIT_STALL_MS (3 * 60 * 1000)

/* Connections of browsers and the files that they are given, subscribers, visitors' files, and what
 * is ours. */
#define DESCRIPTORS (2 * CONNECTIONS + PEERS_EVENTS_SUBSCRIBERS + SITE_STREAM_OPEN + 128)

#define ADDRESS_KEY "viewer.http_addr"

static struct viewer *state(const struct service *svc)
{
	return service_state(svc);
}

/* --- from transport and discovery ------------------------------------------------------------- */

static int take_self(struct viewer *v, struct msg *m)
{
	char text[PEER_ID_TEXT];

	msg_get_cstr(m, text, sizeof(text));
	msg_get_bytes(m); /* the public key is inside the id */
	msg_get_u16(m);   /* the port is the transport's */
	if (!msg_end(m) || peer_id_from_text(&v->self, text, strlen(text)) != 0)
		return -1;
	peer_id_to_text(&v->self, v->self_text);
	return 0;
}

int viewer_from_transport(struct service *svc, struct msg *m)
{
	switch (m->type) {
	case MSG_SELF: return take_self(state(svc), m);
	default: return -1;
	}
}

static int take_person(struct viewer *v, struct msg *m)
{
	char id[256], label[PRESENCE_CONTENT_MAX + 1], email[PRESENCE_EMAIL_MAX + 1];
	char avatar_hash[PRESENCE_AVATAR_MAX + 1];
	struct peers_person who = {
	    .id = id, .label = label, .email = email, .avatar_hash = avatar_hash};

	msg_get_cstr(m, id, sizeof(id));
	msg_get_cstr(m, label, sizeof(label));
	msg_get_cstr(m, email, sizeof(email));
	msg_get_cstr(m, avatar_hash, sizeof(avatar_hash));
	who.last_seen = msg_get_i64(m);
	msg_get_u8(m); /* which way he was heard */
	if (!msg_end(m))
		return -1;
	peers_put(v->peers, &who);
	return 0;
}

static int take_person_gone(struct viewer *v, struct msg *m)
{
	char id[256];

	msg_get_cstr(m, id, sizeof(id));
	if (!msg_end(m))
		return -1;
	peers_remove(v->peers, id);
	return 0;
}

static int take_people_all(struct viewer *v, struct msg *m)
{
	if (!msg_end(m))
		return -1;
	peers_snapshot_end(v->peers);
	return 0;
}

int viewer_from_discovery(struct service *svc, struct msg *m)
{
	switch (m->type) {
	case MSG_PERSON: return take_person(state(svc), m);
	case MSG_PERSON_GONE: return take_person_gone(state(svc), m);
	case MSG_PEOPLE_ALL: return take_people_all(state(svc), m);
	default: return -1;
	}
}

void viewer_discovery_up(struct service *svc)
{
	peers_snapshot_begin(state(svc)->peers);
}

const struct stream_events *viewer_incoming(void *arg, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user)
{
	(void)address;
	return site_stream_take(state(arg)->visitors, s, protocol, peer, user);
}

/* --- beginning and end ------------------------------------------------------------------------ */

static int open_address(struct viewer *v)
{
	char error[HTTP_LISTEN_ERROR];
	struct http_address *a = &v->address;
	bool v6;

	if (http_listen_parse(ADDRESS_KEY, service_config(v->svc, ADDRESS_KEY), a, error) != 0 ||
	    (v->listening = http_listen_open(ADDRESS_KEY, a, error)) < 0) {
		log_error("viewer", "%s", error);
		return -1;
	}
	v6 = strchr(a->host, ':') != NULL;
	if (a->any)
		snprintf(v->url, sizeof(v->url), "http://127.0.0.1:%u", a->port);
	else
		snprintf(v->url, sizeof(v->url), v6 ? "http://[%s]:%u" : "http://%s:%u", a->host,
		    a->port);
	return 0;
}

static void open_rooms(struct viewer *v)
{
	struct loop *loop = service_loop(v->svc);
	const struct site_stream_config visitors = {.site = v->site,
	    .label = service_config(v->svc, "profile.label"),
	    .request_ms = REQUEST_MS,
	    .stall_ms = VISIT_STALL_MS};
	const struct remote_config remote = {.streams = service_streams(v->svc, SERVICE_TRANSPORT),
	    .home = v->url,
	    .open_ms = OPEN_MS,
	    .idle_ms = PEER_IDLE_MS};
	const struct data_api_config data = {.own = service_streams(v->svc, SERVICE_DB),
	    .remote = remote.streams,
	    .open_ms = OPEN_MS,
	    .idle_ms = PEER_IDLE_MS};

	v->visitors = site_stream_table_new(loop, &visitors);
	v->events = peers_events_new(loop);
	v->peers = peers_new(peers_events_tell, v->events);
	v->remote = remote_new(loop, &remote);
	v->data = data_api_new(loop, &data);
}

/* A hook that comes after those of the streams: what was written last is on its way. */
static bool before_sleep(void *arg)
{
	struct viewer *v = arg;

	if (v->stopping && site_stream_open(v->visitors) == 0 && remote_visits(v->remote) == 0 &&
	    data_api_calls(v->data) == 0)
		service_exit(v->svc, EXIT_SUCCESS);
	return false;
}

int viewer_init(struct service *svc)
{
	struct viewer *v = xcalloc(1, sizeof(*v));

	v->svc = svc;
	v->listening = -1;
	service_set_state(svc, v);
	descriptor_raise(DESCRIPTORS);
	if (service_config_bool(svc, "viewer.debug"))
		log_set_level(LOG_LEVEL_DEBUG);
	v->site = site_new(service_config(svc, "paths.site_root"));
	if (open_address(v) != 0)
		return -1;
	origins_init(&v->origins, v->address.host, v->address.port, v->address.any,
	    strcmp(service_config(svc, "viewer.site_origin"), "sandbox") == 0);
	open_rooms(v);
	v->hook = loop_before_sleep(service_loop(svc), before_sleep, v);
	return 0;
}

int viewer_start(struct service *svc)
{
	struct viewer *v = state(svc);
	struct http_server_config config = {.gate = routes_gate,
	    .arg = v,
	    .pool = POOL,
	    .connections = CONNECTIONS,
	    .body_budget = BODIES,
	    .header_ms = HEADER_MS,
	    .body_ms = BODY_MS,
	    .idle_ms = IDLE_MS,
	    .stall_ms = STALL_MS};

	config.routes = routes_table(&config.route_count);
	v->http = http_server_new(service_loop(svc), v->listening, &config);
	v->listening = -1;
	log_info("viewer", "%s", v->url);
	service_fact(svc, "viewer_url", v->url);
	return 0;
}

/* Pages and files that are under way get the grace, new visitors are sent away. */
void viewer_stop(struct service *svc, uint32_t grace_ms)
{
	(void)grace_ms;
	state(svc)->stopping = true;
}

void viewer_fini(struct service *svc)
{
	struct viewer *v = state(svc);

	before_sleep_free(v->hook);
	http_server_free(v->http);
	if (v->listening >= 0)
		close(v->listening);
	peers_events_free(v->events);
	remote_free(v->remote);
	data_api_free(v->data);
	site_stream_table_free(v->visitors);
	peers_free(v->peers);
	site_free(v->site);
	free(v);
}

/* --- reports ---------------------------------------------------------------------------------- */

static char *counts(const struct viewer *v)
{
	cJSON *c = cJSON_CreateObject();
	char *text;

	cJSON_AddNumberToObject(c, "people", (double)peers_count(v->peers));
	cJSON_AddNumberToObject(c, "visits", (double)remote_visits(v->remote));
	cJSON_AddNumberToObject(c, "data_calls", (double)data_api_calls(v->data));
	cJSON_AddNumberToObject(c, "visitors", (double)site_stream_open(v->visitors));
	cJSON_AddNumberToObject(c, "files_served", (double)site_stream_served(v->visitors));
	cJSON_AddNumberToObject(c, "subscribers", peers_events_count(v->events));
	if (v->http != NULL)
		cJSON_AddNumberToObject(c, "connections", http_server_connections(v->http));
	text = json_print(c);
	cJSON_Delete(c);
	return text;
}

void viewer_report(struct service *svc, uint32_t request, const char *what)
{
	struct viewer *v = state(svc);
	char *json = strcmp(what, "peers") == 0 ? peers_rows(v->peers) : counts(v);

	service_report(svc, request, json);
	free(json);
}
