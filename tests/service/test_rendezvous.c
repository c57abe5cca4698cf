/* svc-rendezvous alone: HTTP against the real program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "proto/parent.h"
#include "tests/service/actor.h"
#include "tests/service/puppet.h"
#include "tests/service/web.h"

#define SLOW_MS 60000
#define AUTH    "Authorization: Basic YWRtaW46c2VjcmV0\r\n" /* admin:secret */
#define WRONG   "Authorization: Basic YWRtaW46d3Jvbmc=\r\n"

struct stage {
	struct puppet *p; /* first: web_tear_down() */
	uint16_t port;
	struct actor alice, bob;
};

static void prepare(struct stage *t)
{
	t->p = puppet_new(SERVICE_RENDEZVOUS);
	puppet_config(t->p, "presence.rendezvous_port", "0");
	puppet_config(t->p, "presence.rendezvous_bind", "127.0.0.1");
	puppet_config(t->p, "presence.admin_password", "secret");
	actor_init(&t->alice, 1);
	actor_init(&t->bob, 2);
}

static void go(struct stage *t)
{
	puppet_start(t->p);
	t->port = web_port(t->p, "rendezvous_url");
}

static int set_up(void **state)
{
	struct stage *t = xcalloc(1, sizeof(*t));

	*state = t;
	prepare(t);
	return 0;
}

/* The status of one request. */
static int ask(
    struct stage *t, const char *method, const char *path, const char *headers, const char *body)
{
	struct web *w = web_ask(t->p, t->port, method, "x", path, headers, body);
	int status = w->status;

	web_close(w);
	return status;
}

static int ask_host(struct stage *t, const char *host, const char *path, const char *headers)
{
	struct web *w = web_ask(t->p, t->port, "GET", host, path, headers, NULL);
	int status = w->status;

	web_close(w);
	return status;
}

static int publish(struct stage *t, const char *json)
{
	return ask(t, "POST", "/publish", "", json);
}

/* A signed or unsigned message. */
static int says(
    struct stage *t, struct actor *a, enum presence_type type, const char *label, bool sign)
{
	char *json = actor_presence(a, type, label, NULL, sign);
	int status = publish(t, json);

	free(json);
	return status;
}

static struct web *subscribe(struct stage *t, const char *path, const char *headers)
{
	struct web *w = web_begin(t->p, t->port, "GET", "x", path, headers, NULL);

	web_until(w, ": ok\n\n");
	return w;
}

static bool has(const struct web *w, const char *text)
{
	return memmem(w->got, w->len, text, strlen(text)) != NULL;
}

/* What /metrics says of that name, labels included; -1 for nothing. */
static double metric(struct stage *t, const char *name)
{
	struct web *w = web_ask(t->p, t->port, "GET", "127.0.0.1", "/metrics", "", NULL);
	char *line = xasprintf("\n%s ", name);
	const char *at = w->status == 200 ? strstr(w->body, line) : NULL;
	double value = at == NULL ? -1 : atof(at + strlen(line));

	free(line);
	web_close(w);
	return value;
}

#define METRIC(t, name) metric(t, "goop_rendezvous_" name)

static struct web *get(struct stage *t, const char *path, const char *headers)
{
	struct web *w = web_ask(t->p, t->port, "GET", "x", path, headers, NULL);

	assert_int_equal(w->status, 200);
	return w;
}

/* --- what works ------------------------------------------------------------------------------- */

static void test_published_is_heard_by_old_and_new_subscribers(void **state)
{
	struct stage *t = *state;
	struct web *old, *new;

	go(t);
	old = subscribe(t, "/events", "");
	assert_true(has(old, "Content-Type: text/event-stream\r\n"));
	assert_true(has(old, "Cache-Control: no-cache\r\n"));
	assert_true(has(old, "X-Accel-Buffering: no\r\n"));
	assert_true(has(old, "\nretry: "));
	assert_int_equal(says(t, &t->alice, PRESENCE_ONLINE, "Alice", true), 204);
	web_until(old, "\"content\":\"Alice\"");
	assert_true(has(old, "\"sig\":\""));
	new = subscribe(t, "/events?changes=1", "");
	web_until(new, "\"content\":\"Alice\"");
	assert_int_equal(says(t, &t->bob, PRESENCE_ONLINE, "Bob", false), 204);
	web_until(old, "\"content\":\"Bob\"");
	web_until(new, "\"content\":\"Bob\"");
}

