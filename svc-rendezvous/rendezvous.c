#include "svc-rendezvous/rendezvous.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/pubkey.h"
#include "http/http_request.h"
#include "http/http_server.h"
#include "proto/service.h"
#include "svc-rendezvous/rendezvous_private.h"
#include "svc-rendezvous/rows.h"

#define POOL        4096  /* what libmicrohttpd needs beside the headers */
#define IDLE_MS     75000 /* kept-alive connections of peers with slow heartbeats */
#define STALL_MS    30000
#define ANSWER_MS   120000 /* no answer is large: event streams are no answers of the HTTP server */
#define BODIES      (64 * 1024 * 1024) /* held while the rest of them is on its way */
#define TICK_MS     1000
#define PING_MS     25000
#define REPORT_ROWS 100
#define FACT_MAX    4000
#define LISTEN_FD   "rendezvous.listen_fd" /* of a socket that the supervisor was started with */

static struct rendezvous *state(const struct service *svc)
{
	return service_state(svc);
}

int64_t rendezvous_now(const struct rendezvous *v)
{
	return v->wall_began + (int64_t)(clock_mono_ms() - v->mono_began);
}

/* --- what the hub says ------------------------------------------------------------------------ */

static void send_events(void *arg, enum hub_channel channel, const char *p, size_t n)
{
	struct rendezvous *v = arg;

	feed_send(v->feed, channel, p, n);
}

static void store(void *arg, const struct hub_row *row)
{
	struct rendezvous *v = arg;

	if (v->db != NULL)
		peer_db_store(v->db, row);
}

static void note(void *arg, int64_t now, const char *text)
{
	struct rendezvous *v = arg;

	journal_add(&v->journal, now, text);
	log_debug("hub", "%s", text);
}

/* --- time ------------------------------------------------------------------------------------- */

static void on_tick(void *arg)
{
	struct rendezvous *v = arg;

	hub_set_wall_ahead(v->hub, clock_wall_ms() - rendezvous_now(v));
	hub_tick(v->hub, rendezvous_now(v));
}

static void on_ping(void *arg)
{
	struct rendezvous *v = arg;

	hub_ping(v->hub);
}

static void on_db_turn(void *arg)
{
	struct rendezvous *v = arg;

	peer_db_turn(v->db, v->hub, rendezvous_now(v));
}

/* --- beginning -------------------------------------------------------------------------------- */

static void make_hub(struct rendezvous *v)
{
	struct loop *loop = service_loop(v->svc);
	struct hub_config config = {.limits = v->settings.limits,
	    .events = {.send = send_events, .store = store, .note = note, .arg = v},
	    .ring = FEED_RING};
	uint8_t random[8];

	randombytes_buf(random, sizeof(random));
	str_to_hex(random, sizeof(random), config.epoch);
	v->feed = feed_new(loop, v->settings.subscribers);
	v->hub = hub_new(&config);
	feed_set_hub(v->feed, v->hub);
	v->password = password_new(v->settings.admin_password);
	v->tick = timer_new(loop, on_tick, v);
	v->ping = timer_new(loop, on_ping, v);
	v->db_turn = timer_new(loop, on_db_turn, v);
}

static int open_db(struct rendezvous *v)
{
	char error[PEER_DB_ERROR];

	if (v->settings.peer_db_path[0] == '\0')
		return 0;
	v->db = peer_db_open(v->settings.peer_db_path, error);
	if (v->db == NULL) {
		log_error("peer_db", "%s", error);
		return -1;
	}
	peer_db_load(v->db, v->hub, rendezvous_now(v));
	log_info("peer_db", "%s: %zu peers, %zu signers", v->settings.peer_db_path,
	    hub_online(v->hub), hub_signers(v->hub));
	return 0;
}

/* The one place where the listening socket comes from. */
static int open_socket(struct rendezvous *v)
{
	struct http_address *address = &v->settings.address;
	uint64_t given = service_config_u64(v->svc, LISTEN_FD, 0);
	char error[HTTP_LISTEN_ERROR];

	if (given > 0 && given <= INT_MAX) {
		if (http_listen_adopt(LISTEN_FD, (int)given, address, error) == 0)
			v->listening = (int)given;
	} else {
		v->listening = http_listen_open("presence.rendezvous_port", address, error);
	}
	if (v->listening >= 0)
		return 0;
	log_error("rendezvous", "%s", error);
	return -1;
}

int rendezvous_init(struct service *svc)
{
	struct rendezvous *v = xcalloc(1, sizeof(*v));

	v->svc = svc;
	v->listening = -1;
	v->wall_began = clock_wall_ms();
	v->mono_began = clock_mono_ms();
	service_set_state(svc, v);
	if (service_config_bool(svc, "viewer.debug"))
		log_set_level(LOG_LEVEL_DEBUG);
	if (sodium_init() < 0)
		fatal("rendezvous", "libsodium does not start");
	pubkey_init();
	if (settings_read(&v->settings, svc) != 0)
		return -1;
	make_hub(v);
	if (open_db(v) != 0 || open_socket(v) != 0)
		return -1;
	urls_find(&v->pages.urls, v->settings.external_url, &v->settings.address);
	return 0;
}

