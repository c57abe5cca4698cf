/* svc-viewer among puppets: visits to the sites of others, and calls of their databases. */
#include "tests/service/viewer_stage.h"

/* --- visits ----------------------------------------------------------------------------------- */

static struct web *visit(struct stage *t, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "/p/" YOU "%s", path);
	return web_begin(t->p, t->port, "GET", t->your_host, full, "", NULL);
}

static void test_visit_streams_the_answer(void **state)
{
	struct stage *t = *state;
	struct web *w = visit(t, "/a%20b/x.html?not=sent");
	struct puppet_stream *s = asked_for(t, "GET /a b/x.html\n");

	puppet_write(s, "OK text/html; char", 18, false);
	puppet_turns(t->p, 20);
	puppet_write(s, "set=utf-8 10\nhello", 18, false);
	web_until(w, "\r\n\r\nhello");
	puppet_write(s, "world", 5, true);
	web_finish(w);
	assert_int_equal(w->status, 200);
	assert_string_equal(w->body, "helloworld");
	has_header(w, "Content-Type", "text/html; charset=utf-8");
	has_header(w, "Content-Length", "10");
	has_header(w, "Content-Security-Policy", "default-src 'self'");
	web_close(w);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
}

static void test_what_is_under_way_is_finished_before_the_end(void **state)
{
	struct stage *t = *state;
	struct web *w = visit(t, "/x");
	struct puppet_stream *s = asked_for(t, "GET /x\n"), *late;

	puppet_write(s, "OK text/plain 10\nhello", 22, false);
	web_until(w, "\r\n\r\nhello");
	puppet_stop(t->p, 60000);
	late = puppet_open(t->transport, PROTOCOL_GOOP_SITE, YOU, 5000);
	assert_int_equal(puppet_wait_over(late), STREAM_RESTARTING);
	assert_true(puppet_is_running(t->p));
	puppet_write(s, "world", 5, true);
	web_finish(w);
	assert_string_equal(w->body, "helloworld");
	web_close(w);
	assert_int_equal(puppet_wait_end(t->p), 0);
}

static void visit_ends(struct stage *t, const char *answer, int status, const char *expect)
{
	struct web *w = visit(t, "/x");
	struct puppet_stream *s = asked_for(t, "GET /x\n");

	puppet_write(s, answer, strlen(answer), true);
	web_finish(w);
	if (w->status != status || strstr(w->body, expect) == NULL)
		fail_msg("%s became %d %s", answer, w->status, w->body);
	web_close(w);
}

static void test_answers_of_a_peer(void **state)
{
	visit_ends(*state, "OK text/plain 0\n", 200, "");
	visit_ends(*state, "ERR not found\n", 404, "no page at this address");
	visit_ends(*state, "ERR forbidden\n", 403, "does not give out");
	visit_ends(*state, "ERR bad request\n", 400, "did not understand");
	visit_ends(*state, "ERR site disabled\n", 503, "no site at the moment");
	visit_ends(*state, "ERR something new\n", 502, "something new");
	visit_ends(*state, "nonsense\n", 502, "not an answer");
	visit_ends(*state, "OK text/plain\n", 502, "not an answer");
	visit_ends(*state, "", 502, "not an answer");
}

static void test_head_asks_but_takes_no_body(void **state)
{
	struct stage *t = *state;
	struct web *w = web_begin(t->p, t->port, "HEAD", t->your_host, "/p/" YOU "/x", "", NULL);
	struct puppet_stream *s = asked_for(t, "GET /x\n");

	puppet_write(s, "OK video/mp4 9999999999\nabc", 27, false);
	web_finish(w);
	assert_int_equal(w->status, 200);
	has_header(w, "Content-Length", "9999999999");
	assert_int_equal(w->body_len, 0);
	web_close(w);
	assert_int_equal(puppet_wait_over(s), STREAM_CANCELLED);
}

