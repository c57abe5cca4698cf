/* svc-rendezvous: whom it refuses, and what hostile clients can do. */
#include "tests/service/rendezvous_stage.h"

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
	/* What browsers say to a server that has no TLS. */
	assert_int_equal(ask(t, "POST", "/publish", "Origin: http://elsewhere\r\n", json), 403);
	assert_int_equal(ask(t, "POST", "/publish", "Origin: null\r\n", json), 403);
	assert_true(METRIC(t, "peers") == 0);
	assert_int_equal(ask(t, "POST", "/publish", "Sec-Fetch-Site: same-origin\r\n", json), 204);
	assert_int_equal(ask(t, "POST", "/publish", "Origin: http://x\r\n", json), 204);
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

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, web_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
