/* svc-viewer among puppets: its own pages, the list of people, how it begins. */
#include "tests/service/viewer_stage.h"

/* --- the viewer's own pages ------------------------------------------------------------------- */

static void test_pages(void **state)
{
	static const char *const pages[] = {"/peers", "/self", "/logs", "/database"};
	struct stage *t = *state;
	struct web *w;

	for (size_t i = 0; i < 4; i++) {
		w = get(t, t->host, pages[i], "");
		assert_int_equal(w->status, 200);
		has_header(w, "Content-Type", "text/html; charset=utf-8");
		has_header(
		    w, "Content-Security-Policy", "default-src 'none'; script-src http://127.");
		has_header(w, "X-Content-Type-Options", "nosniff");
		assert_non_null(strstr(w->body, "Me &lt;b&gt;&amp; you&lt;/b&gt;"));
		assert_null(strstr(w->body, "<b>& you"));
		assert_null(strstr(w->body, "{{"));
		assert_null(strstr(w->body, "<script>"));
		web_close(w);
	}
	w = get(t, t->host, "/", "");
	assert_int_equal(w->status, 302);
	has_header(w, "Location", "/peers");
	web_close(w);
}

/* What a page says to run can be copied as it is. */
static void test_pages_name_whole_commands(void **state)
{
	static const char *const lines[][2] = {
	    {"/self", "goop-supervisor reload %s<"}, {"/logs", "goop-supervisor logs %s -f<"}};
	struct stage *t = *state;

	for (size_t i = 0; i < 2; i++) {
		struct web *w = get(t, t->host, lines[i][0], "");
		char line[256];

		snprintf(line, sizeof(line), lines[i][1], puppet_dir(t->p));
		assert_non_null(strstr(w->body, line));
		web_close(w);
	}
}

static void test_client_libraries_at_both_places(void **state)
{
	static const char *const names[] = {
	    "goop-data.js", "goop-identity.js", "goop-peers.js", "goop-form.js"};
	struct stage *t = *state;
	char path[64];

	for (size_t i = 0; i < 4; i++)
		for (int place = 0; place < 2; place++) {
			struct web *w;
			snprintf(
			    path, sizeof(path), "%s%s", place ? "/sdk/" : "/assets/js/", names[i]);
			w = get(t, place ? t->your_host : t->host, path, "");
			assert_int_equal(w->status, 200);
			has_header(w, "Content-Type", "text/javascript");
			assert_non_null(strstr(w->body, "window.Goop"));
			web_close(w);
		}
	answers(t, "GET", t->host, "/assets/head.html", "", NULL, 404, NULL);
	answers(t, "GET", t->host, "/assets/js/ui.css", "", NULL, 404, NULL);
	answers(t, "GET", t->host, "/assets/ui.css", "", NULL, 200, NULL);
	answers(t, "GET", t->host, "/sdk/ui.css", "", NULL, 404, NULL);
}

static void test_self_and_rebinding(void **state)
{
	struct stage *t = *state;
	char evil[64];

	answers(t, "GET", t->host, "/api/self", "", NULL, 200,
	    "{\"id\":\"" ME "\",\"label\":\"Me <b>& you</b>\",\"email\":\"me@example.org\","
	    "\"avatar_hash\":\"\"}");
	snprintf(evil, sizeof(evil), "evil.example:%u", t->port);
	answers(t, "GET", evil, "/api/self", "", NULL, 403, NULL);
	answers(t, "GET", evil, "/", "", NULL, 403, NULL);
	answers(t, "GET", evil, "/p/" ME "/", "", NULL, 403, NULL);
	answers(t, "GET", "127.0.0.1:1", "/api/self", "", NULL, 403, NULL);
	answers(t, "GET", t->host, "/api/self", "Sec-Fetch-Site: cross-site\r\n", NULL, 403, NULL);
}

static void test_foreign_posts_reach_no_database(void **state)
{
	struct stage *t = *state;
	static const char body[] = "{\"table\":\"t\",\"data\":{\"a\":1}}";
	char evil[64];

	snprintf(evil, sizeof(evil), "evil.example:%u", t->port);
	answers(t, "POST", t->host, "/api/data/insert", "Origin: http://evil.example\r\n", body,
	    403, NULL);
	answers(t, "POST", t->host, "/api/data/insert", "Origin: null\r\n", body, 403, NULL);
	answers(t, "POST", t->host, "/api/data/insert", t->your_origin, body, 403, NULL);
	answers(t, "POST", t->host, "/api/data/insert", "", body, 403, NULL);
	answers(t, "POST", t->host, "/api/data/insert", "X-Goop-Token: guess\r\n", body, 403, NULL);
	answers(t, "POST", evil, "/api/data/insert", "Origin: http://evil.example\r\n", body, 403,
	    NULL);
	answers(t, "POST", t->your_host, "/api/data/insert", t->your_origin, body, 404, NULL);
	answers(
	    t, "POST", t->your_host, "/api/p/" ME "/data/insert", t->your_origin, body, 404, NULL);
	answers(
	    t, "POST", t->your_host, "/api/p/" YOU "/data/insert", t->my_origin, body, 403, NULL);
	assert_int_equal(streams_count(puppet_streams(t->db)), 0);
	assert_int_equal(streams_count(puppet_streams(t->transport)), 0);
}