static void test_more_than_announced_is_cut(void **state)
{
	struct stage *t = *state;
	struct web *w = visit(t, "/x");
	struct puppet_stream *s = asked_for(t, "GET /x\n");

	puppet_write(s, "OK text/plain 3\nabcdef", 22, false);
	web_finish(w);
	assert_string_equal(w->body, "abc");
	web_close(w);
	assert_int_equal(puppet_wait_over(s), STREAM_VIOLATION);
}

static void test_less_than_announced_is_no_whole_file(void **state)
{
	struct stage *t = *state;
	struct web *w = visit(t, "/x");
	struct puppet_stream *s = asked_for(t, "GET /x\n");

	puppet_write(s, "OK text/plain 100\nabc", 21, true);
	web_finish(w);
	has_header(w, "Content-Length", "100");
	assert_string_equal(w->body, "abc");
	web_close(w);
}

#define REASONS                                                                                    \
	"/ip4/192.0.2.1/tcp/4001: connection refused\n/ip4/198.51.100.7/tcp/1: timed out <b>\n"

static void test_unreachable_peer_is_explained(void **state)
{
	struct stage *t = *state;
	struct web *w = web_begin(t->p, t->port, "GET", t->your_host, "/p/" YOU "/",
	    "Accept: text/html,*/*\r\nSec-Fetch-Dest: document\r\n", NULL);

	puppet_reset(puppet_next_stream(t->transport), STREAM_UNREACHABLE, REASONS);
	web_finish(w);
	assert_int_equal(w->status, 502);
	has_header(w, "Content-Type", "text/html");
	assert_non_null(strstr(w->body, "cannot be reached"));
	assert_non_null(strstr(w->body, "<li>/ip4/192.0.2.1/tcp/4001: connection refused</li>"));
	assert_non_null(strstr(w->body, "<li>/ip4/198.51.100.7/tcp/1: timed out &lt;b&gt;</li>"));
	web_close(w);
	w = visit(t, "/");
	puppet_reset(puppet_next_stream(t->transport), STREAM_UNREACHABLE, REASONS);
	web_finish(w);
	assert_int_equal(w->status, 502);
	has_header(w, "Content-Type", "text/plain");
	assert_non_null(strstr(w->body, "192.0.2.1/tcp/4001: connection refused\n"));
	web_close(w);
}

static void test_peer_that_breaks_off_midway(void **state)
{
	struct stage *t = *state;
	struct web *w = visit(t, "/x");
	struct puppet_stream *s = asked_for(t, "GET /x\n");

	puppet_write(s, "OK text/plain 100\nabc", 21, false);
	web_until(w, "abc");
	puppet_reset(s, STREAM_BROKEN, "connection lost");
	web_finish(w);
	assert_int_equal(w->body_len, 3);
	web_close(w);
}

static void test_transport_that_restarts(void **state)
{
	struct stage *t = *state;
	struct web *waiting = visit(t, "/x");

	puppet_next_stream(t->transport);
	puppet_die(t->transport, "test");
	web_finish(waiting);
	assert_int_equal(waiting->status, 503);
	web_close(waiting);
	waiting = visit(t, "/x");
	web_finish(waiting);
	assert_int_equal(waiting->status, 503);
	web_close(waiting);
	puppet_revive(t->transport);
	puppet_wait_up(t->transport);
	/* The service hears of it a moment later. */
	do {
		waiting = visit(t, "/x");
		PUPPET_UNTIL(
		    t->p, waiting->ended || streams_count(puppet_streams(t->transport)) > 0);
		if (waiting->ended)
			web_close(waiting);
	} while (streams_count(puppet_streams(t->transport)) == 0);
	puppet_write(asked_for(t, "GET /x\n"), "OK text/plain 2\nok", 18, true);
	web_finish(waiting);
	assert_string_equal(waiting->body, "ok");
	web_close(waiting);
}

