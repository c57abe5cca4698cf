#include "base/descriptor.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/testing.h"

static rlim_t now(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	return limit.rlim_cur;
}

static void test_limit_goes_up_as_far_as_it_may(void **state)
{
	const struct rlimit small = {100, 300};

	(void)state;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	assert_int_equal(descriptor_raise(200), 200);
	assert_int_equal(now(), 200);
	/* Never down. */
	assert_int_equal(descriptor_raise(50), 200);
	assert_int_equal(now(), 200);
	assert_int_equal(descriptor_raise(1000), 300);
	assert_int_equal(descriptor_raise(DESCRIPTOR_ALL), 300);
	assert_int_equal(now(), 300);
}

static void has_port(int family, const void *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return; /* a machine without IPv6 */
	assert_int_equal(descriptor_port(fd), 0);
	if (bind(fd, address, len) == 0)
		assert_true(descriptor_port(fd) > 0);
	close(fd);
}

static void test_port(void **state)
{
	const struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int pair[2];

	(void)state;
	has_port(AF_INET, &in, sizeof in);
	has_port(AF_INET6, &in6, sizeof in6);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(descriptor_port(pair[0]), 0);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(descriptor_port(-1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_limit_goes_up_as_far_as_it_may),
	    cmocka_unit_test(test_port),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
