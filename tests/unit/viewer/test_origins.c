#include "svc-viewer/origins.h"

#include "tests/unit/testing.h"

/* Two Ed25519 peer ids, of other implementations' test suites, and their CIDv1 in base36. */
#define A    "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
#define B    "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
#define OWN  "127.0.0.1:8080"
#define SITE "@.localhost:8080" /* stands for the host of A */

static char cid_a[PEER_ID_CID], cid_b[PEER_ID_CID];

/* In hosts, origins and paths, "@" stands for A's CID and "#" for B's. */
static const char *fill(const char *text, char out[256])
{
	char *to = out;

	if (text == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		if (*text == '@')
			to = stpcpy(to, cid_a);
		else if (*text == '#')
			to = stpcpy(to, cid_b);
		else
			*to++ = *text;
	}
	*to = '\0';
	return out;
}

struct row {
	enum origins_verdict expect;
	const char *method, *host, *path;
	const char *dest, *site, *origin, *token;
};

static struct origins viewer, sandboxed, everywhere;

static void judge(const struct origins *o, const struct row *row, const char *what)
{
	char host[256], path[256], origin[256];
	struct peer_id peer;
	struct origins_request r = {
	    .method = row->method,
	    .host = fill(row->host, host),
	    .path = fill(row->path, path),
	    .fetch_dest = row->dest,
	    .fetch_site = row->site,
	    .origin = fill(row->origin, origin),
	    .token = row->token,
	};
	enum origins_verdict got;

	if (row->token != NULL && strcmp(row->token, "right") == 0)
		r.token = o->token;
	got = origins_judge(o, &r, &peer);
	if (got != row->expect)
		fail_msg("%s: %s %s at %s (dest %s, site %s, origin %s, token %s): %d, not %d",
		    what, row->method, row->path, row->host, row->dest, row->site, row->origin,
		    row->token, got, row->expect);
}

static void judge_all(const struct origins *o, const struct row *rows, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
		judge(o, &rows[i], what);
}
#define JUDGE(o, rows) judge_all(o, rows, sizeof(rows) / sizeof(rows[0]), #rows)

static int set_up(void **state)
{
	struct peer_id id;

	(void)state;
	assert_int_equal(peer_id_from_text(&id, A, strlen(A)), 0);
	peer_id_to_cid36(&id, cid_a);
	assert_int_equal(strlen(cid_a), 62);
	assert_int_equal(peer_id_from_text(&id, B, strlen(B)), 0);
	peer_id_to_cid36(&id, cid_b);
	origins_init(&viewer, "127.0.0.1", 8080, false, false);
	origins_init(&sandboxed, "127.0.0.1", 8080, false, true);
	origins_init(&everywhere, "::", 8080, true, false);
	return 0;
}

