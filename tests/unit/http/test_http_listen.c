#include "http/http_listen.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/testing.h"

static void parses(const char *text, const char *host, uint16_t port, bool any)
{
	struct http_address a;
	char error[HTTP_LISTEN_ERROR] = "";

	if (http_listen_parse("viewer.http_addr", text, &a, error) != 0)
		fail_msg("%s", error);
	assert_string_equal(a.host, host);
	assert_int_equal(a.port, port);
	assert_int_equal(a.any, any);
}

static void test_addresses(void **state)
{
	(void)state;
	parses("127.0.0.1:8080", "127.0.0.1", 8080, false);
	parses("localhost:0", "127.0.0.1", 0, false);
	parses("[::1]:65535", "::1", 65535, false);
	parses("0.0.0.0:80", "0.0.0.0", 80, true);
	parses(":80", "::", 80, true);
	parses("[::]:80", "::", 80, true);
}

static void test_errors_name_the_key_and_the_value(void **state)
{
	static const char *bad[] = {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
	    "127.0.0.1:-1", "127.0.0.1:x", "::1:80", "[::1]", "[::1:80", "example.org:80",
	    "1.2.3:80", "[]x:1", "]:80", "[:80",
	    "0000000000000000000000000000000000000000000000000000000000000000:1"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct http_address a;
		char error[HTTP_LISTEN_ERROR] = "";
		assert_int_equal(http_listen_parse("viewer.http_addr", bad[i], &a, error), -1);
		assert_non_null(strstr(error, "viewer.http_addr: expected"));
		assert_non_null(strstr(error, bad[i]));
	}
}

static void test_port_in_use_is_said_with_key_and_port(void **state)
{
	struct http_address a, b;
	char error[HTTP_LISTEN_ERROR] = "", expect[64];
	int fd;

	(void)state;
	assert_int_equal(http_listen_parse("k", "127.0.0.1:0", &a, error), 0);
	fd = http_listen_open("k", &a, error);
	assert_true(fd >= 0);
	assert_int_not_equal(a.port, 0);
	snprintf(expect, sizeof(expect), "127.0.0.1:%u", a.port);
	assert_int_equal(http_listen_parse("viewer.http_addr", expect, &b, error), 0);
	assert_int_equal(http_listen_open("viewer.http_addr", &b, error), -1);
	snprintf(expect, sizeof(expect), "viewer.http_addr: port %u", a.port);
	assert_non_null(strstr(error, expect));
	assert_non_null(strstr(error, "already used"));
	close(fd);
}

static void test_foreign_address_is_said(void **state)
{
	struct http_address a;
	char error[HTTP_LISTEN_ERROR] = "";

	(void)state;
	assert_int_equal(http_listen_parse("k", "192.0.2.1:0", &a, error), 0);
	assert_int_equal(http_listen_open("k", &a, error), -1);
	assert_string_equal(error, "k: 192.0.2.1 is not an address of this machine");
}

static void test_every_address_takes_ipv4_clients_too(void **state)
{
	struct http_address a;
	char error[HTTP_LISTEN_ERROR] = "";
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd, client = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(http_listen_parse("k", ":0", &a, error), 0);
	fd = http_listen_open("k", &a, error);
	assert_true(fd >= 0);
	sa.sin_port = htons(a.port);
	assert_int_equal(connect(client, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(client);
	close(fd);
}

static void test_a_socket_that_was_handed_over(void **state)
{
	struct http_address a, b;
	char error[HTTP_LISTEN_ERROR] = "";
	int fd, deaf = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(http_listen_parse("k", "127.0.0.1:0", &a, error), 0);
	fd = http_listen_open("k", &a, error);
	fcntl(fd, F_SETFL, 0);
	fcntl(fd, F_SETFD, 0);
	assert_int_equal(http_listen_adopt("k", fd, &b, error), 0);
	assert_string_equal(b.host, "127.0.0.1");
	assert_int_equal(b.port, a.port);
	assert_false(b.any);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(http_listen_adopt("k", deaf, &b, error), -1);
	assert_true(strstr(error, "is no listening TCP socket") != NULL);
	close(deaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_errors_name_the_key_and_the_value),
	    cmocka_unit_test(test_port_in_use_is_said_with_key_and_port),
	    cmocka_unit_test(test_foreign_address_is_said),
	    cmocka_unit_test(test_every_address_takes_ipv4_clients_too),
	    cmocka_unit_test(test_a_socket_that_was_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
