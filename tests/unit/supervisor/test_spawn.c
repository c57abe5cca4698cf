#include "tests/unit/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/spawn.h"

static void words(int code, int status, const char *want)
{
	char out[64];

	spawn_words(code, status, out, sizeof(out));
	assert_string_equal(out, want);
}

static void ends_in_words(void **unused)
{
	(void)unused;
	words(CLD_EXITED, 0, "exit 0");
	words(CLD_EXITED, 1, "exit 1");
	words(CLD_EXITED, 78, "exit 78 (configuration)");
	words(CLD_EXITED, 127, "exit 127 (could not be run)");
	words(CLD_KILLED, SIGKILL, "killed by SIGKILL");
	words(CLD_DUMPED, SIGSEGV, "killed by SIGSEGV (core dumped)");
	words(CLD_KILLED, 64, "killed by signal 64");
}

static void what_a_new_start_would_not_mend(void **unused)
{
	(void)unused;
	assert_true(spawn_is_hopeless(CLD_EXITED, 78));
	assert_true(spawn_is_hopeless(CLD_EXITED, 127));
	assert_false(spawn_is_hopeless(CLD_EXITED, 1));
	assert_false(spawn_is_hopeless(CLD_KILLED, 78));
}

/* All that it writes, until its end. */
static void read_words(const struct spawned *s, char *out, size_t size)
{
	struct pollfd p = {.fd = s->words, .events = POLLIN};
	size_t got = 0;
	ssize_t n;

	for (;;) {
		assert_int_equal(poll(&p, 1, 10000), 1);
		n = read(s->words, out + got, size - 1 - got);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	out[got] = '\0';
}

static void reap(const struct spawned *s, int *code, int *status)
{
	struct pollfd p = {.fd = s->pidfd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(spawn_reap(s, code, status), 1);
	close(s->pidfd);
	close(s->parent);
	close(s->words);
}

static const struct spawn_extras plain = {.listening = -1};

static void a_life_and_its_end(void **unused)
{
	struct spawned s;
	int code, status;
	char out[64];

	(void)unused;
	assert_int_equal(spawn("/bin/true", &plain, &s), 0);
	read_words(&s, out, sizeof(out));
	assert_string_equal(out, "");
	reap(&s, &code, &status);
	assert_int_equal(code, CLD_EXITED);
	assert_int_equal(status, 0);
}

static void one_that_is_killed(void **unused)
{
	struct spawned s;
	int code, status;

	(void)unused;
	/* It stops when the pipe to us is full. */
	assert_int_equal(spawn("/usr/bin/yes", &plain, &s), 0);
	assert_int_equal(spawn_reap(&s, &code, &status), 0);
	spawn_kill(&s);
	reap(&s, &code, &status);
	assert_int_equal(code, CLD_KILLED);
	assert_int_equal(status, SIGKILL);
}

static void one_that_cannot_be_run(void **unused)
{
	struct spawned s;
	int code, status;
	char out[128];

	(void)unused;
	assert_int_equal(spawn("/nonexistent/program", &plain, &s), 0);
	read_words(&s, out, sizeof(out));
	assert_string_equal(out, "/nonexistent/program cannot be run: No such file or directory\n");
	reap(&s, &code, &status);
	assert_int_equal(status, SPAWN_NOT_RUN);
}

/* A script that says what it finds. */
static void what_it_finds(const char *script, const struct spawn_extras *extras, const char *want)
{
	char path[] = "/tmp/goop-spawn-XXXXXX", out[128];
	int fd = mkstemp(path), code, status;
	struct spawned s;

	assert_int_equal(dprintf(fd, "#!/bin/sh\n%s\n", script), 11 + (int)strlen(script));
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	assert_int_equal(spawn(path, extras, &s), 0);
	read_words(&s, out, sizeof(out));
	assert_string_equal(out, want);
	reap(&s, &code, &status);
	unlink(path);
}

static void a_listening_socket_for_one_that_listens(void **unused)
{
	static const char script[] = "test -e /proc/self/fd/4 && echo four; test -e "
				     "/proc/self/fd/5 && echo five; readlink /proc/self/fd/4";
	struct spawn_extras extras = {.listening = open("/dev/full", O_RDWR | O_CLOEXEC)};

	(void)unused;
	what_it_finds(script, &plain, "");
	what_it_finds(script, &extras, "four\n/dev/full\n");
	close(extras.listening);
}

static void proxies_for_one_that_dials_out(void **unused)
{
	static const char script[] = "echo $http_proxy-$no_proxy-$SSL_CERT_FILE";
	struct spawn_extras extras = {.listening = -1, .proxies = true};

	(void)unused;
	setenv("http_proxy", "proxy", 1);
	setenv("no_proxy", "home", 1);
	setenv("SSL_CERT_FILE", "/tmp/ca", 1);
	what_it_finds(script, &plain, "--\n");
	what_it_finds(script, &extras, "proxy-home-\n");
}

static void who_has_ended_it(void **unused)
{
	(void)unused;
	assert_true(spawn_is_from_outside(CLD_KILLED, SIGKILL));
	assert_true(spawn_is_from_outside(CLD_KILLED, SIGTERM));
	assert_false(spawn_is_from_outside(CLD_KILLED, SIGSEGV));
	assert_false(spawn_is_from_outside(CLD_DUMPED, SIGABRT));
	assert_false(spawn_is_from_outside(CLD_EXITED, SIGKILL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_has_ended_it),
	    cmocka_unit_test(ends_in_words),
	    cmocka_unit_test(what_a_new_start_would_not_mend),
	    cmocka_unit_test(a_life_and_its_end),
	    cmocka_unit_test(one_that_is_killed),
	    cmocka_unit_test(one_that_cannot_be_run),
	    cmocka_unit_test(a_listening_socket_for_one_that_listens),
	    cmocka_unit_test(proxies_for_one_that_dials_out),
	};

	return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