static void test_before_it_knows_who_it_is_nobody_is_asked(void **state)
{
	static const char words[] = "A part of this program is restarting\n"
				    "The network service will be back in a moment.\n";
	struct stage *t = *state;

	puppet_kill(t->p, SIGKILL);
	puppet_wait_end(t->p);
	puppet_restart(t->p);
	puppet_wait_up(t->transport);
	t->port = web_port(t->p, "viewer_url");
	snprintf(t->host, sizeof(t->host), "127.0.0.1:%u", t->port);
	answers(t, "GET", t->host, "/p/" ME "/", "", NULL, 503, words);
	answers(t, "GET", t->host, "/api/p/" ME "/data/tables", "", NULL, 503, words);
	assert_int_equal(streams_count(puppet_streams(t->transport)), 0);
	word_self(t->transport, ME);
	web_ask_until(t->p, t->port, t->host, "/api/self", ME);
	answers(t, "GET", t->host, "/p/" ME "/", "", NULL, 200, "<h1>home</h1>");
}

/* Writes zeros as far as credit goes; returns how much. */
static size_t flood(struct stage *t, struct puppet_stream *s)
{
	static uint8_t zeros[256 * 1024];
	size_t sent = 0, quiet = 0;

	while (quiet < 20) {
		size_t n = stream_write(s->s, zeros, sizeof(zeros), false);
		sent += n;
		quiet = n > 0 ? 0 : quiet + 1;
		puppet_turns(t->p, 5);
	}
	return sent;
}

static void test_stalled_browser_stops_the_peer(void **state)
{
	struct stage *t = *state;
	size_t before = puppet_memory(t->p, "VmRSS"), sent, after;
	struct web *w = visit(t, "/film");
	struct puppet_stream *s = asked_for(t, "GET /film\n");

	web_hold(w, true);
	w->discard = true;
	puppet_write(s, "OK video/mp4 5368709120\n", 24, false);
	sent = flood(t, s);
	/* The window, and what the sockets of the browser's connection hold. */
	assert_true(sent < STREAM_WINDOW_MAX + 32 * MIB);
	assert_true(!PUPPET_MEMORY_COUNTS ||
		    puppet_memory(t->p, "VmRSS") < before + 2 * STREAM_WINDOW_MAX + 8 * MIB);
	/* It goes on when the browser does. */
	web_hold(w, false);
	PUPPET_UNTIL(t->p, w->total >= sent);
	web_hold(w, true);
	after = flood(t, s);
	assert_true(after > 0);
	web_close(w);
	assert_int_equal(puppet_wait_over(s), STREAM_CANCELLED);
}

/* --- data calls ------------------------------------------------------------------------------- */

static struct puppet_stream *asked_db(struct puppet_end *end, const char *peer, const char *line)
{
	struct puppet_stream *s = puppet_next_stream(end);

	assert_int_equal(s->asked[0], PROTOCOL_GOOP_DATA);
	assert_string_equal(s->peer, peer);
	if (!s->opened)
		puppet_accept(s, PROTOCOL_GOOP_DATA, "");
	puppet_read_end(s);
	assert_string_equal((char *)s->data, line);
	return s;
}

static void call(struct stage *t, struct puppet_end *end, const char *method, const char *host,
    const char *path, const char *origin, const char *body, const char *ask, const char *answer,
    int status, const char *expect)
{
	struct web *w = web_begin(t->p, t->port, method, host, path, origin, body);
	struct puppet_stream *s = asked_db(end, end == t->db ? ME : YOU, ask);

	puppet_write(s, answer, strlen(answer), true);
	web_finish(w);
	if (w->status != status || strcmp(w->body, expect) != 0)
		fail_msg("%s became %d %s", answer, w->status, w->body);
	if (status == 200)
		has_header(w, "Content-Type", "application/json");
	web_close(w);
}

