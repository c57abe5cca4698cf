/* Names, redirects, and where they may lead. */
#include "tests/unit/discovery/client_stage.h"

static void test_redirects(void **state)
{
	struct stage s;
	char extra[256];

	(void)state;
	begin(&s, NULL);
	snprintf(extra, sizeof extra, "Location: %s/other\r\n", meeting_url(s.m));
	s.m->publish_status = 302;
	s.m->extra = extra;
	rendezvous_client_publish(s.c, "{}");
	UNTIL(&s, s.published == 1);
	/* It stays a POST, and does not go round for ever. */
	assert_non_null(strstr(s.m->publish_head, "POST /other"));
	assert_int_equal(s.m->publishes, 4);
	s.m->extra = "Location: file:///etc/hostname\r\n";
	rendezvous_client_publish(s.c, "{}");
	UNTIL(&s, s.published == 2);
	assert_int_equal(s.m->publishes, 5);
	end(&s);
}

/* A server of another network, as it calls itself: its port is the one of the stage. */
static struct rendezvous_client *of_host(struct stage *s, const char *host)
{
	char url[96];

	snprintf(url, sizeof url, "http://%s:%u", host, s->m->port);
	return rendezvous_client_new(s->all, url, true, &events, s);
}

/* The stage's server answers with a redirect to that host, for the time being. */
static void send_to(struct stage *s, char extra[256], const char *to, const char *path)
{
	snprintf(extra, 256, "Location: http://%s:%u%s\r\n", to, s->m->port, path);
	s->m->extra = extra;
	s->m->publish_status = 307;
}

static void refuses(struct stage *s, struct rendezvous_client *c, const char *to)
{
	unsigned publishes = s->m->publishes, before = s->published;
	char extra[256], want[128];

	send_to(s, extra, to, "/publish");
	rendezvous_client_publish(c, "{}");
	UNTIL(s, s->published == before + 1);
	snprintf(want, sizeof want, "a redirect to the private address %s is not followed",
	    strcmp(to, "loopback.test") == 0 ? "127.0.0.1" : to);
	assert_string_equal(s->why, want);
	assert_int_equal(s->status, 0);
	assert_int_equal(s->m->publishes, publishes + 1);
	s->m->extra = "";
	s->m->publish_status = 204;
}

static void test_a_public_server_cannot_send_us_to_what_is_private(void **state)
{
	struct stage s;
	struct rendezvous_client *far, *near;
	char extra[256];
	unsigned before;

	(void)state;
	begin(&s, NULL);
	far = of_host(&s, "public.test");
	refuses(&s, far, "127.0.0.1");
	before = s.m->connections;
	refuses(&s, far, "loopback.test");
	refuses(&s, far, "[::1]");
	/* Nor over a connection that somebody else has there. */
	near = of_host(&s, "loopback.test");
	rendezvous_client_publish(near, "{}");
	UNTIL(&s, s.published == 4);
	assert_int_equal(s.status, 204);
	/* That one is new, and nobody knocked before. */
	assert_int_equal(s.m->connections, before + 1);
	refuses(&s, far, "loopback.test");
	/* One of ours may. */
	send_to(&s, extra, "127.0.0.1", "/other");
	rendezvous_client_publish(near, "{}");
	UNTIL(&s, s.published == 6);
	assert_non_null(strstr(s.m->publish_head, "POST /other "));
	rendezvous_client_free(far);
	rendezvous_client_free(near);
	end(&s);
}

static void test_a_public_server_can_send_us_to_another(void **state)
{
	struct stage s;
	struct rendezvous_client *far;
	char extra[256];

	(void)state;
	begin(&s, NULL);
	far = of_host(&s, "public.test");
	send_to(&s, extra, PUBLIC, "/other");
	rendezvous_client_publish(far, "{}");
	UNTIL(&s, s.published == 1);
	assert_non_null(strstr(s.m->publish_head, "POST /other HTTP/1.1\r\nHost: " PUBLIC));
	assert_string_equal(s.why, "more than 3 redirects are not followed");
	assert_int_equal(s.m->publishes, 4);
	/* Once that is over, the same connections serve. */
	s.m->extra = "";
	s.m->publish_status = 204;
	s.m->connections = 0;
	rendezvous_client_publish(far, "{}");
	UNTIL(&s, s.published == 2);
	assert_int_equal(s.status, 204);
	assert_int_equal(s.m->connections, 0);
	rendezvous_client_free(far);
	end(&s);
}

/* Relative, and with a page for people: it leads on all the same. */
static void test_a_redirect_with_a_long_page(void **state)
{
	struct stage s;
	char page[6000];

	(void)state;
	memset(page, 'x', sizeof page);
	page[sizeof page - 1] = '\0';
	begin(&s, NULL);
	s.m->publish_status = 301;
	s.m->why = page;
	s.m->extra = "Location: there/../else?where=1\r\n";
	rendezvous_client_publish(s.c, "{\"b\":2}");
	UNTIL(&s, strstr(s.m->publish_head, "POST /else?where=1 HTTP/1.1\r\n") != NULL);
	assert_string_equal(s.m->body, "{\"b\":2}");
	UNTIL(&s, s.published == 1);
	end(&s);
}