static void test_changes_leave_heartbeats_out(void **state)
{
	struct stage *t = *state;
	struct web *all, *changes;

	go(t);
	all = subscribe(t, "/events", "");
	changes = subscribe(t, "/events?x=2&changes=1", "");
	says(t, &t->alice, PRESENCE_ONLINE, "Alice", true);
	web_until(changes, "Alice");
	says(t, &t->alice, PRESENCE_UPDATE, "Alice", true);
	web_until(all, "\"update\"");
	says(t, &t->alice, PRESENCE_OFFLINE, "Alice", true);
	web_until(changes, "\"offline\"");
	assert_false(has(changes, "\"update\""));
}

static void last_id(const struct web *w, char out[128])
{
	const char *id = NULL;

	for (const char *p = w->got; (p = strstr(p, "\nid: ")) != NULL; p++)
		id = p + 5;
	assert_non_null(id);
	snprintf(out, 128, "Last-Event-ID: %.*s\r\n", (int)strcspn(id, "\n"), id);
}

static void test_who_comes_back_gets_what_it_missed(void **state)
{
	struct stage *t = *state;
	struct web *w;
	char id[128];

	go(t);
	w = subscribe(t, "/events", "");
	says(t, &t->alice, PRESENCE_ONLINE, "first", true);
	web_until(w, "first");
	PUPPET_UNTIL(t->p, w->got[w->len - 1] == '\n' && w->got[w->len - 2] == '\n');
	last_id(w, id);
	web_close(w);
	says(t, &t->alice, PRESENCE_UPDATE, "second", true);
	says(t, &t->alice, PRESENCE_UPDATE, "third", true);
	w = subscribe(t, "/events", id);
	web_until(w, "third");
	assert_true(has(w, "second"));
	assert_false(has(w, "first"));
	assert_false(has(w, "event: reset"));
}

static void test_who_was_away_too_long_is_reset(void **state)
{
	struct stage *t = *state;
	struct web *w;

	go(t);
	says(t, &t->alice, PRESENCE_ONLINE, "Alice", true);
	w = subscribe(t, "/events", "Last-Event-ID: 0000000000000000:77\r\n");
	web_until(w, "Alice");
	assert_true(has(w, "event: reset\ndata: "));
	assert_true(strstr(w->got, "event: reset") < strstr(w->got, "Alice"));
}

static void test_pages_and_small_routes(void **state)
{
	struct stage *t = *state;
	struct web *w;
	char value[512];

	go(t);
	says(t, &t->alice, PRESENCE_ONLINE, "<b>Alice</b>", true);
	w = get(t, "/", "");
	assert_true(has(w, "&lt;b&gt;Alice"));
	assert_true(has(w, "<svg class=\"qr\""));
	assert_true(has(w, "http://127.0.0.1:"));
	web_header(w, "Content-Security-Policy", value, sizeof(value));
	assert_non_null(strstr(value, "default-src 'none'"));
	w = get(t, "/healthz", "");
	assert_string_equal(w->body, "ok");
	assert_int_equal(ask(t, "GET", "/relay", "", NULL), 404);
	assert_int_equal(ask(t, "GET", "/nothing", "", NULL), 404);
	assert_int_equal(ask(t, "GET", "/publish", "", NULL), 405);
	get(t, "/style.css", "");
	get(t, "/index.js", "");
	w = get(t, "/admin", AUTH);
	assert_true(has(w, "&lt;b&gt;Alice"));
	w = get(t, "/peers.json", AUTH);
	assert_non_null(strstr(w->body, "\"peer_id\":\"12D3Koo"));
	assert_non_null(strstr(w->body, "\"bytes_received\":"));
	w = get(t, "/logs.json", AUTH);
	assert_non_null(strstr(w->body, "came 12D3Koo"));
	assert_non_null(strstr(puppet_report(t->p, "peers"), "\"content\":"));
}

static void test_external_url_is_shown(void **state)
{
	struct stage *t = *state;

	puppet_config(t->p, "presence.external_url", "https://meet.example/");
	puppet_start(t->p);
	assert_string_equal(puppet_fact(t->p, "rendezvous_url"), "https://meet.example");
}

