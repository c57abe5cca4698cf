#include "base/alloc.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/testing.h"

static void test_always_valid(void **state)
{
	void *p;

	(void)state;
	free(xmalloc(0));
	free(xcalloc(0, 8));
	free(xmemdup(NULL, 0));
	p = xrealloc(NULL, 0);
	assert_non_null(p);
	p = xreallocarray(p, 10, 10);
	memset(p, 1, 100);
	p = xrealloc(p, 0);
	assert_non_null(p);
	free(p);
}

static void test_copies(void **state)
{
	char *s;

	(void)state;
	s = xstrdup("text");
	assert_string_equal(s, "text");
	free(s);
	s = xstrndup("text", 2);
	assert_string_equal(s, "te");
	free(s);
	s = xstrndup("text", 99);
	assert_string_equal(s, "text");
	free(s);
	s = xasprintf("%d-%s", 4, "x");
	assert_string_equal(s, "4-x");
	free(s);
}

static void must_exit(void *(*fn)(size_t))
{
	pid_t pid = fork();
	int how;

	if (pid == 0) {
		close(STDERR_FILENO);
		_exit(fn(SIZE_MAX / 2 + 1) == NULL ? 98 : 99);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFEXITED(how));
	assert_int_equal(WEXITSTATUS(how), 1);
}

static void *overflow(size_t n)
{
	return xreallocarray(NULL, n, 2);
}

#ifndef __SANITIZE_ADDRESS__
static void *too_large(size_t n)
{
	return xmalloc(n);
}

static void *overflow_calloc(size_t n)
{
	return xcalloc(n, 4);
}
#endif

static void test_out_of_memory_ends_the_process(void **state)
{
	(void)state;
	must_exit(overflow);
#ifndef __SANITIZE_ADDRESS__
	/* The sanitizer has its own opinion of such sizes. */
	must_exit(too_large);
	must_exit(overflow_calloc);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_always_valid),
	    cmocka_unit_test(test_copies),
	    cmocka_unit_test(test_out_of_memory_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
