#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/testing.h"

static int saved, out; /* the real standard error, and where we read what was logged */

static int begin(void **state)
{
	int fds[2];

	(void)state;
	saved = dup(STDERR_FILENO);
	if (pipe(fds) != 0)
		return -1;
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	out = fds[0];
	fcntl(out, F_SETFL, O_NONBLOCK);
	log_init("svc-test", LOG_LEVEL_DEBUG);
	return 0;
}

static int end(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(out);
	return 0;
}

static const char *logged(void)
{
	static char text[256 * 1024];
	ssize_t n, at = 0;

	while ((n = read(out, text + at, sizeof(text) - 1 - (size_t)at)) > 0)
		at += n;
	text[at] = '\0';
	return text;
}

/* The stamp is as long as "2026-01-31T23:59:59.123Z ". */
#define STAMP 25

static void test_a_line(void **state)
{
	const char *line;

	(void)state;
	log_info("conn", "%s connected from %d", "12D3", 7);
	line = logged();
	assert_string_equal(line + STAMP, "info  svc-test conn: 12D3 connected from 7\n");
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
	log_error("a", "b");
	log_warn("a", "b");
	log_debug("a", "b");
	line = logged();
	assert_non_null(strstr(line, "error svc-test a: b\n"));
	assert_non_null(strstr(line, "warn  svc-test a: b\n"));
	assert_non_null(strstr(line, "debug svc-test a: b\n"));
}

static void test_levels(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_WARN);
	assert_true(log_enabled(LOG_LEVEL_ERROR));
	assert_false(log_enabled(LOG_LEVEL_INFO));
	log_info("a", "hidden");
	log_debug("a", "hidden");
	assert_string_equal(logged(), "");
	log_warn("a", "shown");
	assert_non_null(strstr(logged(), "shown"));
}

static void test_nobody_forges_lines(void **state)
{
	const char *line;

	(void)state;
	log_info("a\nb", "x\n2026 error y\r\x1b[2J\x7f\xc2\x9b\xc3\xbc\"\\");
	line = logged();
	assert_string_equal(line + STAMP, "info  svc-test a\\x0ab: x\\x0a2026 error "
					  "y\\x0d\\x1b[2J\\x7f\\xc2\\x9b\xc3\xbc\"\\\n");
}

static void test_long_lines_are_cut(void **state)
{
	static char text[2 * LOG_LINE];
	const char *line;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	log_info("a", "%s", text);
	line = logged();
	assert_int_equal(strlen(line), LOG_LINE);
	assert_int_equal(line[LOG_LINE - 1], '\n');
	memset(text, '\n', sizeof(text) - 1);
	log_info("a", "%s", text);
	line = logged();
	assert_in_range(strlen(line), LOG_LINE - 4, LOG_LINE);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void test_a_full_pipe_costs_lines_not_time(void **state)
{
	const char *line;

	(void)state;
	for (int i = 0; i < 10000; i++)
		log_info("a", "some line that fills the pipe, number %d", i);
	line = logged();
	assert_non_null(strstr(line, "number 0\n"));
	assert_null(strstr(line, "number 9999\n"));
	log_info("a", "after");
	line = logged();
	assert_non_null(strstr(line, "lines were lost here\n"));
	assert_non_null(strstr(line, "svc-test a: after\n"));
	log_info("a", "again");
	assert_null(strstr(logged(), "lost"));
}

static void test_errno_stays(void **state)
{
	(void)state;
	errno = ENOENT;
	log_info("a", "%m");
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(logged(), "No such file"));
	/* Even when the writing fails. */
	dup2(open("/dev/full", O_WRONLY), STDERR_FILENO);
	errno = ENOENT;
	log_info("a", "b");
	assert_int_equal(errno, ENOENT);
}

static void test_limit(void **state)
{
	struct log_limit limit = {0};
	unsigned passed = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		passed += log_allowed(&limit, 5, "strangers");
	assert_int_equal(passed, 5);
	assert_string_equal(logged(), "");
	/* The minute is over. */
	limit.window -= 60000;
	assert_true(log_allowed(&limit, 5, "strangers"));
	assert_non_null(strstr(logged(), "strangers: 95 lines of this kind were left out\n"));
}

static void dies(void (*fn)(void), int status, int signo, const char *text)
{
	pid_t pid = fork();
	int how;

	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_int_equal(WIFSIGNALED(how) ? WTERMSIG(how) : 0, signo);
	assert_int_equal(WIFEXITED(how) ? WEXITSTATUS(how) : 0, status);
	assert_non_null(strstr(logged(), text));
}

static void be_fatal(void)
{
	fatal("disk", "no room for %s", "more");
}

static void be_in_panic(void)
{
	panic("map", "broken %d", 1);
}

static void test_fatal_and_panic(void **state)
{
	(void)state;
	dies(be_fatal, 1, 0, "error svc-test disk: no room for more\n");
	dies(be_in_panic, 0, SIGABRT, "error svc-test map: broken 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_a_line, begin, end),
	    cmocka_unit_test_setup_teardown(test_levels, begin, end),
	    cmocka_unit_test_setup_teardown(test_nobody_forges_lines, begin, end),
	    cmocka_unit_test_setup_teardown(test_long_lines_are_cut, begin, end),
	    cmocka_unit_test_setup_teardown(test_a_full_pipe_costs_lines_not_time, begin, end),
	    cmocka_unit_test_setup_teardown(test_errno_stays, begin, end),
	    cmocka_unit_test_setup_teardown(test_limit, begin, end),
	    cmocka_unit_test_setup_teardown(test_fatal_and_panic, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