/* --- who may not ------------------------------------------------------------------------------ */

static void test_admin_needs_the_password(void **state)
{
	static const char *const routes[] = {"/admin", "/peers.json", "/logs.json"};
	struct stage *t = *state;
	struct web *w;
	char value[128];

	go(t);
	for (int i = 0; i < 3; i++) {
		w = web_ask(t->p, t->port, "GET", "x", routes[i], "", NULL);
		assert_int_equal(w->status, 401);
		web_header(w, "WWW-Authenticate", value, sizeof(value));
		assert_non_null(strstr(value, "Basic realm="));
	}
	for (int i = 0; i < 6; i++)
		assert_int_equal(ask(t, "GET", "/admin", WRONG, NULL), 401);
	w = web_ask(t->p, t->port, "GET", "x", "/admin", AUTH, NULL);
	assert_int_equal(w->status, 429);
	web_header(w, "Retry-After", value, sizeof(value));
	assert_true(atoi(value) > 0);
	/* Others are not slowed down by it. */
	assert_int_equal(ask(t, "GET", "/admin", AUTH "X-Forwarded-For: 192.0.2.9\r\n", NULL), 200);
}

static void test_admin_without_a_password_is_disabled(void **state)
{
	struct stage *t = *state;

	puppet_config(t->p, "presence.admin_password", "");
	go(t);
	assert_int_equal(ask(t, "GET", "/admin", "", NULL), 403);
	assert_int_equal(ask(t, "GET", "/peers.json", AUTH, NULL), 403);
}

static void test_metrics_are_for_loopback_and_admin(void **state)
{
	static const char *const strange[] = {"x", "evil.example", "localhost.evil.example:80"};
	struct stage *t = *state;

	go(t);
	publish(t, "garbage");
	assert_true(METRIC(t, "peers") == 0);
	assert_true(METRIC(t, "publishes_total{result=\"malformed\"}") == 1);
	assert_true(METRIC(t, "publish_seconds_count") == 1);
	assert_int_equal(
	    ask_host(t, "127.0.0.1", "/metrics", "X-Forwarded-For: 192.0.2.1\r\n"), 401);
	assert_int_equal(
	    ask_host(t, "127.0.0.1", "/metrics", "X-Forwarded-For: 192.0.2.1\r\n" AUTH), 200);
	/* A page that has had its name resolved to this machine. */
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
		assert_int_equal(ask_host(t, strange[i], "/metrics", ""), 401);
	assert_int_equal(ask_host(t, "evil.example", "/metrics", AUTH), 200);
}

static void test_refusals_are_counted(void **state)
{
	struct stage *t = *state;
	char *big = xmalloc(70001);
	struct web *w;

	puppet_config(t->p, "rendezvous.limits.unsigned_per_minute", "2");
	go(t);
	memset(big, ' ', 70000);
	big[70000] = '\0';
	assert_int_equal(publish(t, big), 413);
	/* Announced, and not even sent. */
	assert_int_equal(ask(t, "POST", "/publish", "Content-Length: 999999999\r\n", NULL), 413);
	for (int i = 0; i < 3; i++)
		publish(t, "garbage");
	assert_int_equal(ask(t, "GET", "/nothing", "", NULL), 404);
	assert_int_equal(ask(t, "GET", "/admin", WRONG, NULL), 401);
	memset(big, 'a', 30000);
	memcpy(big, "X-Big: ", 7);
	memcpy(big + 30000, "\r\n", 3);
	assert_int_equal(ask(t, "GET", "/healthz", big, NULL), 431);
	assert_true(METRIC(t, "publishes_total{result=\"too_large\"}") == 2);
	assert_true(METRIC(t, "publishes_total{result=\"malformed\"}") == 2);
	assert_true(METRIC(t, "publishes_total{result=\"limited\"}") == 1);
	assert_true(METRIC(t, "answers_total{code=\"413\"}") == 2);
	assert_true(METRIC(t, "answers_total{code=\"429\"}") == 1);
	assert_true(METRIC(t, "answers_total{code=\"404\"}") == 1);
	assert_true(METRIC(t, "answers_total{code=\"401\"}") == 1);
	assert_true(METRIC(t, "answers_total{code=\"none\"}") == 1);
	w = get(t, "/peers.json", AUTH);
	assert_string_equal(w->body, "[]");
	free(big);
}

