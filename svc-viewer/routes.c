#include "svc-viewer/routes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/json.h"
#include "http/http_answer.h"
#include "http/http_request.h"
#include "svc-viewer/data_line.h"
#include "svc-viewer/page.h"
#include "svc-viewer/site_http.h"
#include "svc-viewer/viewer.h"

#define JSON "application/json"

/* --- the gate --------------------------------------------------------------------------------- */

static void set_headers(struct http_request *r, enum origins_verdict verdict)
{
	const char *host = http_request_header(r, "Host");
	char csp[ORIGINS_CSP];

	origins_csp(verdict, host == NULL ? "" : host, csp);
	http_answer_header(r, "Content-Security-Policy", csp);
	http_answer_header(r, "X-Content-Type-Options", "nosniff");
	http_answer_header(r, "X-Frame-Options", "DENY");
	http_answer_header(r, "Cross-Origin-Opener-Policy", "same-origin");
	http_answer_header(r, "Cache-Control", "no-cache");
	/* A page of the viewer's own shows where its calls come from; one of a site shows nothing.
	 */
	http_answer_header(
	    r, "Referrer-Policy", verdict == ORIGINS_OWN ? "same-origin" : "no-referrer");
	/* What a sandboxed page loads comes from its own address, but from no origin. */
	if (verdict != ORIGINS_SANDBOXED)
		http_answer_header(r, "Cross-Origin-Resource-Policy", "same-origin");
	if (verdict == ORIGINS_MOVED || verdict == ORIGINS_SANDBOXED)
		http_answer_header(r, "Vary", "Sec-Fetch-Dest");
}

static void move(const struct viewer *v, struct http_request *r, const struct peer_id *peer)
{
	char host[ORIGINS_HOST], *url;

	origins_site_host(&v->origins, peer, host);
	url = xasprintf("http://%s%s", host, http_request_target(r));
	http_answer_redirect(r, url);
	free(url);
}

static void refuse(struct http_request *r, const char *why)
{
	static struct log_limit limit;

	if (log_allowed(&limit, 20, "routes"))
		log_info("routes", "%s %.200s refused: %s", http_request_method(r),
		    http_request_target(r), why);
	http_answer_text(r, 403, why);
}

bool routes_gate(void *arg, struct http_request *r)
{
	const struct viewer *v = arg;
	const struct origins_request asked = {.method = http_request_method(r),
	    .path = http_request_path(r),
	    .host = http_request_header(r, "Host"),
	    .origin = http_request_header(r, "Origin"),
	    .token = http_request_header(r, "X-Goop-Token"),
	    .fetch_site = http_request_header(r, "Sec-Fetch-Site"),
	    .fetch_dest = http_request_header(r, "Sec-Fetch-Dest"),
	    .service_worker = http_request_header(r, "Service-Worker")};
	struct peer_id peer;
	enum origins_verdict verdict = origins_judge(&v->origins, &asked, &peer);

	set_headers(r, verdict);
	switch (verdict) {
	case ORIGINS_OWN:
	case ORIGINS_SITE:
	case ORIGINS_SANDBOXED: return true;
	case ORIGINS_MOVED: move(v, r, &peer); break;
	case ORIGINS_ABSENT: http_answer_text(r, 404, "there is nothing at this address"); break;
	case ORIGINS_WRONG_HOST: refuse(r, "this host name is not served here"); break;
	case ORIGINS_FOREIGN:
		refuse(r, "this call is for the viewer's own pages: it needs their Origin, or "
			  "their token in X-Goop-Token");
		break;
	}
	return false;
}

/* --- pages ------------------------------------------------------------------------------------ */

static const char *theme(const struct viewer *v)
{
	const char *set = service_config(v->svc, "viewer.theme");

	return strcmp(set, "light") == 0 || strcmp(set, "dark") == 0 ? set : "auto";
}

/* In a rendezvous server none of the other services runs (presence.rendezvous_only): nobody tells
 * this one who is there, and there is no database. */
static bool is_server(const struct viewer *v)
{
	return service_config_bool(v->svc, "presence.rendezvous_host") &&
	       service_config_bool(v->svc, "presence.rendezvous_only");
}

static void answer_page(const struct viewer *v, struct http_request *r, const char *page,
    const char *title, const char *file)
{
	char folder[4096];
	const struct http_text_value values[] = {
	    {"title", title},
	    {"page", page},
	    {"theme", theme(v)},
	    {"token", v->origins.token},
	    {"version", GOOP_VERSION},
	    {"label", service_config(v->svc, "profile.label")},
	    {"email", service_config(v->svc, "profile.email")},
	    {"id", v->self_text},
	    {"url", v->url},
	    {"site", site_root(v->site)},
	    {"site_origin", v->origins.sandbox ? "sandbox" : "subdomain"},
	    {"debug", service_config_bool(v->svc, "viewer.debug") ? "on" : "off"},
	    {"folder", getcwd(folder, sizeof(folder)) != NULL ? folder : "."},
	    {NULL, NULL},
	};

	page_answer(r, !is_server(v), file, values);
}

static void answer_peer_page(
    struct viewer *v, struct http_request *r, const char *page, const char *title, const char *file)
{
	const struct page_trouble absent = {404, "Not here",
	    "This is a rendezvous server, without people and a database of its own.", "", ""};

	if (is_server(v))
		page_answer_trouble(r, &absent);
	else
		answer_page(v, r, page, title, file);
}

static void home(void *arg, struct http_request *r)
{
	http_answer_redirect(r, is_server(arg) ? "/self" : "/peers");
}

static void peers_page(void *arg, struct http_request *r)
{
	answer_peer_page(arg, r, "peers", "People", "peers.html");
}

