/* Lines of nsswitch.conf: which modules are there afterwards. */
#include "tests/unit/testing.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "svc-discovery/name_service.h"

static unsigned load(const char *text)
{
	char path[] = "/tmp/goop-nsswitch-XXXXXX";
	int fd = mkstemp(path);
	unsigned n;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	n = name_service_load(path);
	unlink(path);
	return n;
}

static bool is_loaded(const char *file)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_NOLOAD);

	return library != NULL && dlclose(library) == 0;
}

static void only_the_line_of_hosts_counts(void **state)
{
	(void)state;
	assert_false(is_loaded("libnss_hesiod.so.2"));
	assert_int_equal(load("passwd: files\n# hosts: hesiod\nservices: hesiod\n"), 0);
	assert_false(is_loaded("libnss_hesiod.so.2"));
	assert_int_equal(load("  hosts:\tnowhere [!UNAVAIL=return] hesiod#compat\n"), 1);
	assert_true(is_loaded("libnss_hesiod.so.2"));
	assert_false(is_loaded("libnss_compat.so.2"));
}

static void what_is_odd_does_no_harm(void **state)
{
	(void)state;
	assert_int_equal(name_service_load("/nonexistent"), 0);
	assert_int_equal(load(""), 0);
	assert_int_equal(load("hosts:"), 0);
	assert_int_equal(load("hosts: [hesiod"), 0);
	assert_int_equal(load("hosts: ../../tmp/x /tmp/y %s [ ] ] ;"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_the_line_of_hosts_counts),
	    cmocka_unit_test(what_is_odd_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