static void test_delivery_is_measured(void **state)
{
	struct stage *t = *state;
	struct web *w;

	go(t);
	w = subscribe(t, "/events?changes=1", "");
	assert_true(METRIC(t, "delivery_seconds_count") == 0);
	says(t, &t->alice, PRESENCE_ONLINE, "Alice", true);
	web_until(w, "Alice");
	assert_true(METRIC(t, "delivery_seconds_count") == 1);
	assert_true(METRIC(t, "delivery_seconds_sum") > 0);
	assert_true(METRIC(t, "delivery_seconds_bucket{le=\"+Inf\"}") == 1);
	/* One who comes later and is told of everybody has not waited. */
	w = subscribe(t, "/events?changes=1", "");
	web_until(w, "Alice");
	assert_true(METRIC(t, "delivery_seconds_count") == 1);
}

static double number_in(const char *json, const char *key)
{
	char *quoted = xasprintf("\"%s\":", key);
	const char *at = strstr(json, quoted);

	assert_non_null(at);
	at += strlen(quoted);
	free(quoted);
	return atof(at);
}

static void test_bytes_of_a_peer_are_counted(void **state)
{
	struct stage *t = *state;
	char *json = actor_presence(&t->alice, PRESENCE_ONLINE, "Alice", NULL, true);
	struct web *w, *stream;
	uint64_t before;

	go(t);
	stream = subscribe(t, "/events", "X-Forwarded-For: 192.0.2.7\r\n");
	before = stream->total;
	assert_int_equal(ask(t, "POST", "/publish", "X-Forwarded-For: 192.0.2.7\r\n", json), 204);
	web_until(stream, "Alice");
	assert_int_equal(says(t, &t->bob, PRESENCE_ONLINE, "Bob", true), 204);
	web_until(stream, "Bob");
	PUPPET_UNTIL(
	    t->p, stream->got[stream->len - 1] == '\n' && stream->got[stream->len - 2] == '\n');
	w = get(t, "/peers.json", AUTH);
	/* The latest comes first: nothing is streamed to bob. */
	assert_true(number_in(w->body, "bytes_received") == 0);
	assert_true(number_in(strstr(w->body, t->alice.text), "bytes_received") ==
		    (double)(stream->total - before));
	assert_true(
	    number_in(strstr(w->body, t->alice.text), "bytes_sent") == (double)strlen(json));
	w = get(t, "/admin", AUTH);
	json = xrealloc(json, 64);
	snprintf(json, 64, "\"bytes_received\">%llu</td></tr>",
	    (unsigned long long)(stream->total - before));
	assert_true(has(w, json));
	free(json);
}

static void test_signed_peers_are_protected(void **state)
{
	struct stage *t = *state;
	char *json;

	go(t);
	json = actor_presence(&t->alice, PRESENCE_ONLINE, "Alice", NULL, true);
	assert_int_equal(publish(t, json), 204);
	assert_int_equal(publish(t, json), 409);
	*strstr(json, "Alice") = 'B';
	assert_int_equal(publish(t, json), 400);
	free(json);
	assert_int_equal(says(t, &t->alice, PRESENCE_OFFLINE, "Alice", false), 409);
}

static void test_pages_of_other_sites_cannot_publish(void **state)
{
	struct stage *t = *state;
	char *json = actor_presence(&t->bob, PRESENCE_ONLINE, "Bob", NULL, false);

	go(t);
	assert_int_equal(ask(t, "POST", "/publish", "Sec-Fetch-Site: cross-site\r\n", json), 403);
	assert_int_equal(ask(t, "POST", "/publish", "Sec-Fetch-Site: same-site\r\n", json), 403);
	assert_true(METRIC(t, "peers") == 0);
	assert_int_equal(ask(t, "POST", "/publish", "Sec-Fetch-Site: same-origin\r\n", json), 204);
	free(json);
}

