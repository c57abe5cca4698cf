#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "http/http_answer.h"
#include "http/http_request.h"
#include "http/http_server.h"
#include "svc-rendezvous/rendezvous_private.h"
#include "svc-rendezvous/rows.h"

#define JSON        "application/json; charset=utf-8"
#define METRICS_MAX (64 * 1024)

/* Whose limits count for this request. True when a proxy stands before it. */
static bool client_of(const struct rendezvous *v, const struct http_request *r, char key[PROXY_KEY])
{
	char peer[64];
	bool proxied;

	http_request_client(r, peer, sizeof(peer));
	proxy_client(&v->settings.proxies, peer, http_request_header_last(r, "X-Forwarded-For"),
	    key, &proxied);
	return proxied;
}

static void retry_after(struct http_request *r, uint32_t seconds)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", seconds);
	http_answer_header(r, "Retry-After", text);
}

/* --- for everybody ---------------------------------------------------------------------------- */

static void index_page(void *arg, struct http_request *r)
{
	struct rendezvous *v = arg;

	pages_answer_index(&v->pages, r, v->hub, rendezvous_now(v));
}

static void asset(void *arg, struct http_request *r)
{
	(void)arg;
	pages_answer_asset(r, http_request_path(r) + 1);
}

static void healthz(void *arg, struct http_request *r)
{
	(void)arg;
	http_answer_static(r, 200, "text/plain; charset=utf-8", "ok", 2);
}

static void relay(void *arg, struct http_request *r)
{
	(void)arg;
	http_answer_text(r, 404, "this server has no relay");
}

/* Who has set its clock back learns how far. */
static void answer_later(struct http_request *r, int64_t after)
{
	char text[96];

	snprintf(text, sizeof(text),
	    "ts: expected to be greater than %lld, that of the last message", (long long)after);
	http_answer_text(r, 409, text);
}

/* Is it a page of this server, whatever the port's scheme was before a proxy? */
static bool is_own_origin(const char *origin, const char *host)
{
	const char *name = strstr(origin, "://");

	return name != NULL && host != NULL && strcasecmp(name + 3, host) == 0;
}

/* A page somewhere could have each of its visitors bring invented peers, from an address of their
 * own each. Browsers say so: to a server with TLS, or on their own machine, by Sec-Fetch-Site
 * (Fetch Metadata, section 2.3), to any other by Origin alone (RFC 6454, section 7.3). Peers are no
 * browsers and say nothing. */
static bool is_of_a_strangers_page(const struct http_request *r)
{
	const char *site = http_request_header(r, "Sec-Fetch-Site");
	const char *origin = http_request_header(r, "Origin");

	if (site != NULL)
		return strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
	return origin != NULL && !is_own_origin(origin, http_request_header(r, "Host"));
}

static void publish(void *arg, struct http_request *r)
{
	struct rendezvous *v = arg;
	struct bytes body = http_request_body(r);
	uint64_t began = clock_mono_us();
	struct hub_answer a;
	char key[PROXY_KEY];

	if (is_of_a_strangers_page(r)) {
		http_answer_text(r, 403, "a page of another site may not publish");
		return;
	}
	if (body.len > v->settings.body_max) {
		http_answer_text(r, 413, "the request's body is too large");
		return;
	}
	client_of(v, r, key);
	hub_publish(v->hub, key, body.data, body.len, rendezvous_now(v), &a);
	histogram_observe(&v->publish_time, clock_mono_us() - began);
	if (a.retry_s > 0)
		retry_after(r, a.retry_s);
	if (a.status == 204)
		http_answer_static(r, 204, NULL, "", 0);
	else if (a.after >= 0)
		answer_later(r, a.after);
	else
		http_answer_text(r, a.status, a.why);
}

static bool wants_changes(const struct http_request *r)
{
	const char *query = strchr(http_request_target(r), '?');

	while (query != NULL && *query != '\0') {
		query++;
		if (strncmp(query, "changes=1", 9) == 0 && (query[9] == '\0' || query[9] == '&'))
			return true;
		query = strchr(query, '&');
	}
	return false;
}

