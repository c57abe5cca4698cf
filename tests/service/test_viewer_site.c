/* svc-viewer among puppets: one's own site, for remote peers and in the browser. */
#include "tests/service/viewer_stage.h"

static int set_up_without_site(void **state)
{
	struct stage *t = xcalloc(1, sizeof(*t));

	prepare(t);
	puppet_config(t->p, "paths.site_root", "nowhere");
	begin(t);
	*state = t;
	return 0;
}

/* --- what remote peers get -------------------------------------------------------------------- */

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
	before = puppet_memory(t->p, "VmRSS");
	s = puppet_open(t->transport, PROTOCOL_GOOP_SITE, YOU, 5000);
	s->hold = true;
	puppet_write(s, "GET /large.bin\n", 15, true);
	PUPPET_UNTIL(t->p, s->len >= STREAM_WINDOW);
	puppet_turns(t->p, 100);
	assert_int_equal(s->len, STREAM_WINDOW);
	assert_memory_equal(s->data, "OK application/octet-stream 5368709120\n", 39);
	assert_true(!PUPPET_MEMORY_COUNTS || puppet_memory(t->p, "VmRSS") < before + 8 * MIB);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, web_tear_down)

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
	    TEST(test_navigation_moves_to_the_sites_origin),
	    TEST(test_programs_get_content_in_a_sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
