/* Who has to go when there is no room. */
#include "http/http_conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/http_mhd.h"
#include "tests/unit/http/site.h"

/* --- the table, without a server -------------------------------------------------------------- */

#define BODIES 65536

static struct http_conns conns;

static int conns_set_up(void **state)
{
	(void)state;
	http_conns_init(&conns, 10, BODIES);
	return 0;
}

static int conns_tear_down(void **state)
{
	(void)state;
	assert_int_equal(conns.count, 0);
	assert_int_equal(conns.body_bytes, 0);
	http_conns_clear(&conns);
	return 0;
}

/* Descriptor -1: nothing there to shut down. */
static struct http_conn *from(const char *address, enum http_conn_state state)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	struct http_conn *c;

	assert_true(is_v4 || inet_pton(AF_INET6, address, &v6.sin6_addr) == 1);
	c = http_conn_new(&conns, -1, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6);
	http_conn_await(&conns, c, state, 1000);
	return c;
}

static void expect_next(const struct http_conn *c)
{
	assert_int_not_equal(c->state, HTTP_CONN_NOTHING);
	assert_true(http_conns_make_room(&conns));
	assert_int_equal(c->state, HTTP_CONN_NOTHING);
}

static void free_all(struct http_conn **c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		http_conn_free(&conns, c[i]);
}

static void test_address_with_the_most_loses_what_it_has_had_longest(void **state)
{
	struct http_conn *c[6] = {from("192.0.2.1", HTTP_CONN_IDLE),
	    from("192.0.2.2", HTTP_CONN_HEADER), from("192.0.2.2", HTTP_CONN_ANSWER),
	    from("192.0.2.2", HTTP_CONN_BODY), from("192.0.2.2", HTTP_CONN_HEADER),
	    from("192.0.2.2", HTTP_CONN_IDLE)};

	(void)state;
	expect_next(c[5]); /* idle */
	expect_next(c[1]);
	expect_next(c[4]);
	expect_next(c[3]);
	/* Now both have one: who has kept it longer. */
	expect_next(c[0]);
	expect_next(c[2]);
	assert_false(http_conns_make_room(&conns));
	assert_int_equal(conns.displaced, 6);
	free_all(c, 6);
}

static void test_network_of_64_bits_is_one_address(void **state)
{
	struct http_conn *c[4] = {from("192.0.2.1", HTTP_CONN_HEADER),
	    from("::ffff:192.0.2.1", HTTP_CONN_HEADER), from("2001:db8::1", HTTP_CONN_HEADER),
	    from("2001:db8:0:1::1", HTTP_CONN_HEADER)};
	struct http_conn *more[2] = {
	    from("2001:db8::2:3", HTTP_CONN_HEADER), from("2001:db8::4", HTTP_CONN_HEADER)};

	(void)state;
	expect_next(c[2]);
	expect_next(c[0]);
	expect_next(more[0]);
	expect_next(c[3]);
	free_all(c, 4);
	free_all(more, 2);
}

static void test_who_waits_for_us_stays(void **state)
{
	struct http_conn *c[2] = {
	    from("192.0.2.1", HTTP_CONN_HEADER), from("192.0.2.1", HTTP_CONN_HEADER)};

	(void)state;
	http_conn_await(&conns, c[0], HTTP_CONN_NOTHING, 0);
	expect_next(c[1]);
	assert_false(http_conns_make_room(&conns));
	free_all(c, 2);
}

static void test_bodies_have_one_budget(void **state)
{
	struct http_request request = {.body = {.max = BODIES}};
	struct http_conn *small = from("192.0.2.1", HTTP_CONN_BODY);
	struct http_conn *large[3] = {from("192.0.2.2", HTTP_CONN_BODY),
	    from("192.0.2.2", HTTP_CONN_BODY), from("192.0.2.2", HTTP_CONN_BODY)};

	(void)state;
	buf_put(&request.body, "body", 4);
	large[0]->request = &request;
	assert_true(http_conn_hold(&conns, large[0], 30000));
	assert_true(http_conn_hold(&conns, large[1], 30000));
	assert_true(http_conn_hold(&conns, small, BODIES - 60000));
	/* One byte more, and whoever has most pays. */
	assert_true(http_conn_hold(&conns, small, BODIES - 60000 + 1));
	assert_int_equal(large[0]->state, HTTP_CONN_NOTHING);
	assert_true(request.given_up);
	assert_int_equal(buf_len(&request.body), 0);
	assert_int_equal(conns.body_bytes, 30000 + BODIES - 60000 + 1);
	/* Be it the one that asks for more. */
	http_conn_await(&conns, large[1], HTTP_CONN_BODY, 1000);
	http_conn_await(&conns, large[2], HTTP_CONN_NOTHING, 0);
	assert_false(http_conn_hold(&conns, large[1], BODIES));
	assert_int_equal(small->state, HTTP_CONN_BODY);
	http_conn_free(&conns, small);
	free_all(large, 3);
}