static void test_names_are_looked_up_when_an_address_is_needed(void **state)
{
	struct stage s;
	struct rendezvous_client *near;

	(void)state;
	begin(&s, NULL);
	near = of_host(&s, "loopback.test");
	looked_up = 0;
	rendezvous_client_subscribe(near, "");
	UNTIL(&s, s.opened == 1);
	assert_int_equal(looked_up, 1);
	/* A second connection takes a second look, and is kept. */
	for (unsigned i = 1; i <= 3; i++) {
		rendezvous_client_publish(near, "{}");
		UNTIL(&s, s.published == i);
		assert_int_equal(s.status, 204);
	}
	assert_int_equal(looked_up, 2);
	/* One that is made anew looks anew. */
	meeting_drop(s.m);
	UNTIL(&s, s.lost == 1);
	rendezvous_client_publish(near, "{}");
	rendezvous_client_subscribe(near, "");
	UNTIL(&s, s.opened == 2 && s.published == 4);
	assert_int_equal(looked_up, 3);
	rendezvous_client_free(near);
	end(&s);
}

static void test_a_proxy_that_cannot_be(void **state)
{
	struct stage s;
	struct rendezvous_client *far;

	(void)state;
	begin(&s, NULL);
	setenv("http_proxy", "http://", 1);
	far = rendezvous_client_new(s.all, "http://far.example", false, &events, &s);
	rendezvous_client_publish(far, "{}");
	rendezvous_client_subscribe(far, "");
	assert_int_equal(s.published, 0);
	UNTIL(&s, s.published == 1 && s.lost == 1);
	assert_string_equal(s.why, "the proxy of the environment cannot be used");
	rendezvous_client_publish(far, "{}");
	unsetenv("http_proxy");
	rendezvous_client_free(far);
	end(&s);
}

static void test_a_name_of_a_proxy(void **state)
{
	struct stage s;
	struct rendezvous_client *far;
	char proxy[64];

	(void)state;
	begin(&s, NULL);
	snprintf(proxy, sizeof proxy, "http://loopback.test:%u", s.m->port);
	setenv("http_proxy", proxy, 1);
	looked_up = 0;
	far = rendezvous_client_new(s.all, "http://far.example", false, &events, &s);
	rendezvous_client_publish(far, "{}");
	UNTIL(&s, s.published == 1);
	assert_non_null(strstr(s.m->publish_head, "POST http://far.example/publish"));
	/* The server's own name is the proxy's business. */
	assert_int_equal(looked_up, 1);
	rendezvous_client_free(far);
	setenv("http_proxy", "http://no-such-proxy.invalid", 1);
	far = rendezvous_client_new(s.all, "http://far.example", false, &events, &s);
	rendezvous_client_publish(far, "{}");
	UNTIL(&s, s.published == 2);
	assert_non_null(strstr(s.why, "could not resolve proxy no-such-proxy.invalid: "));
	unsetenv("http_proxy");
	rendezvous_client_free(far);
	end(&s);
}

/* Whoever waits for a name hears of it no later than of a connection. */
static void test_a_name_that_hangs(void **state)
{
	struct stage s;
	struct rendezvous_client *hung;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	begin(&s, NULL);
	hangs = ends[0];
	hung = of_host(&s, "hang.test");
	rendezvous_client_subscribe(hung, "");
	rendezvous_client_publish(hung, "{}");
	/* Meanwhile others are served. */
	rendezvous_client_publish(s.c, "{}");
	UNTIL(&s, s.published == 1);
	assert_int_equal(s.status, 204);
	UNTIL(&s, s.published == 2 && s.lost == 1);
	assert_string_equal(s.why, "could not resolve host hang.test: no answer in time");
	rendezvous_client_subscribe(hung, "");
	rendezvous_client_hang_up(hung);
	rendezvous_client_free(hung);
	end(&s);
	assert_int_equal(write(ends[1], "", 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_redirects),
	    cmocka_unit_test(test_a_public_server_cannot_send_us_to_what_is_private),
	    cmocka_unit_test(test_a_public_server_can_send_us_to_another),
	    cmocka_unit_test(test_a_redirect_with_a_long_page),
	    cmocka_unit_test(test_names_are_looked_up_when_an_address_is_needed),
	    cmocka_unit_test(test_a_proxy_that_cannot_be),
	    cmocka_unit_test(test_a_name_of_a_proxy),
	    cmocka_unit_test(test_a_name_that_hangs),
	};

	return cmocka_run_group_tests_name("rendezvous_names", tests, own_network, NULL);
}