static void test_own_database(void **state)
{
	struct stage *t = *state;

	call(t, t->db, "GET", t->host, "/api/data/tables", "", NULL, "{\"op\":\"tables\"}\n",
	    "{\"ok\":true,\"data\":[{\"name\":\"t\"}]}\n", 200, "[{\"name\":\"t\"}]");
	call(t, t->db, "POST", t->host, "/api/data/insert", t->own_origin,
	    "{\"table\":\"t\",\"data\":{\"a\":1}}",
	    "{\"table\":\"t\",\"data\":{\"a\":1},\"op\":\"insert\"}\n",
	    "{\"ok\":true,\"data\":{\"status\":\"inserted\",\"id\":7}}\n", 200,
	    "{\"status\":\"inserted\",\"id\":7}");
	call(t, t->db, "POST", t->host, "/api/data/update", t->own_origin,
	    "{\"table\":\"t\",\"id\":1}", "{\"table\":\"t\",\"id\":1,\"op\":\"update\"}\n",
	    "{\"ok\":false,\"error\":\"row not found or not owned by caller\"}\n", 400,
	    "row not found or not owned by caller\n");
	call(t, t->db, "POST", t->my_host, "/api/p/" ME "/data/query", t->my_origin,
	    "{\"table\":\"t\"}", "{\"table\":\"t\",\"op\":\"query\"}\n", "{\"ok\":true}\n", 200,
	    "null");
}

static void test_remote_database(void **state)
{
	struct stage *t = *state;

	call(t, t->transport, "POST", t->your_host, "/api/p/" YOU "/data/query", t->your_origin,
	    "{\"table\":\"t\"}", "{\"table\":\"t\",\"op\":\"query\"}\n",
	    "{\"ok\":true,\"data\":[]}\n", 200, "[]");
	call(t, t->transport, "GET", t->host, "/api/p/" YOU "/data/tables", "", NULL,
	    "{\"op\":\"tables\"}\n", "ENC:AAAA\n", 502,
	    "The peer broke the connection off: what it sent is not an answer\n");
	call(t, t->transport, "GET", t->host, "/api/p/" YOU "/data/tables", "", NULL,
	    "{\"op\":\"tables\"}\n", "{\"ok\":true,\"data\":[", 502,
	    "The peer broke the connection off: what it sent is not an answer\n");
	call(t, t->transport, "GET", t->host, "/api/p/" YOU "/data/tables", "", NULL,
	    "{\"op\":\"tables\"}\n", "", 502,
	    "The peer broke the connection off: what it sent is not an answer\n");
	/* What is no request between peers does not leave. */
	answers(t, "POST", t->host, "/api/p/" YOU "/data/tables/set-policy", t->own_origin, "{}",
	    404, NULL);
}

static void test_unreachable_database(void **state)
{
	struct stage *t = *state;
	struct web *w =
	    web_begin(t->p, t->port, "GET", t->your_host, "/api/p/" YOU "/data/tables", "", NULL);

	puppet_reset(puppet_next_stream(t->transport), STREAM_UNREACHABLE, REASONS);
	web_finish(w);
	assert_int_equal(w->status, 502);
	assert_non_null(strstr(w->body, "192.0.2.1/tcp/4001: connection refused"));
	web_close(w);
}

static void test_bad_data_calls_go_nowhere(void **state)
{
	struct stage *t = *state;

	answers(t, "POST", t->host, "/api/data/query", t->own_origin, "{", 400,
	    "the body is not JSON\n");
	answers(t, "POST", t->host, "/api/data/query", t->own_origin, "[]", 400, NULL);
	answers(t, "POST", t->host, "/api/data/nonsense", t->own_origin, "{}", 404, NULL);
	answers(t, "GET", t->host, "/api/data/insert", "", NULL, 405, NULL);
	answers(t, "POST", t->host, "/api/data/tables", t->own_origin, "{}", 405, NULL);
	assert_int_equal(streams_count(puppet_streams(t->db)), 0);
}

