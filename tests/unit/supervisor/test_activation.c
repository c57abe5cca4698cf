/* Sockets that a service manager hands over, as descriptors from 3 on. Each case is a process of
 * its own, since the numbers of the descriptors are given. */
#include "tests/unit/testing.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/activation.h"

static int tcp_socket(bool listens)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || (listens && listen(fd, 1) != 0))
		_exit(90);
	return fd;
}

static void hand_over(int fd, pid_t pid, const char *count)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	if (dup2(fd, 3) != 3 || setenv("LISTEN_PID", text, 1) != 0 ||
	    setenv("LISTEN_FDS", count, 1) != 0)
		_exit(91);
}

/* Runs `what` in a process; it returns 0 when all is as it should be. */
static void in_a_process(int (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(what());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int takes_one(void)
{
	struct activation a;
	char why[ACTIVATION_WHY];
	struct sockaddr_in at;
	socklen_t size = sizeof(at);
	char port[8];

	hand_over(tcp_socket(true), getpid(), "1");
	if (activation_take(&a, why) != 0 || a.fd < 10 || getenv("LISTEN_FDS") != NULL)
		return 1;
	if (getsockname(a.fd, (struct sockaddr *)&at, &size) != 0)
		return 2;
	snprintf(port, sizeof(port), "%u", ntohs(at.sin_port));
	if (strcmp(a.host, "127.0.0.1") != 0 || strcmp(a.port, port) != 0)
		return 3;
	return fcntl(a.fd, F_GETFD) == FD_CLOEXEC && fcntl(3, F_GETFD) < 0 ? 0 : 4;
}

static int leaves_what_is_another_process_s(void)
{
	struct activation a;
	char why[ACTIVATION_WHY];

	hand_over(tcp_socket(true), getppid(), "1");
	if (activation_take(&a, why) != 0 || a.fd != -1)
		return 1;
	return fcntl(3, F_GETFD) >= 0 && getenv("LISTEN_PID") == NULL ? 0 : 2;
}

static int is_none(void)
{
	struct activation a;
	char why[ACTIVATION_WHY];

	unsetenv("LISTEN_PID");
	return activation_take(&a, why) == 0 && a.fd == -1 ? 0 : 1;
}

static int refuses_two(void)
{
	struct activation a;
	char why[ACTIVATION_WHY];

	hand_over(tcp_socket(true), getpid(), "2");
	return activation_take(&a, why) == -1 && strstr(why, "2 sockets") != NULL ? 0 : 1;
}

static int refuses_one_that_does_not_listen(void)
{
	struct activation a;
	char why[ACTIVATION_WHY];

	hand_over(tcp_socket(false), getpid(), "1");
	return activation_take(&a, why) == -1 && a.fd == -1 ? 0 : 1;
}

static int refuses_a_unix_socket(void)
{
	struct activation a;
	char why[ACTIVATION_WHY];
	struct {
		sa_family_t family;
	} unnamed = {AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	/* Binds a name of the abstract space that the kernel makes up. */
	if (bind(fd, (struct sockaddr *)&unnamed, sizeof(unnamed)) != 0 || listen(fd, 1) != 0)
		return 1;
	hand_over(fd, getpid(), "1");
	return activation_take(&a, why) == -1 && strstr(why, "TCP") != NULL ? 0 : 2;
}

#define CASE(name)                                                                                 \
	static void test_##name(void **unused)                                                     \
	{                                                                                          \
		(void)unused;                                                                      \
		in_a_process(name);                                                                \
	}
CASE(takes_one)
CASE(leaves_what_is_another_process_s)
CASE(is_none)
CASE(refuses_two)
CASE(refuses_one_that_does_not_listen)
CASE(refuses_a_unix_socket)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_takes_one),
	    cmocka_unit_test(test_leaves_what_is_another_process_s),
	    cmocka_unit_test(test_is_none),
	    cmocka_unit_test(test_refuses_two),
	    cmocka_unit_test(test_refuses_one_that_does_not_listen),
	    cmocka_unit_test(test_refuses_a_unix_socket),
	};

	return cmocka_run_group_tests_name("activation", tests, NULL, NULL);
}