static void test_the_pages_token_stands_for_an_origin(void **state)
{
	struct stage *t = *state;
	struct web *w = get(t, t->host, "/database", "");
	struct puppet_stream *s;
	char header[128], token[64] = "";
	const char *meta = strstr(w->body, "name=\"goop-token\" content=\"");

	assert_non_null(meta);
	assert_int_equal(sscanf(meta, "name=\"goop-token\" content=\"%63[0-9a-f]\"", token), 1);
	web_close(w);
	snprintf(header, sizeof(header), "X-Goop-Token: %s\r\n", token);
	w = web_begin(
	    t->p, t->port, "POST", t->host, "/api/data/query", header, "{\"table\":\"t\"}");
	s = puppet_next_stream(t->db);
	puppet_read_end(s);
	puppet_write(s, "{\"ok\":true,\"data\":[]}\n", 22, true);
	web_finish(w);
	assert_int_equal(w->status, 200);
	web_close(w);
}

/* --- people ----------------------------------------------------------------------------------- */

static void test_people_appear_and_go_without_a_reload(void **state)
{
	struct stage *t = *state;
	struct web *w;

	word_person(t->discovery, YOU, "Anna", "");
	w = web_begin(t->p, t->port, "GET", t->host, "/api/peers/events", "", NULL);
	web_until(w, "event: snapshot\ndata: {");
	/* Whether Anna is in the snapshot or comes after it depends on who was faster. */
	web_until(w, "\"Content\":\"Anna\"");
	has_header(w, "Content-Type", "text/event-stream");
	word_person(t->discovery, YOU, "Anna Livia", "");
	web_until(w, "event: update\ndata: {\"type\":\"update\",\"peer_id\":\"" YOU "\"");
	web_until(w, "\"Content\":\"Anna Livia\"");
	answers(t, "GET", t->host, "/api/peers", "", NULL, 200,
	    "[{\"ID\":\"" YOU "\",\"Content\":\"Anna Livia\",\"Email\":\"\",\"AvatarHash\":\"\","
	    "\"LastSeen\":\"2026-01-31T23:59:59.123Z\"}]");
	word_gone(t->discovery, YOU);
	web_until(w, "event: remove\ndata: {\"type\":\"remove\",\"peer_id\":\"" YOU "\"");
	answers(t, "GET", t->host, "/api/peers", "", NULL, 200, "[]");
	web_close(w);
}

static void test_people_are_compared_after_discovery_restarts(void **state)
{
	struct stage *t = *state;
	struct web *w = web_begin(t->p, t->port, "GET", t->host, "/api/peers/events", "", NULL);

	web_until(w, "event: snapshot");
	word_person(t->discovery, YOU, "Anna", "");
	web_until(w, "Anna");
	puppet_die(t->discovery, "test");
	puppet_revive(t->discovery);
	puppet_wait_up(t->discovery);
	word_all(t->discovery);
	web_until(w, "event: remove");
	web_close(w);
}

/* --- beginning -------------------------------------------------------------------------------- */

static int set_up_unstarted(void **state)
{
	struct stage *t = xcalloc(1, sizeof(*t));

	prepare(t);
	*state = t;
	return 0;
}

static void fails_to_start(struct stage *t, const char *address, const char *expect)
{
	int status;

	puppet_config(t->p, "viewer.http_addr", address);
	puppet_spawn(t->p);
	status = puppet_wait_end(t->p);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 78);
	if (strstr(puppet_log(t->p), expect) == NULL)
		fail_msg("without \"%s\": %s", expect, puppet_log(t->p));
}

static void test_port_in_use_is_said_with_its_key(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char address[64], expect[128];

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(sa.sin_port));
	snprintf(expect, sizeof(expect), "viewer.http_addr: port %u", ntohs(sa.sin_port));
	fails_to_start(*state, address, expect);
	close(fd);
}

static void test_nonsense_address_is_said_with_its_key(void **state)
{
	fails_to_start(*state, "example.org:80", "viewer.http_addr: expected an IP address");
}

static void test_reports(void **state)
{
	struct stage *t = *state;

	serves(t, PROTOCOL_GOOP_SITE, "GET /\n", "OK text/html; charset=utf-8 13\n<h1>home</h1>");
	assert_string_equal(puppet_report(t->p, "peers"), "[]");
	assert_non_null(strstr(puppet_report(t->p, "counts"), "\"files_served\":1"));
}

#define TEST(name)           cmocka_unit_test_setup_teardown(name, set_up, web_tear_down)
#define TEST_UNSTARTED(name) cmocka_unit_test_setup_teardown(name, set_up_unstarted, web_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_pages),
	    TEST(test_pages_name_whole_commands),
	    TEST(test_client_libraries_at_both_places),
	    TEST(test_self_and_rebinding),
	    TEST(test_foreign_posts_reach_no_database),
	    TEST(test_the_pages_token_stands_for_an_origin),
	    TEST(test_people_appear_and_go_without_a_reload),
	    TEST(test_people_are_compared_after_discovery_restarts),
	    TEST_UNSTARTED(test_port_in_use_is_said_with_its_key),
	    TEST_UNSTARTED(test_nonsense_address_is_said_with_its_key),
	    TEST(test_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