/* --- the server ------------------------------------------------------------------------------- */

static void connect_from(struct client *c, const char *address, uint16_t port)
{
	struct sockaddr_in own = {.sin_family = AF_INET},
			   sa = {.sin_family = AF_INET, .sin_port = htons(port)};

	*c = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
	inet_pton(AF_INET, address, &own.sin_addr);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(c->fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	c->got = calloc(1, 1);
}

static void many_from(struct site *s, struct client *c, size_t n, const char *address)
{
	for (size_t i = 0; i < n; i++) {
		connect_from(&c[i], address, s->port);
		client_send(&c[i], "GET /hello HTTP/1.1\r\nX-Slow: ");
		loop_turn(s->loop, 0);
	}
}

static void test_trickled_headers_shut_nobody_out(void **state)
{
	struct site *s = *state;
	struct client honest, newcomer, c[2 * CONNECTIONS];

	connect_from(&honest, "127.0.0.3", s->port);
	client_send(&honest, "GET /hello HTTP/1.1\r\nHost: ");
	many_from(s, c, 2 * CONNECTIONS, "127.0.0.2");
	connect_from(&newcomer, "127.0.0.4", s->port);
	client_send(&newcomer, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	client_until(s->loop, &newcomer, "\r\n\r\nhello\n");
	client_send(&honest, "x\r\n\r\n");
	client_until(s->loop, &honest, "\r\n\r\nhello\n");
	/* The oldest of the attacker's is gone, the youngest is not. */
	client_until_end(s->loop, &c[0]);
	client_send(&c[2 * CONNECTIONS - 1], "x\r\nHost: x\r\n\r\n");
	client_until(s->loop, &c[2 * CONNECTIONS - 1], "\r\n\r\nhello\n");
	assert_true(http_server_displaced(s->server) >= CONNECTIONS);
	assert_int_equal(http_server_cut(s->server), 0);
	for (int i = 0; i < 2 * CONNECTIONS; i++)
		client_close(&c[i]);
	client_close(&honest);
	client_close(&newcomer);
}

static void test_bodies_on_their_way_are_bounded(void **state)
{
	static const char begin[] =
	    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
	struct site *s = *state;
	struct client honest, c[BUDGET / 1000 + 2];
	char body[1000];
	const size_t n = sizeof(c) / sizeof(c[0]);

	memset(body, 'b', 999);
	body[999] = '\0';
	connect_from(&honest, "127.0.0.3", s->port);
	client_send(&honest, begin);
	client_send(&honest, body);
	for (size_t i = 0; i < n; i++) {
		connect_from(&c[i], "127.0.0.2", s->port);
		client_send(&c[i], begin);
		client_send(&c[i], body);
		for (int turn = 0; turn < 5; turn++)
			loop_turn(s->loop, 0);
	}
	client_until_end(s->loop, &c[0]);
	client_send(&honest, "e");
	client_until(s->loop, &honest, "\r\n\r\nbbb");
	client_send(&c[n - 1], "e");
	client_until(s->loop, &c[n - 1], "\r\n\r\nbbb");
	for (size_t i = 0; i < n; i++)
		client_close(&c[i]);
	client_close(&honest);
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_ALONE(name) cmocka_unit_test_setup_teardown(name, conns_set_up, conns_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST_ALONE(test_address_with_the_most_loses_what_it_has_had_longest),
	    TEST_ALONE(test_network_of_64_bits_is_one_address),
	    TEST_ALONE(test_who_waits_for_us_stays),
	    TEST_ALONE(test_bodies_have_one_budget),
	    TEST(test_trickled_headers_shut_nobody_out),
	    TEST(test_bodies_on_their_way_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