static void test_rate_is_per_client_behind_a_proxy(void **state)
{
	struct stage *t = *state;
	struct web *w;
	char value[32], *json;

	puppet_config(t->p, "rendezvous.limits.unsigned_per_minute", "1");
	go(t);
	json = actor_presence(&t->alice, PRESENCE_ONLINE, "Alice", NULL, false);
	assert_int_equal(
	    ask(t, "POST", "/publish", "X-Forwarded-For: 9.9.9.9, 192.0.2.1\r\n", json), 204);
	assert_int_equal(ask(t, "POST", "/publish", "X-Forwarded-For: 192.0.2.2\r\n", json), 204);
	w = web_ask(t->p, t->port, "POST", "x", "/publish",
	    "X-Forwarded-For: 8.8.8.8, 192.0.2.1\r\n", json);
	assert_int_equal(w->status, 429);
	web_header(w, "Retry-After", value, sizeof(value));
	assert_in_range(atoi(value), 1, 120);
	/* A line of one's own before the proxy's changes nothing. */
	assert_int_equal(ask(t, "POST", "/publish",
			     "X-Forwarded-For: 192.0.2.3\r\nX-Forwarded-For: 192.0.2.1\r\n", json),
	    429);
	free(json);
}

static void test_subscribers_per_address_are_limited(void **state)
{
	struct stage *t = *state;
	struct web *w;

	puppet_config(t->p, "rendezvous.limits.subscribers_per_address", "2");
	go(t);
	w = subscribe(t, "/events", "");
	subscribe(t, "/events?changes=1", "");
	assert_int_equal(ask(t, "GET", "/events", "", NULL), 429);
	subscribe(t, "/events", "X-Forwarded-For: 192.0.2.1\r\n");
	web_close(w);
	/* The place is free again as soon as the server has seen the end. */
	do {
		w = web_begin(t->p, t->port, "GET", "x", "/events", "", NULL);
		web_until(w, "\r\n\r\n");
	} while (strncmp(w->got, "HTTP/1.1 429", 12) == 0);
	assert_true(strncmp(w->got, "HTTP/1.1 200", 12) == 0);
}

static void test_subscribers_in_all_are_limited(void **state)
{
	struct stage *t = *state;
	char value[32];
	struct web *w;

	puppet_config(t->p, "rendezvous.limits.subscribers", "2");
	go(t);
	subscribe(t, "/events", "");
	subscribe(t, "/events?changes=1", "X-Forwarded-For: 192.0.2.1\r\n");
	w = web_ask(t->p, t->port, "GET", "x", "/events", "X-Forwarded-For: 192.0.2.2\r\n", NULL);
	assert_int_equal(w->status, 503);
	web_header(w, "Retry-After", value, sizeof(value));
	assert_int_equal(atoi(value), 30);
}

/* --- hostile ---------------------------------------------------------------------------------- */