static void test_hosts(void **state)
{
	static const struct row hosts[] = {
	    {ORIGINS_OWN, "GET", OWN, "/peers", 0, 0, 0, 0},
	    {ORIGINS_OWN, "GET", "localhost:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_OWN, "GET", "LocalHost:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/p/" A "/", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", NULL, "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "127.0.0.1", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "127.0.0.1:80", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "127.0.0.1:8080x", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "127.0.0.1:", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "127.0.0.2:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "[::1]:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "evil.example:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "127.0.0.1.evil.example:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "localhost.evil.example:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "localhost.:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "evil.localhost:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", ".localhost:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", A ".localhost:8080", "/p/" A "/", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "x@.localhost:8080", "/p/" A "/", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "x.@.localhost:8080", "/p/" A "/", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "@.localhost.x:8080", "/p/" A "/", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "@.localhost", "/p/" A "/", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "@.localhost:81", "/p/" A "/", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "POST", "evil.example:8080", "/api/data/insert", 0, "same-origin",
		"http://evil.example:8080", "right"},
	};
	static const struct row anywhere[] = {
	    {ORIGINS_OWN, "GET", "192.168.1.5:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_OWN, "GET", "[fe80::1]:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_OWN, "GET", "localhost:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "evil.example:8080", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "192.168.1.5:80", "/peers", 0, 0, 0, 0},
	    {ORIGINS_WRONG_HOST, "GET", "1.2.3:8080", "/peers", 0, 0, 0, 0},
	};

	(void)state;
	JUDGE(&viewer, hosts);
	JUDGE(&everywhere, anywhere);
}

static void test_visits_at_the_own_host(void **state)
{
	static const struct row visits[] = {
	    {ORIGINS_MOVED, "GET", OWN, "/p/" A "/", "document", "none", 0, 0},
	    {ORIGINS_MOVED, "GET", OWN, "/p/" A "/", "document", "same-origin", 0, 0},
	    {ORIGINS_MOVED, "GET", OWN, "/p/" A "/", "document", "cross-site", 0, 0},
	    {ORIGINS_MOVED, "GET", OWN, "/p/" A, "document", "none", 0, 0},
	    {ORIGINS_MOVED, "GET", OWN, "/p/@/x", "document", "none", 0, 0},
	    {ORIGINS_MOVED, "HEAD", "localhost:8080", "/p/" A "/x", "document", "none", 0, 0},
	    {ORIGINS_MOVED, "GET", OWN, "/p/" A "/", "iframe", "same-origin", 0, 0},
	    {ORIGINS_MOVED, "GET", OWN, "/p/" A "/", "frame", "same-origin", 0, 0},
	    {ORIGINS_MOVED, "GET", OWN, "/p/" A "/", "object", "same-origin", 0, 0},
	    {ORIGINS_MOVED, "GET", OWN, "/p/" A "/", "embed", "same-origin", 0, 0},
	    {ORIGINS_SANDBOXED, "GET", OWN, "/p/" A "/", 0, 0, 0, 0},
	    {ORIGINS_SANDBOXED, "GET", OWN, "/p/" A "/x.js", "script", "same-origin", 0, 0},
	    {ORIGINS_FOREIGN, "GET", OWN, "/p/" A "/x.png", "image", "cross-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", OWN, "/p/" A "/x", "empty", "same-site", 0, 0},
	    {ORIGINS_SANDBOXED, "GET", OWN, "/p/nobody/", "document", "cross-site", 0, 0},
	    {ORIGINS_SANDBOXED, "GET", OWN, "/p/" A "/x", "empty", "same-origin", 0, 0},
	    {ORIGINS_SANDBOXED, "GET", OWN, "/p/nobody/", "document", "none", 0, 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/p/" A "/", "document", "none", "http://" OWN, "right"},
	};
	static const struct row in_sandbox[] = {
	    {ORIGINS_SANDBOXED, "GET", OWN, "/p/" A "/", "document", "none", 0, 0},
	    {ORIGINS_SANDBOXED, "GET", OWN, "/p/" A "/", 0, 0, 0, 0},
	    {ORIGINS_SANDBOXED, "GET", OWN, "/p/" A "/x.css", "style", "cross-site", 0, 0},
	};

	(void)state;
	JUDGE(&viewer, visits);
	JUDGE(&sandboxed, in_sandbox);
}

static void test_no_service_worker_from_a_site_at_the_own_host(void **state)
{
	const struct origins_request r = {.method = "GET",
	    .host = OWN,
	    .path = "/p/" A "/sw.js",
	    .fetch_dest = "serviceworker",
	    .fetch_site = "same-origin",
	    .service_worker = "script"};
	struct peer_id peer;

	(void)state;
	assert_int_equal(origins_judge(&viewer, &r, &peer), ORIGINS_FOREIGN);
	assert_int_equal(origins_judge(&sandboxed, &r, &peer), ORIGINS_FOREIGN);
}

static void test_own_routes(void **state)
{
	static const struct row reads[] = {
	    {ORIGINS_OWN, "GET", OWN, "/", "document", "none", 0, 0},
	    {ORIGINS_OWN, "GET", OWN, "/peers", "document", "cross-site", 0, 0},
	    {ORIGINS_OWN, "GET", OWN, "/assets/ui.css", "style", "same-origin", 0, 0},
	    {ORIGINS_OWN, "GET", OWN, "/api/self", 0, 0, 0, 0},
	    {ORIGINS_OWN, "GET", OWN, "/api/self", "empty", "same-origin", 0, 0},
	    {ORIGINS_OWN, "GET", OWN, "/api/data/tables", "document", "none", 0, 0},
	    {ORIGINS_FOREIGN, "GET", OWN, "/api/self", "empty", "cross-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", OWN, "/api/self", "script", "same-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", OWN, "/api/peers/events", "empty", "cross-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", OWN, "/api/data/tables", "empty", "cross-site", "http://" SITE,
		0},
	};
	static const struct row changes[] = {
	    {ORIGINS_OWN, "POST", OWN, "/api/data/insert", 0, 0, "http://" OWN, 0},
	    {ORIGINS_OWN, "POST", OWN, "/api/data/insert", "empty", "same-origin", "http://" OWN,
		"right"},
	    {ORIGINS_OWN, "POST", "localhost:8080", "/api/data/insert", 0, 0,
		"http://localhost:8080", 0},
	    {ORIGINS_OWN, "POST", OWN, "/api/data/insert", 0, 0, 0, "right"},
	    {ORIGINS_OWN, "POST", OWN, "/api/p/" B "/data/insert", 0, 0, "http://" OWN, 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, 0, 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, 0, "wrong"},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, 0,
		"00000000000000000000000000000000"},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, "http://" OWN, "wrong"},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, "null", 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, "null", "right"},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, "http://evil.example", 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, "https://" OWN, 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, "http://localhost:8080", 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, "http://127.0.0.1:80801", 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, "http://127.0.0.1:808", 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", 0, 0, "http://" SITE, 0},
	    {ORIGINS_FOREIGN, "POST", OWN, "/api/data/insert", "empty", "cross-site", "http://" OWN,
		"right"},
	    {ORIGINS_FOREIGN, "DELETE", OWN, "/peers", 0, 0, "http://evil.example", 0},
	    {ORIGINS_FOREIGN, "OPTIONS", OWN, "/api/data/insert", "empty", "cross-site",
		"http://evil.example", 0},
	};

	(void)state;
	JUDGE(&viewer, reads);
	JUDGE(&viewer, changes);
}