static void self_page(void *arg, struct http_request *r)
{
	answer_page(arg, r, "self", "Settings", "self.html");
}

static void logs_page(void *arg, struct http_request *r)
{
	answer_page(arg, r, "logs", "Logs", "logs.html");
}

static void database_page(void *arg, struct http_request *r)
{
	answer_peer_page(arg, r, "database", "Database", "database.html");
}

static bool is_library(const char *name)
{
	return str_starts(name, "goop-");
}

static void asset(void *arg, struct http_request *r)
{
	const char *name = http_request_path(r) + strlen("/assets/");
	bool library = str_starts(name, "js/");

	(void)arg;
	if (library)
		name += strlen("js/");
	if (library != is_library(name) || str_ends(name, ".html"))
		http_answer_text(r, 404, "there is nothing at this address");
	else
		page_answer_asset(r, name);
}

/* Where deployed programs have the client libraries. */
static void sdk(void *arg, struct http_request *r)
{
	const char *name = http_request_path(r) + strlen("/sdk/");

	(void)arg;
	if (is_library(name))
		page_answer_asset(r, name);
	else
		http_answer_text(r, 404, "there is nothing at this address");
}

/* --- sites ------------------------------------------------------------------------------------ */

static void add_slash(struct http_request *r)
{
	const char *target = http_request_target(r);
	size_t n = strcspn(target, "?#");
	char *url = xasprintf("%.*s/%s", (int)n, target, target + n);

	http_answer_redirect(r, url);
	free(url);
}

static bool is_self(const struct viewer *v, const struct peer_id *peer)
{
	return peer_id_equal(peer, &v->self);
}

/* Until the transport has said who we are, which is the first that it says, anybody may be. */
static bool knows_itself(const struct viewer *v, struct http_request *r)
{
	struct page_trouble t;

	if (v->self_text[0] != '\0')
		return true;
	remote_trouble(STREAM_RESTARTING, "The network service will be back in a moment.", &t);
	t.home = v->url;
	page_answer_trouble(r, &t);
	return false;
}

static void visit(void *arg, struct http_request *r)
{
	struct viewer *v = arg;
	const struct page_trouble nobody = {
	    404, "Nobody", "This address does not begin with a peer id.", "", v->url};
	char text[PEER_ID_TEXT];
	struct peer_id peer;
	const char *path;

	if (!origins_path_peer(http_request_path(r), "/p/", &peer, &path)) {
		page_answer_trouble(r, &nobody);
	} else if (*path == '\0') {
		add_slash(r);
	} else if (!knows_itself(v, r)) {
		return;
	} else if (is_self(v, &peer)) {
		site_http_answer(v->site, r, path, v->url);
	} else {
		peer_id_to_text(&peer, text);
		remote_visit(v->remote, r, text, path);
	}
}

/* --- calls ------------------------------------------------------------------------------------ */

static void answer_json(struct http_request *r, char *json)
{
	http_answer(r, 200, JSON, json, strlen(json));
	free(json);
}

static void api_self(void *arg, struct http_request *r)
{
	const struct viewer *v = arg;
	cJSON *self = cJSON_CreateObject();

	cJSON_AddStringToObject(self, "id", v->self_text);
	cJSON_AddStringToObject(self, "label", service_config(v->svc, "profile.label"));
	cJSON_AddStringToObject(self, "email", service_config(v->svc, "profile.email"));
	cJSON_AddStringToObject(self, "avatar_hash", "");
	answer_json(r, json_print(self));
	cJSON_Delete(self);
}

static void api_peers(void *arg, struct http_request *r)
{
	const struct viewer *v = arg;

	answer_json(r, peers_rows(v->peers));
}

static void api_peers_events(void *arg, struct http_request *r)
{
	struct viewer *v = arg;

	peers_events_subscribe(v->events, v->peers, r);
}

static void api_data(void *arg, struct http_request *r)
{
	struct viewer *v = arg;

	data_api_call(v->data, r, true, v->self_text, http_request_path(r) + strlen("/api/data/"));
}

static void api_peer_data(void *arg, struct http_request *r)
{
	struct viewer *v = arg;
	char text[PEER_ID_TEXT];
	struct peer_id peer;
	const char *rest;

	if (!origins_path_peer(http_request_path(r), "/api/p/", &peer, &rest) ||
	    !str_starts(rest, "/data/")) {
		http_answer_text(r, 404, "there is nothing at this address");
		return;
	}
	if (!knows_itself(v, r))
		return;
	peer_id_to_text(&peer, text);
	data_api_call(v->data, r, is_self(v, &peer), text, rest + strlen("/data/"));
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct http_route table[] = {
    {"GET", "/", 0, home},
    {"GET", "/peers", 0, peers_page},
    {"GET", "/self", 0, self_page},
    {"GET", "/logs", 0, logs_page},
    {"GET", "/database", 0, database_page},
    {"GET", "/assets/*", 0, asset},
    {"GET", "/sdk/*", 0, sdk},
    {"GET", "/p/*", 0, visit},
    {"GET", "/api/self", 0, api_self},
    {"GET", "/api/peers", 0, api_peers},
    {"GET", "/api/peers/events", 0, api_peers_events},
    {"GET", "/api/data/*", 0, api_data},
    {"POST", "/api/data/*", DATA_LINE_BODY_MAX, api_data},
    {"GET", "/api/p/*", 0, api_peer_data},
    {"POST", "/api/p/*", DATA_LINE_BODY_MAX, api_peer_data},
};

const struct http_route *routes_table(size_t *count)
{
	*count = sizeof(table) / sizeof(table[0]);
	return table;
}
