/* svc-viewer among puppets: HTTP against the real program while puppets play transport, discovery
 * and the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "codec/peer_id.h"
#include "tests/service/puppet.h"
#include "tests/service/web.h"

#define ME  "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
#define YOU "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
#define MIB (1024 * 1024)
#define GIB (1024ull * MIB)

struct stage {
	struct puppet *p; /* first: web_tear_down() */
	struct puppet_end *transport, *discovery, *db;
	uint16_t port;
	char host[64];                                         /* "127.0.0.1:PORT" */
	char my_host[128], your_host[128];                     /* the origins of the two sites */
	char my_origin[160], your_origin[160], own_origin[96]; /* as header lines */
};

static void cid_host(const char *peer, uint16_t port, char out[128])
{
	char cid[PEER_ID_CID];
	struct peer_id id;

	assert_int_equal(peer_id_from_text(&id, peer, strlen(peer)), 0);
	peer_id_to_cid36(&id, cid);
	snprintf(out, 128, "%s.localhost:%u", cid, port);
}

static void say_self(struct stage *t)
{
	struct msg m;

	msg_begin(&m, MSG_SELF, 0);
	msg_put_str(&m, ME);
	msg_put_bytes(&m, "key", 3);
	msg_put_u16(&m, 4001);
	puppet_say(t->transport, &m);
}

static void prepare(struct stage *t)
{
	t->p = puppet_new(SERVICE_VIEWER);
	t->transport = puppet_neighbour(t->p, SERVICE_TRANSPORT);
	t->discovery = puppet_neighbour(t->p, SERVICE_DISCOVERY);
	t->db = puppet_neighbour(t->p, SERVICE_DB);
	puppet_config(t->p, "viewer.http_addr", "127.0.0.1:0");
	puppet_config(t->p, "viewer.theme", "dark");
	puppet_config(t->p, "paths.site_root", "site");
	puppet_config(t->p, "profile.label", "Me <b>& you</b>");
	puppet_config(t->p, "profile.email", "me@example.org");
}

static void begin(struct stage *t)
{
	puppet_start(t->p);
	puppet_wait_up(t->transport);
	puppet_wait_up(t->discovery);
	puppet_wait_up(t->db);
	say_self(t);
	assert_non_null(strstr(puppet_fact(t->p, "viewer_url"), "http://127.0.0.1:"));
	t->port = web_port(t->p, "viewer_url");
	snprintf(t->host, sizeof(t->host), "127.0.0.1:%u", t->port);
	cid_host(ME, t->port, t->my_host);
	cid_host(YOU, t->port, t->your_host);
	snprintf(t->my_origin, sizeof(t->my_origin), "Origin: http://%s\r\n", t->my_host);
	snprintf(t->your_origin, sizeof(t->your_origin), "Origin: http://%s\r\n", t->your_host);
	snprintf(t->own_origin, sizeof(t->own_origin), "Origin: http://%s\r\n", t->host);
	/* The service has its own end of the link, and hears a moment later than is said. */
	web_ask_until(t->p, t->port, t->host, "/api/self", ME);
}

static int set_up(void **state)
{
	struct stage *t = xcalloc(1, sizeof(*t));

	prepare(t);
	puppet_put_file(t->p, "site/index.html", "<h1>home</h1>", 13);
	puppet_put_file(t->p, "site/docs/index.html", "docs", 4);
	puppet_put_file(t->p, "site/lua/x.lua", "SECRET", 6);
	puppet_put_file(t->p, "site/.env", "SECRET", 6);
	puppet_put_file(t->p, "secret.txt", "SECRET", 6);
	assert_int_equal(symlink("../secret.txt", "site/link.txt"), 0);
	begin(t);
	*state = t;
	return 0;
}

static int set_up_without_site(void **state)
{
	struct stage *t = xcalloc(1, sizeof(*t));

	prepare(t);
	puppet_config(t->p, "paths.site_root", "nowhere");
	begin(t);
	*state = t;
	return 0;
}