static void test_large_request_and_answer(void **state)
{
	struct stage *t = *state;
	const size_t n = 1000000, m = 20 * MIB;
	char *body = xmalloc(n + 100), *answer = xmalloc(m + 100), *x;
	struct puppet_stream *s;
	struct web *w;

	x = stpcpy(body, "{\"table\":\"");
	memset(x, 'x', n);
	strcpy(x + n, "\"}");
	x = stpcpy(answer, "{\"ok\":true,\"data\":[\"");
	memset(x, 'y', m);
	strcpy(x + m, "\"]}\n");
	w = web_begin(t->p, t->port, "POST", t->host, "/api/data/query", t->own_origin, body);
	s = puppet_next_stream(t->db);
	puppet_read_end(s);
	assert_int_equal(s->len, n + 26);
	puppet_write(s, answer, strlen(answer), true);
	web_finish(w);
	assert_int_equal(w->status, 200);
	assert_int_equal(w->body_len, m + 4);
	answer[strlen(answer) - 2] = '\0';
	assert_string_equal(w->body, answer + strlen("{\"ok\":true,\"data\":"));
	web_close(w);
	free(body);
	free(answer);
}

static void test_large_answer_that_breaks_off_is_not_complete(void **state)
{
	struct stage *t = *state;
	const size_t m = 1 * MIB;
	char *answer = xmalloc(m + 100), *x;
	struct web *w = web_begin(t->p, t->port, "GET", t->host, "/api/data/tables", "", NULL);
	struct puppet_stream *s = puppet_next_stream(t->db);

	x = stpcpy(answer, "{\"ok\":true,\"data\":[\"");
	memset(x, 'y', m);
	puppet_read_end(s);
	puppet_write(s, answer, m, true);
	PUPPET_UNTIL(t->p, w->ended);
	/* The last chunk, which says that all is there, has not come. */
	assert_null(memmem(w->got, w->len, "\r\n0\r\n\r\n", 7));
	web_close(w);
	free(answer);
}

/* The line's break comes by itself when the browser has all that comes before. */
static void test_large_answer_whose_end_comes_last(void **state)
{
	struct stage *t = *state;
	size_t m = MIB;
	char *answer = xmalloc(m + 100), *x;
	struct web *w = web_begin(t->p, t->port, "GET", t->host, "/api/data/tables", "", NULL);
	struct puppet_stream *s = puppet_next_stream(t->db);

	x = stpcpy(answer, "{\"ok\":true,\"data\":\"");
	memset(x, 'y', m);
	strcpy(x + m, "\"}");
	puppet_read_end(s);
	puppet_write(s, answer, strlen(answer), false);
	web_until(w, "y\"");
	puppet_write(s, "\n", 1, true);
	web_finish(w);
	assert_int_equal(w->status, 200);
	assert_non_null(memmem(w->got, w->len, "\r\n0\r\n\r\n", 7));
	web_close(w);
	free(answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, web_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_visit_streams_the_answer),
	    TEST(test_what_is_under_way_is_finished_before_the_end),
	    TEST(test_answers_of_a_peer),
	    TEST(test_head_asks_but_takes_no_body),
	    TEST(test_more_than_announced_is_cut),
	    TEST(test_less_than_announced_is_no_whole_file),
	    TEST(test_unreachable_peer_is_explained),
	    TEST(test_peer_that_breaks_off_midway),
	    TEST(test_transport_that_restarts),
	    TEST(test_before_it_knows_who_it_is_nobody_is_asked),
	    TEST(test_stalled_browser_stops_the_peer),
	    TEST(test_own_database),
	    TEST(test_remote_database),
	    TEST(test_unreachable_database),
	    TEST(test_bad_data_calls_go_nowhere),
	    TEST(test_large_request_and_answer),
	    TEST(test_large_answer_whose_end_comes_last),
	    TEST(test_large_answer_that_breaks_off_is_not_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