/* The status of a request whose first line and headers are so many bytes. */
static int with_header(struct stage *t, size_t n)
{
	static const char rest[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: \r\n\r\n";
	char *text = xmalloc(n + 1);
	struct web *w = web_open(t->p, t->port);
	size_t before = strlen(rest) - 4;
	int status;

	memset(text, 'a', n);
	memcpy(text, rest, before);
	memcpy(text + n - 4, "\r\n\r\n", 5);
	web_send(w, text);
	web_until(w, "\r\n\r\n");
	status = atoi(w->got + strlen("HTTP/1.1 "));
	web_close(w);
	free(text);
	return status;
}

/* The status of a body of so many bytes that is no message. */
static int with_body(struct stage *t, size_t n)
{
	char *text = xmalloc(n + 1);
	int status;

	memset(text, ' ', n);
	text[n] = '\0';
	status = publish(t, text);
	free(text);
	return status;
}

static void test_bodies_and_headers_are_bounded(void **state)
{
	struct stage *t = *state;

	go(t);
	assert_int_equal(with_body(t, 65536), 400);
	assert_int_equal(with_body(t, 65537), 413);
	assert_int_equal(with_header(t, 8192), 200);
	assert_int_equal(with_header(t, 8193), 431);
	assert_int_equal(with_header(t, 30000), 431);
}

static void test_other_bounds_can_be_set(void **state)
{
	struct stage *t = *state;
	struct web *slow;

	puppet_config(t->p, "rendezvous.limits.body_bytes", "2000");
	puppet_config(t->p, "rendezvous.limits.header_bytes", "20000");
	puppet_config(t->p, "rendezvous.limits.request_seconds", "1");
	go(t);
	assert_int_equal(with_body(t, 2000), 400);
	assert_int_equal(with_body(t, 2001), 413);
	assert_int_equal(with_header(t, 20000), 200);
	assert_int_equal(with_header(t, 20001), 431);
	slow = web_open(t->p, t->port);
	web_send(slow, "GET / HTTP/1.1\r\nHost:");
	PUPPET_UNTIL(t->p, slow->ended);
}

static bool ended(void *arg)
{
	return ((struct web *)arg)->ended;
}

/* Whatever of it is answered or cut: what hides inside is never taken for a request. */
static void test_smuggled_requests_are_refused(void **state)
{
	static const char *const headers[] = {
	    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
	    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
	    "Content-Length: 5\r\nContent-Length: 6\r\n",
	    "Content-Length: five\r\n",
	    "Content-Length: -1\r\n",
	    "Content-Length: +5\r\n",
	    "Content-Length: 5, 5\r\n",
	    "Content-Length: 99999999999999999999999\r\n",
	    "Transfer-Encoding: chunked, identity\r\n",
	    "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n",
	    "Transfer-Encoding : chunked\r\n",
	};
	struct stage *t = *state;
	char *inner, *text;
	struct web *w;

	go(t);
	inner = actor_presence(&t->bob, PRESENCE_ONLINE, "smuggled", NULL, true);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		w = web_open(t->p, t->port);
		text = xasprintf("POST /publish HTTP/1.1\r\nHost: x\r\n%s\r\n0\r\n\r\nPOST "
				 "/publish HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
		    headers[i], strlen(inner), inner);
		web_send(w, text);
		shutdown(w->fd, SHUT_WR);
		free(text);
		puppet_wait(t->p, ended, w, SLOW_MS, "the end of the connection");
		if (has(w, "HTTP/1.1 204"))
			fail_msg("smuggled by %s: %s", headers[i], w->got);
		web_close(w);
	}
	free(inner);
	w = get(t, "/peers.json", AUTH);
	assert_string_equal(w->body, "[]");
}