static struct web *get(struct stage *t, const char *host, const char *path, const char *headers)
{
	return web_ask(t->p, t->port, "GET", host, path, headers, NULL);
}

/* Asks and compares status and body (NULL for any). */
static void answers(struct stage *t, const char *method, const char *host, const char *path,
    const char *headers, const char *body, int status, const char *expect)
{
	struct web *w = web_ask(t->p, t->port, method, host, path, headers, body);

	if (w->status != status)
		fail_msg("%s %s at %s: %d: %s", method, path, host, w->status, w->body);
	if (expect != NULL)
		assert_string_equal(w->body, expect);
	web_close(w);
}

static void has_header(const struct web *w, const char *name, const char *expect)
{
	char value[1024];

	web_header(w, name, value, sizeof(value));
	if (strstr(value, expect) == NULL)
		fail_msg("%s is \"%s\", without \"%s\"", name, value, expect);
}

/* --- what remote peers get -------------------------------------------------------------------- */

static void serves(struct stage *t, enum protocol protocol, const char *request, const char *expect)
{
	struct puppet_stream *s = puppet_open(t->transport, protocol, YOU, 5000);

	if (request[0] != '\0')
		puppet_write(s, request, strlen(request), false);
	puppet_read_end(s);
	if (strcmp((char *)s->data, expect) != 0)
		fail_msg("%s gives %s instead of %s", request, (char *)s->data, expect);
	stream_finish(s->s);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
}