static void events(void *arg, struct http_request *r)
{
	struct rendezvous *v = arg;
	char key[PROXY_KEY];

	client_of(v, r, key);
	feed_subscribe(v->feed, r, wants_changes(r) ? HUB_CHANGES : HUB_ALL, key);
}

/* --- for the administrator -------------------------------------------------------------------- */

/* False when it has answered the request itself. */
static bool is_admin(struct rendezvous *v, struct http_request *r)
{
	char key[PROXY_KEY];
	uint32_t wait_s = 0;

	client_of(v, r, key);
	switch (password_check(v->password, http_request_header(r, "Authorization"), key,
	    rendezvous_now(v), &wait_s)) {
	case PASSWORD_RIGHT: return true;
	case PASSWORD_DISABLED:
		http_answer_text(r, 403, "presence.admin_password is not set");
		return false;
	case PASSWORD_SLOW:
		retry_after(r, wait_s);
		http_answer_text(r, 429, "too many wrong passwords");
		return false;
	case PASSWORD_WRONG: break;
	}
	http_answer_header(r, "WWW-Authenticate", "Basic realm=\"Goop2 Admin\", charset=\"UTF-8\"");
	http_answer_text(r, 401, "user admin and the password, please");
	return false;
}

static void answer_json(struct http_request *r, char *json)
{
	http_answer_header(r, "Cache-Control", "no-store");
	http_answer(r, 200, JSON, json, strlen(json));
	free(json);
}

static void peers_json(void *arg, struct http_request *r)
{
	struct rendezvous *v = arg;

	if (is_admin(v, r))
		answer_json(r, rows_to_json(v->hub, SIZE_MAX));
}

static void logs_json(void *arg, struct http_request *r)
{
	struct rendezvous *v = arg;

	if (is_admin(v, r))
		answer_json(r, journal_to_json(&v->journal));
}

static void admin_page(void *arg, struct http_request *r)
{
	struct rendezvous *v = arg;

	if (is_admin(v, r))
		pages_answer_admin(r, v->hub, &v->journal);
}

static void metrics(void *arg, struct http_request *r)
{
	struct rendezvous *v = arg;
	struct metrics m = {.hub = v->hub, .publish = &v->publish_time};
	char peer[64], key[PROXY_KEY];
	struct buf out;

	http_request_client(r, peer, sizeof(peer));
	/* What comes through a proxy on this machine is not from this machine; nor is what the
	 * script of a stranger's page asks of a name that it has had resolved to this machine. */
	if ((client_of(v, r, key) || !proxy_is_loopback(peer) ||
		!proxy_names_loopback(http_request_header(r, "Host"))) &&
	    !is_admin(v, r))
		return;
	m.feed = feed_counted(v->feed);
	m.delivery = feed_delivery(v->feed);
	m.answers = v->answers;
	m.too_large = v->too_large;
	m.connections = http_server_connections(v->http);
	m.connections_cut = http_server_cut(v->http);
	m.connections_displaced = http_server_displaced(v->http);
	m.connections_refused = v->refused;
	m.db_pending = v->db == NULL ? 0 : peer_db_pending(v->db);
	buf_init(&out, METRICS_MAX);
	metrics_put(&out, &m);
	http_answer(
	    r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_data(&out), buf_len(&out));
	buf_clear(&out);
}

static const struct http_route routes[] = {
    {"GET", "/", 0, index_page},
    {"POST", "/publish", HUB_MESSAGE_MAX, publish},
    {"GET", "/events", 0, events},
    {"GET", "/healthz", 0, healthz},
    {"GET", "/relay", 0, relay},
    {"GET", "/metrics", 0, metrics},
    {"GET", "/peers.json", 0, peers_json},
    {"GET", "/logs.json", 0, logs_json},
    {"GET", "/admin", 0, admin_page},
    {"GET", "/style.css", 0, asset},
    {"GET", "/index.js", 0, asset},
    {"GET", "/admin.js", 0, asset},
    {"GET", "/icon.svg", 0, asset},
};

const struct http_route *routes_table(size_t *count)
{
	*count = sizeof(routes) / sizeof(routes[0]);
	return routes;
}