static void test_slow_requests_are_cut(void **state)
{
	struct stage *t = *state;
	struct web *headers, *body, *silent, *second;

	go(t);
	/* A connection may rest longer than a request may take. */
	second = web_open(t->p, t->port);
	web_send(second, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	web_until(second, "\r\n\r\nok");
	web_send(second, "POST /publish HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	silent = web_open(t->p, t->port);
	headers = web_open(t->p, t->port);
	web_send(headers, "POST /publish HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	body = web_open(t->p, t->port);
	web_send(body, "POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
	puppet_wait(t->p, ended, headers, SLOW_MS, "cut within the headers");
	puppet_wait(t->p, ended, body, SLOW_MS, "cut within the body");
	puppet_wait(t->p, ended, silent, SLOW_MS, "cut without a request");
	puppet_wait(t->p, ended, second, SLOW_MS, "cut within the second request");
	assert_true(METRIC(t, "connections_cut_total") == 4);
	assert_int_equal(says(t, &t->alice, PRESENCE_ONLINE, "Alice", true), 204);
}

static void test_subscriber_that_does_not_read_is_dropped_alone(void **state)
{
	struct stage *t = *state;
	struct web *slow, *fast;
	char *filler = xmalloc(50001), *json;

	puppet_config(t->p, "rendezvous.limits.unsigned_per_minute", "0");
	puppet_config(t->p, "rendezvous.limits.bytes_per_minute", "0");
	go(t);
	memset(filler, 'f', 50000);
	filler[50000] = '\0';
	slow = subscribe(t, "/events", "");
	web_hold(slow, true);
	fast = subscribe(t, "/events", "");
	fast->discard = true;
	json = xasprintf("{\"type\":\"update\",\"peerId\":\"%s\",\"ts\":1,\"filler\":\"%s\"}",
	    t->alice.text, filler);
	for (int i = 0; i < 200; i++) {
		uint64_t before = fast->total;
		assert_int_equal(publish(t, json), 204);
		PUPPET_UNTIL(t->p, fast->total - before > 50000);
	}
	free(json);
	free(filler);
	web_hold(slow, false);
	slow->discard = true;
	PUPPET_UNTIL(t->p, slow->ended);
	assert_false(fast->ended);
	assert_true(slow->total < fast->total);
	assert_true(METRIC(t, "subscribers_dropped_total") == 1);
}

static void test_garbage_on_the_wire_harms_nobody(void **state)
{
	static const char *const garbage[] = {"\r\n\r\n", "GET", "\x16\x03\x01\x02",
	    "GET / HTTP/9.9\r\n\r\n", "GET http://[::/ HTTP/1.1\r\nHost: x\r\n\r\n",
	    "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
	    "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	    "POST /publish HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"};
	struct stage *t = *state;
	struct web *w;

	go(t);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		w = web_open(t->p, t->port);
		web_send(w, garbage[i]);
		shutdown(w->fd, SHUT_WR);
		/* An end that comes together with bytes may be noticed by the deadline only. */
		puppet_wait(t->p, ended, w, SLOW_MS, "the end of the connection");
		assert_false(has(w, "HTTP/1.1 200"));
		web_close(w);
	}
	assert_int_equal(says(t, &t->alice, PRESENCE_ONLINE, "Alice", true), 204);
}

/* --- persistence ------------------------------------------------------------------------------ */

static void restart(struct stage *t, int signo)
{
	puppet_kill(t->p, signo);
	puppet_wait_end(t->p);
	puppet_restart(t->p);
	PUPPET_UNTIL(t->p, puppet_is_ready(t->p));
	t->port = web_port(t->p, "rendezvous_url");
}

static void test_restart_keeps_peers_and_what_they_signed(void **state)
{
	struct stage *t = *state;
	struct web *w;
	char *heard;

	puppet_config(t->p, "presence.peer_db_path", "data/peers.db");
	go(t);
	heard = actor_presence(&t->alice, PRESENCE_ONLINE, "Alice", NULL, true);
	assert_int_equal(publish(t, heard), 204);
	assert_int_equal(says(t, &t->bob, PRESENCE_ONLINE, "Bob", false), 204);
	restart(t, SIGTERM);
	w = subscribe(t, "/events", "Last-Event-ID: 0123456789abcdef:2\r\n");
	web_until(w, "event: reset");
	web_until(w, "Alice");
	web_until(w, "Bob");
	assert_int_equal(publish(t, heard), 409);
	assert_int_equal(says(t, &t->alice, PRESENCE_UPDATE, "Alice", true), 204);
	free(heard);
}

static bool is_written(void *arg)
{
	return METRIC(arg, "db_pending_rows") == 0;
}

static void test_sudden_death_loses_nothing_that_was_written(void **state)
{
	struct stage *t = *state;
	struct web *w;

	puppet_config(t->p, "presence.peer_db_path", "data/peers.db");
	go(t);
	assert_int_equal(says(t, &t->alice, PRESENCE_ONLINE, "Alice", true), 204);
	puppet_wait(t->p, is_written, t, PUPPET_MS, "the row is written");
	restart(t, SIGKILL);
	w = subscribe(t, "/events", "");
	web_until(w, "Alice");
}

/* A second instance by hand, as the stage has room for one: on the same folder. */
struct second {
	pid_t pid;
	struct parent *parent;
	uint16_t port;
	bool ready;
};

static int second_told(void *arg, struct msg *m)
{
	struct second *s = arg;
	char key[64], value[256];

	if (m->type == MSG_READY)
		s->ready = true;
	if (m->type != MSG_FACT)
		return 0;
	msg_get_cstr(m, key, sizeof(key));
	msg_get_cstr(m, value, sizeof(value));
	if (strcmp(key, "rendezvous_url") == 0)
		s->port = (uint16_t)atoi(strrchr(value, ':') + 1);
	return 0;
}

static void second_closed(void *arg)
{
	(void)arg;
}

static void second_exec(int fd)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n] = '\0';
	strcpy(strstr(path, "/test/service/"), "/bin/svc-rendezvous");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fd, PARENT_FD);
	if (fd == PARENT_FD)
		abort();
	execl(path, path, (char *)NULL);
	abort();
}

static void second_start(struct stage *t, struct second *s)
{
	static const struct parent_events events = {second_told, second_closed};
	static const char *const config[] = {"presence.rendezvous_port", "0",
	    "presence.rendezvous_bind", "127.0.0.1", "presence.peer_db_path", "data/peers.db"};
	struct msg m;
	int pair[2];

	*s = (struct second){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0)
		second_exec(pair[1]);
	close(pair[1]);
	s->parent = parent_new(
	    puppet_loop(t->p), pair[0], SERVICE_SUPERVISOR, SERVICE_RENDEZVOUS, &events, s);
	msg_begin(&m, MSG_CONFIG, 0);
	msg_put_u16(&m, 3);
	for (int i = 0; i < 6; i++)
		msg_put_str(&m, config[i]);
	parent_send(s->parent, &m);
	msg_begin(&m, MSG_START, 0);
	parent_send(s->parent, &m);
	PUPPET_UNTIL(t->p, s->ready);
}

static void test_two_instances_on_one_file_show_each_others_peers(void **state)
{
	struct stage *t = *state;
	struct second second;
	struct web *here, *there;
	uint16_t port;

	puppet_config(t->p, "presence.peer_db_path", "data/peers.db");
	go(t);
	second_start(t, &second);
	here = subscribe(t, "/events?changes=1", "");
	port = t->port;
	t->port = second.port;
	there = subscribe(t, "/events?changes=1", "");
	assert_int_equal(says(t, &t->bob, PRESENCE_ONLINE, "Bob", true), 204);
	t->port = port;
	assert_int_equal(says(t, &t->alice, PRESENCE_ONLINE, "Alice", true), 204);
	web_until(here, "Bob");
	web_until(there, "Alice");
	assert_int_equal(says(t, &t->alice, PRESENCE_OFFLINE, "Alice", true), 204);
	web_until(there, "\"offline\"");
	kill(second.pid, SIGTERM);
	assert_int_equal(waitpid(second.pid, NULL, 0), second.pid);
	parent_free(second.parent);
}

/* --- wrong settings --------------------------------------------------------------------------- */

static void expect_config_error(struct stage *t, const char *key)
{
	int status;

	puppet_spawn(t->p);
	status = puppet_wait_end(t->p);
	assert_int_equal(WEXITSTATUS(status), 78);
	assert_non_null(strstr(puppet_log(t->p), key));
}

static void test_damaged_database_is_named_and_left_alone(void **state)
{
	struct stage *t = *state;
	char *junk = xmalloc(50000);

	memset(junk, 'x', 50000);
	puppet_put_file(t->p, "data/peers.db", junk, 50000);
	free(junk);
	puppet_config(t->p, "presence.peer_db_path", "data/peers.db");
	expect_config_error(t, "data/peers.db");
}

static void test_bad_proxy_list_is_named(void **state)
{
	struct stage *t = *state;

	puppet_config(t->p, "rendezvous.trusted_proxies", "proxy.example");
	expect_config_error(t, "rendezvous.trusted_proxies");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, web_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_published_is_heard_by_old_and_new_subscribers),
	    T(test_changes_leave_heartbeats_out),
	    T(test_who_comes_back_gets_what_it_missed),
	    T(test_who_was_away_too_long_is_reset),
	    T(test_pages_and_small_routes),
	    T(test_external_url_is_shown),
	    T(test_admin_needs_the_password),
	    T(test_admin_without_a_password_is_disabled),
	    T(test_metrics_are_for_loopback_and_admin),
	    T(test_refusals_are_counted),
	    T(test_delivery_is_measured),
	    T(test_bytes_of_a_peer_are_counted),
	    T(test_signed_peers_are_protected),
	    T(test_pages_of_other_sites_cannot_publish),
	    T(test_rate_is_per_client_behind_a_proxy),
	    T(test_subscribers_per_address_are_limited),
	    T(test_subscribers_in_all_are_limited),
	    T(test_bodies_and_headers_are_bounded),
	    T(test_other_bounds_can_be_set),
	    T(test_smuggled_requests_are_refused),
	    T(test_slow_requests_are_cut),
	    T(test_subscriber_that_does_not_read_is_dropped_alone),
	    T(test_garbage_on_the_wire_harms_nobody),
	    T(test_restart_keeps_peers_and_what_they_signed),
	    T(test_sudden_death_loses_nothing_that_was_written),
	    T(test_two_instances_on_one_file_show_each_others_peers),
	    T(test_damaged_database_is_named_and_left_alone),
	    T(test_bad_proxy_list_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
