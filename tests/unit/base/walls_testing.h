/* Attempts behind walls: each is made by a child of its own, and the parent sees how it ended and
 * what it said. */
#ifndef TESTS_UNIT_BASE_WALLS_TESTING_H
#define TESTS_UNIT_BASE_WALLS_TESTING_H

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "tests/unit/testing.h"

static char said[512]; /* by the last child */

static inline void tell(bool dies, const char *what)
{
	dprintf(STDERR_FILENO, "%s %s\n", dies ? "dies of" : "refused", what);
}

/* What is tried: 0 when it could be done, else errno. */
typedef int attempt(void);

static inline void behind_walls(const struct sandbox_rules *r, attempt *fn)
{
	struct sandbox status = {0};

	sandbox_on_refusal(tell);
	if (sandbox_close(r, &status) != 0 || sandbox_lock(r, &status) != 0)
		_exit(99);
	_exit(fn());
}

/* The status of waitpid(2). */
static inline int ends(const struct sandbox_rules *r, attempt *fn)
{
	int pipes[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		behind_walls(r, fn);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], said + n, sizeof(said) - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline void can(const struct sandbox_rules *r, attempt *fn)
{
	int status = ends(r, fn);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status %#x: %s", (unsigned)status, said);
}

static inline void gets(const struct sandbox_rules *r, attempt *fn, int error)
{
	int status = ends(r, fn);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != error)
		fail_msg("status %#x: %s", (unsigned)status, said);
}

static inline void dies(const struct sandbox_rules *r, attempt *fn, const char *of)
{
	int status = ends(r, fn);
	char want[128];

	snprintf(want, sizeof(want), "dies of %s", of);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS || strncmp(said, want, strlen(want)))
		fail_msg("status %#x: %s", (unsigned)status, said);
}

static inline int result(long r)
{
	return r < 0 ? errno : 0;
}

#endif