static void test_site_answers_as_the_contract_says(void **state)
{
	static const char *const rows[][2] = {
	    {"GET /\n", "OK text/html; charset=utf-8 13\n<h1>home</h1>"},
	    {"GET \n", "OK text/html; charset=utf-8 13\n<h1>home</h1>"},
	    {"GET /index.html\r\n", "OK text/html; charset=utf-8 13\n<h1>home</h1>"},
	    {"GET /docs\n", "OK text/html; charset=utf-8 4\ndocs"},
	    {"GET /nothing\n", "ERR not found\n"},
	    {"GET /../secret.txt\n", "ERR forbidden\n"},
	    {"GET //etc/passwd\n", "ERR forbidden\n"},
	    {"GET /link.txt\n", "ERR forbidden\n"},
	    {"GET /lua/x.lua\n", "ERR forbidden\n"},
	    {"GET /.env\n", "ERR forbidden\n"},
	    {"POST /\n", "ERR bad request\n"},
	    {"hello\n", "ERR bad request\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		serves(*state, PROTOCOL_GOOP_SITE, rows[i][0], rows[i][1]);
}

static void test_label_and_picture(void **state)
{
	serves(*state, PROTOCOL_GOOP_CONTENT, "", "Me <b>& you</b>\n");
	serves(*state, PROTOCOL_GOOP_AVATAR, "", "NONE\n");
}

static void test_request_line_may_come_in_pieces(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s = puppet_open(t->transport, PROTOCOL_GOOP_SITE, YOU, 5000);

	puppet_write(s, "GE", 2, false);
	puppet_turns(t->p, 20);
	puppet_write(s, "T /docs", 7, false);
	puppet_turns(t->p, 20);
	assert_int_equal(s->len, 0);
	puppet_write(s, "\n", 1, true);
	puppet_read_end(s);
	assert_string_equal((char *)s->data, "OK text/html; charset=utf-8 4\ndocs");
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
}

static void test_endless_or_broken_off_request_line_is_bad(void **state)
{
	struct stage *t = *state;
	char line[5000];
	struct puppet_stream *s = puppet_open(t->transport, PROTOCOL_GOOP_SITE, YOU, 5000);

	memset(line, 'x', sizeof(line));
	puppet_write(s, line, sizeof(line), false);
	puppet_read_end(s);
	assert_string_equal((char *)s->data, "ERR bad request\n");
	stream_finish(s->s);
	s = puppet_open(t->transport, PROTOCOL_GOOP_SITE, YOU, 5000);
	puppet_write(s, "GET /", 5, true);
	puppet_read_end(s);
	assert_string_equal((char *)s->data, "ERR bad request\n");
}

static bool is_over(void *arg)
{
	const struct puppet_stream *s = arg;

	return s->was_reset || s->closed;
}

static void test_request_line_has_a_deadline(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s = puppet_open(t->transport, PROTOCOL_GOOP_SITE, YOU, 5000);

	puppet_write(s, "GET /", 5, false);
	puppet_wait(t->p, is_over, s, 30000, "the end of a stream without a request");
	assert_int_equal(s->code, STREAM_TIMEOUT);
}

static void sparse(const char *path, uint64_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void test_visitor_that_does_not_read_costs_no_memory(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s;
	size_t before;

	sparse("site/large.bin", 5 * GIB);
	before = puppet_memory(t->p);
	s = puppet_open(t->transport, PROTOCOL_GOOP_SITE, YOU, 5000);
	s->hold = true;
	puppet_write(s, "GET /large.bin\n", 15, true);
	PUPPET_UNTIL(t->p, s->len >= STREAM_WINDOW);
	puppet_turns(t->p, 100);
	assert_int_equal(s->len, STREAM_WINDOW);
	assert_memory_equal(s->data, "OK application/octet-stream 5368709120\n", 39);
	assert_true(!PUPPET_MEMORY_COUNTS || puppet_memory(t->p) < before + 8 * MIB);
	puppet_reset(s, STREAM_CANCELLED, "enough");
}

static void test_shrinking_file_breaks_the_stream(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s;

	sparse("site/large.bin", 4 * MIB);
	s = puppet_open(t->transport, PROTOCOL_GOOP_SITE, YOU, 5000);
	s->hold = true;
	puppet_write(s, "GET /large.bin\n", 15, true);
	PUPPET_UNTIL(t->p, s->len >= STREAM_WINDOW);
	assert_int_equal(truncate("site/large.bin", 1 * MIB), 0);
	s->hold = false;
	stream_consumed(s->s, s->len);
	assert_int_equal(puppet_wait_over(s), STREAM_BROKEN);
	assert_false(s->last);
	assert_true(s->len < 1 * MIB + 100);
}

static void test_without_site_folder_it_serves_the_rest(void **state)
{
	struct stage *t = *state;

	assert_non_null(strstr(puppet_log(t->p), "paths.site_root: nowhere"));
	serves(t, PROTOCOL_GOOP_SITE, "GET /\n", "ERR site disabled\n");
	serves(t, PROTOCOL_GOOP_CONTENT, "", "Me <b>& you</b>\n");
	answers(t, "GET", t->host, "/p/" ME "/", "", NULL, 503,
	    "No site\nThis peer serves no site at the moment.\n");
	answers(t, "GET", t->host, "/self", "", NULL, 200, NULL);
}

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

static void say_person(struct stage *t, const char *id, const char *label)
{
	struct msg m;

	msg_begin(&m, MSG_PERSON, 0);
	msg_put_str(&m, id);
	msg_put_str(&m, label);
	msg_put_str(&m, "");
	msg_put_str(&m, "");
	msg_put_i64(&m, 1769903999123);
	msg_put_u8(&m, 1);
	puppet_say(t->discovery, &m);
}

static void say_gone(struct stage *t, const char *id)
{
	struct msg m;

	msg_begin(&m, MSG_PERSON_GONE, 0);
	msg_put_str(&m, id);
	puppet_say(t->discovery, &m);
}

static void test_people_appear_and_go_without_a_reload(void **state)
{
	struct stage *t = *state;
	struct web *w;

	say_person(t, YOU, "Anna");
	w = web_begin(t->p, t->port, "GET", t->host, "/api/peers/events", "", NULL);
	web_until(w, "event: snapshot\ndata: {");
	/* Whether Anna is in the snapshot or comes after it depends on who was faster. */
	web_until(w, "\"Content\":\"Anna\"");
	has_header(w, "Content-Type", "text/event-stream");
	say_person(t, YOU, "Anna Livia");
	web_until(w, "event: update\ndata: {\"type\":\"update\",\"peer_id\":\"" YOU "\"");
	web_until(w, "\"Content\":\"Anna Livia\"");
	answers(t, "GET", t->host, "/api/peers", "", NULL, 200,
	    "[{\"ID\":\"" YOU "\",\"Content\":\"Anna Livia\",\"Email\":\"\",\"AvatarHash\":\"\","
	    "\"LastSeen\":\"2026-01-31T23:59:59.123Z\"}]");
	say_gone(t, YOU);
	web_until(w, "event: remove\ndata: {\"type\":\"remove\",\"peer_id\":\"" YOU "\"");
	answers(t, "GET", t->host, "/api/peers", "", NULL, 200, "[]");
	web_close(w);
}

static void test_people_are_compared_after_discovery_restarts(void **state)
{
	struct stage *t = *state;
	struct msg m;
	struct web *w = web_begin(t->p, t->port, "GET", t->host, "/api/peers/events", "", NULL);

	web_until(w, "event: snapshot");
	say_person(t, YOU, "Anna");
	web_until(w, "Anna");
	puppet_die(t->discovery, "test");
	puppet_revive(t->discovery);
	puppet_wait_up(t->discovery);
	msg_begin(&m, MSG_PEOPLE_ALL, 0);
	puppet_say(t->discovery, &m);
	web_until(w, "event: remove");
	web_close(w);
}

/* --- one's own site in the browser ------------------------------------------------------------ */

static void test_navigation_moves_to_the_sites_origin(void **state)
{
	static const char document[] = "Sec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n";
	struct stage *t = *state;
	char url[256];
	struct web *w = get(t, t->host, "/p/" YOU "/a%20b?x=1&y", document);

	assert_int_equal(w->status, 302);
	snprintf(url, sizeof(url), "http://%s/p/" YOU "/a%%20b?x=1&y", t->your_host);
	has_header(w, "Location", url);
	has_header(w, "Vary", "Sec-Fetch-Dest");
	web_close(w);
	w = get(t, t->my_host, "/p/" ME "/", document);
	assert_int_equal(w->status, 200);
	assert_string_equal(w->body, "<h1>home</h1>");
	has_header(w, "Content-Type", "text/html; charset=utf-8");
	has_header(w, "Content-Security-Policy", "default-src 'self'");
	has_header(w, "Content-Security-Policy", "frame-ancestors 'none'");
	has_header(w, "Referrer-Policy", "no-referrer");
	has_header(w, "Cross-Origin-Opener-Policy", "same-origin");
	has_header(w, "X-Content-Type-Options", "nosniff");
	web_close(w);
	answers(t, "GET", t->my_host, "/peers", document, NULL, 404, NULL);
	answers(t, "GET", t->my_host, "/p/" YOU "/", document, NULL, 404, NULL);
	assert_int_equal(streams_count(puppet_streams(t->transport)), 0);
}

static void test_programs_get_content_in_a_sandbox(void **state)
{
	struct stage *t = *state;
	struct web *w = get(t, t->host, "/p/" ME "/", "");

	assert_int_equal(w->status, 200);
	assert_string_equal(w->body, "<h1>home</h1>");
	has_header(w, "Content-Security-Policy", "sandbox");
	web_close(w);
	answers(t, "GET", t->host, "/p/" ME "/docs", "", NULL, 200, "docs");
	answers(t, "GET", t->host, "/p/" ME "/nothing", "", NULL, 404, NULL);
	answers(t, "GET", t->host, "/p/" ME "/%2e%2e/secret.txt", "", NULL, 403, NULL);
	answers(t, "GET", t->host, "/p/" ME "/link.txt", "", NULL, 403, NULL);
	answers(t, "GET", t->host, "/p/" ME "/lua/x.lua", "", NULL, 403, NULL);
	answers(t, "GET", t->host, "/p/nobody/", "", NULL, 404, NULL);
	w = get(t, t->host, "/p/" ME "?q", "");
	assert_int_equal(w->status, 302);
	has_header(w, "Location", "/p/" ME "/?q");
	web_close(w);
}

/* --- visits ----------------------------------------------------------------------------------- */

static struct puppet_stream *asked_for(struct stage *t, const char *line)
{
	struct puppet_stream *s = puppet_next_stream(t->transport);

	assert_int_equal(s->asked_count, 1);
	assert_int_equal(s->asked[0], PROTOCOL_GOOP_SITE);
	assert_string_equal(s->peer, YOU);
	puppet_accept(s, PROTOCOL_GOOP_SITE, "/ip4/192.0.2.1/tcp/1");
	puppet_read_end(s);
	assert_string_equal((char *)s->data, line);
	return s;
}

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
	assert_int_equal(puppet_wait_over(late), STREAM_REFUSED);
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
	size_t before = puppet_memory(t->p), sent, after;
	struct web *w = visit(t, "/film");
	struct puppet_stream *s = asked_for(t, "GET /film\n");

	web_hold(w, true);
	w->discard = true;
	puppet_write(s, "OK video/mp4 5368709120\n", 24, false);
	sent = flood(t, s);
	/* The window, and what the sockets of the browser's connection hold. */
	assert_true(sent < STREAM_WINDOW_MAX + 32 * MIB);
	assert_true(!PUPPET_MEMORY_COUNTS ||
		    puppet_memory(t->p) < before + 2 * STREAM_WINDOW_MAX + 8 * MIB);
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
	    TEST(test_site_answers_as_the_contract_says),
	    TEST(test_label_and_picture),
	    TEST(test_request_line_may_come_in_pieces),
	    TEST(test_endless_or_broken_off_request_line_is_bad),
	    TEST(test_request_line_has_a_deadline),
	    TEST(test_visitor_that_does_not_read_costs_no_memory),
	    TEST(test_shrinking_file_breaks_the_stream),
	    cmocka_unit_test_setup_teardown(
		test_without_site_folder_it_serves_the_rest, set_up_without_site, web_tear_down),
	    TEST(test_pages),
	    TEST(test_pages_name_whole_commands),
	    TEST(test_client_libraries_at_both_places),
	    TEST(test_self_and_rebinding),
	    TEST(test_foreign_posts_reach_no_database),
	    TEST(test_the_pages_token_stands_for_an_origin),
	    TEST(test_people_appear_and_go_without_a_reload),
	    TEST(test_people_are_compared_after_discovery_restarts),
	    TEST(test_navigation_moves_to_the_sites_origin),
	    TEST(test_programs_get_content_in_a_sandbox),
	    TEST(test_visit_streams_the_answer),
	    TEST(test_what_is_under_way_is_finished_before_the_end),
	    TEST(test_answers_of_a_peer),
	    TEST(test_head_asks_but_takes_no_body),
	    TEST(test_more_than_announced_is_cut),
	    TEST(test_less_than_announced_is_no_whole_file),
	    TEST(test_unreachable_peer_is_explained),
	    TEST(test_peer_that_breaks_off_midway),
	    TEST(test_transport_that_restarts),
	    TEST(test_stalled_browser_stops_the_peer),
	    TEST(test_own_database),
	    TEST(test_remote_database),
	    TEST(test_unreachable_database),
	    TEST(test_bad_data_calls_go_nowhere),
	    TEST(test_large_request_and_answer),
	    TEST(test_large_answer_that_breaks_off_is_not_complete),
	    TEST_UNSTARTED(test_port_in_use_is_said_with_its_key),
	    TEST_UNSTARTED(test_nonsense_address_is_said_with_its_key),
	    TEST(test_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