static void test_what_exists_in_the_origin_of_a_site(void **state)
{
	static const struct row exists[] = {
	    {ORIGINS_SITE, "GET", SITE, "/p/" A "/", "document", "none", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/p/" A "/", "document", "cross-site", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/p/" A, "document", "cross-site", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/p/@/x", "document", "none", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/p/" A "/x.js", "script", "same-origin", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/p/" A "/x.js", 0, 0, 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/assets/js/goop-data.js", "script", "same-origin", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/sdk/goop-data.js", "script", "same-origin", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/api/self", "empty", "same-origin", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/api/peers", "empty", "same-origin", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/api/peers/events", "empty", "same-origin", 0, 0},
	    {ORIGINS_SITE, "GET", SITE, "/api/p/" A "/data/tables", "empty", "same-origin", 0, 0},
	    {ORIGINS_SITE, "POST", SITE, "/api/p/" A "/data/insert", "empty", "same-origin",
		"http://" SITE, 0},
	    {ORIGINS_SITE, "POST", SITE, "/api/p/@/data/insert", 0, 0, "http://" SITE, 0},
	};
	static const struct row absent[] = {
	    {ORIGINS_ABSENT, "GET", SITE, "/", "document", "none", 0, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/peers", "document", "none", 0, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/self", "empty", "same-origin", 0, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/database", "empty", "same-origin", 0, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/assets/ui.css", "style", "same-origin", 0, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/api/selfish", "empty", "same-origin", 0, 0},
	    {ORIGINS_ABSENT, "POST", SITE, "/api/self", "empty", "same-origin", "http://" SITE, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/api/data/tables", "empty", "same-origin", 0, 0},
	    {ORIGINS_ABSENT, "POST", SITE, "/api/data/insert", "empty", "same-origin",
		"http://" SITE, 0},
	    {ORIGINS_ABSENT, "POST", SITE, "/api/data/insert", "empty", "same-origin",
		"http://" SITE, "right"},
	    {ORIGINS_ABSENT, "GET", SITE, "/p/" B "/", "document", "none", 0, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/p/" B "/x", "empty", "same-origin", 0, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/p/", "document", "none", 0, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/p/" A "x/", "document", "none", 0, 0},
	    {ORIGINS_ABSENT, "POST", SITE, "/p/" A "/", "document", "same-origin", "http://" SITE,
		0},
	    {ORIGINS_ABSENT, "GET", SITE, "/api/p/" B "/data/tables", "empty", "same-origin", 0, 0},
	    {ORIGINS_ABSENT, "POST", SITE, "/api/p/" B "/data/insert", "empty", "same-origin",
		"http://" SITE, 0},
	    {ORIGINS_ABSENT, "GET", SITE, "/api/p/" A "/other", "empty", "same-origin", 0, 0},
	};

	(void)state;
	JUDGE(&viewer, exists);
	JUDGE(&viewer, absent);
}

static void test_others_may_link_to_a_site_but_not_use_it(void **state)
{
	static const struct row foreign[] = {
	    {ORIGINS_FOREIGN, "GET", SITE, "/p/" A "/x.js", "script", "cross-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", SITE, "/p/" A "/", "empty", "cross-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", SITE, "/p/" A "/", "iframe", "cross-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", SITE, "/p/" A "/", "image", "same-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", SITE, "/api/self", "document", "cross-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", SITE, "/api/peers/events", "empty", "cross-site", 0, 0},
	    {ORIGINS_FOREIGN, "GET", SITE, "/api/p/" A "/data/tables", "empty", "cross-site",
		"http://#.localhost:8080", 0},
	    {ORIGINS_FOREIGN, "POST", SITE, "/api/p/" A "/data/insert", "empty", "cross-site",
		"http://#.localhost:8080", 0},
	    {ORIGINS_FOREIGN, "POST", SITE, "/api/p/" A "/data/insert", 0, 0,
		"http://#.localhost:8080", 0},
	    {ORIGINS_FOREIGN, "POST", SITE, "/api/p/" A "/data/insert", 0, 0, "http://" OWN, 0},
	    {ORIGINS_FOREIGN, "POST", SITE, "/api/p/" A "/data/insert", 0, 0, "null", 0},
	    {ORIGINS_FOREIGN, "POST", SITE, "/api/p/" A "/data/insert", 0, 0, 0, 0},
	};

	(void)state;
	JUDGE(&viewer, foreign);
}

static void test_the_peer_and_its_host(void **state)
{
	const struct origins_request r = {
	    .method = "GET", .host = OWN, .path = "/p/" A "/a/b", .fetch_dest = "document"};
	char host[ORIGINS_HOST], expect[ORIGINS_HOST], text[PEER_ID_TEXT];
	struct peer_id peer;
	const char *rest;

	(void)state;
	assert_int_equal(origins_judge(&viewer, &r, &peer), ORIGINS_MOVED);
	origins_site_host(&viewer, &peer, host);
	snprintf(expect, sizeof(expect), "%s.localhost:8080", cid_a);
	assert_string_equal(host, expect);
	assert_true(origins_path_peer("/p/" A "/a/b", "/p/", &peer, &rest));
	assert_string_equal(rest, "/a/b");
	peer_id_to_text(&peer, text);
	assert_string_equal(text, A);
	assert_true(origins_path_peer("/p/" A, "/p/", &peer, &rest));
	assert_string_equal(rest, "");
	assert_false(origins_path_peer("/p/", "/p/", &peer, &rest));
	assert_false(origins_path_peer("/q/" A, "/p/", &peer, &rest));
	assert_false(origins_path_peer("/p/" A A A A, "/p/", &peer, &rest));
}

static void test_content_security_policies(void **state)
{
	char csp[ORIGINS_CSP];

	(void)state;
	origins_csp(ORIGINS_OWN, OWN, csp);
	assert_non_null(strstr(csp, "default-src 'none'"));
	assert_non_null(strstr(csp, "script-src http://127.0.0.1:8080/assets/;"));
	assert_null(strstr(csp, "unsafe"));
	assert_non_null(strstr(csp, "frame-ancestors 'none'"));
	origins_csp(ORIGINS_SITE, SITE, csp);
	assert_non_null(strstr(csp, "default-src 'self'"));
	assert_null(strstr(csp, "http"));
	assert_null(strstr(csp, "sandbox"));
	assert_non_null(strstr(csp, "frame-ancestors 'none'"));
	origins_csp(ORIGINS_SANDBOXED, OWN, csp);
	assert_memory_equal(csp, "sandbox;", 8);
	origins_csp(ORIGINS_FOREIGN, OWN, csp);
	assert_non_null(strstr(csp, "default-src 'none'"));
}

static void test_tokens_are_fresh(void **state)
{
	(void)state;
	assert_int_equal(strlen(viewer.token), ORIGINS_TOKEN - 1);
	assert_string_not_equal(viewer.token, sandboxed.token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_visits_at_the_own_host),
	    cmocka_unit_test(test_no_service_worker_from_a_site_at_the_own_host),
	    cmocka_unit_test(test_own_routes),
	    cmocka_unit_test(test_what_exists_in_the_origin_of_a_site),
	    cmocka_unit_test(test_others_may_link_to_a_site_but_not_use_it),
	    cmocka_unit_test(test_the_peer_and_its_host),
	    cmocka_unit_test(test_content_security_policies),
	    cmocka_unit_test(test_tokens_are_fresh),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