/* A newcomer pushes out somebody who keeps the server waiting, between two heartbeats say. */
static bool has_descriptors(struct rendezvous *v)
{
	return v->http == NULL ||
	       feed_subscribers(v->feed) + http_server_connections(v->http) <
	           v->settings.descriptors ||
	       http_server_make_room(v->http);
}

/* Loopback and proxies speak for many. */
static bool admit(void *arg, const struct sockaddr *client, bool opened)
{
	struct rendezvous *v = arg;
	char key[PROXY_KEY];

	if (opened && !has_descriptors(v))
		return false;
	if (proxy_is_trusted(&v->settings.proxies, client))
		return true;
	proxy_key(client, key);
	if (!opened)
		hub_disconnect(v->hub, key);
	else if (!hub_connect(v->hub, key))
		return v->refused++, false;
	return true;
}

static void over(void *arg, const struct http_request *r, unsigned status)
{
	struct rendezvous *v = arg;
	const char *path = http_request_path(r);

	v->answers[status < METRICS_STATUSES ? status : 0]++;
	if (status == 413 && path != NULL && strcmp(path, "/publish") == 0)
		v->too_large++;
}

/* All of them, joined by blanks, as far as a fact may be long. */
static void state_urls(const struct rendezvous *v)
{
	struct buf all;

	buf_init(&all, FACT_MAX);
	for (size_t i = 0; i < v->pages.urls.count; i++) {
		const char *url = v->pages.urls.text[i];

		log_info("rendezvous", "%s", url);
		if (buf_len(&all) + strlen(url) + 2 < FACT_MAX)
			buf_putf(&all, "%s%s", i > 0 ? " " : "", url);
	}
	buf_put(&all, "", 1);
	service_fact(v->svc, "rendezvous_urls", (const char *)buf_data(&all));
	buf_clear(&all);
}

int rendezvous_start(struct service *svc)
{
	struct rendezvous *v = state(svc);
	struct http_server_config config = {.admit = admit,
	    .over = over,
	    .arg = v,
	    .pool = POOL + v->settings.header_max,
	    .header_max = v->settings.header_max,
	    .connections = v->settings.connections,
	    .body_budget = BODIES,
	    .header_ms = v->settings.request_ms,
	    .body_ms = v->settings.request_ms,
	    .idle_ms = IDLE_MS,
	    .stall_ms = STALL_MS,
	    .answer_ms = ANSWER_MS};

	config.routes = routes_table(&config.route_count);
	v->http = http_server_new(service_loop(svc), v->listening, &config);
	v->listening = -1;
	timer_repeat(v->tick, TICK_MS);
	timer_repeat(v->ping, PING_MS);
	if (v->db != NULL)
		timer_repeat(v->db_turn, PEER_DB_TURN_MS);
	service_fact(svc, "rendezvous_url", v->pages.urls.text[0]);
	state_urls(v);
	return 0;
}

/* Nothing is under way that could be finished: subscribers see the end and come back elsewhere or
 * later; what is not yet written is written in rendezvous_fini(). */
void rendezvous_stop(struct service *svc, uint32_t grace_ms)
{
	(void)grace_ms;
	service_exit(svc, EXIT_SUCCESS);
}

void rendezvous_fini(struct service *svc)
{
	struct rendezvous *v = state(svc);

	http_server_free(v->http);
	if (v->listening >= 0)
		close(v->listening);
	feed_free(v->feed);
	peer_db_close(v->db);
	hub_free(v->hub);
	password_free(v->password);
	pages_clear(&v->pages);
	journal_clear(&v->journal);
	timer_free(v->tick);
	timer_free(v->ping);
	timer_free(v->db_turn);
	free(v);
}

/* --- reports ---------------------------------------------------------------------------------- */

static char *counts(const struct rendezvous *v)
{
	struct feed_count feed = feed_counted(v->feed);
	cJSON *c = cJSON_CreateObject();
	char *text;

	cJSON_AddNumberToObject(c, "peers", (double)hub_online(v->hub));
	cJSON_AddNumberToObject(c, "subscribers", feed.subscribers[HUB_ALL]);
	cJSON_AddNumberToObject(c, "subscribers_changes", feed.subscribers[HUB_CHANGES]);
	cJSON_AddNumberToObject(c, "events_delivered", (double)(feed.delivered - feed.dropped));
	cJSON_AddNumberToObject(c, "subscribers_dropped", (double)feed.slow);
	if (v->http != NULL)
		cJSON_AddNumberToObject(c, "connections", http_server_connections(v->http));
	text = json_print(c);
	cJSON_Delete(c);
	return text;
}

void rendezvous_report(struct service *svc, uint32_t request, const char *what)
{
	struct rendezvous *v = state(svc);
	char *json = strcmp(what, "peers") == 0 ? rows_to_json(v->hub, REPORT_ROWS) : counts(v);

	service_report(svc, request, json);
	free(json);
}
