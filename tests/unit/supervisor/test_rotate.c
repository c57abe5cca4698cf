#include "tests/unit/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/rotate.h"

static char folder[64];

static int enter(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/goop-rotate-XXXXXX");
	return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	(void)state;
	unlink("log");
	unlink("log.1");
	unlink("log.2");
	rmdir("log");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

static long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

/* Lines of 1 024 bytes, of which 1 024 fill a file. */
static void fill(struct rotate *r, size_t lines, char with)
{
	char line[1023];

	memset(line, with, sizeof(line));
	for (size_t i = 0; i < lines; i++)
		assert_int_equal(rotate_write(r, line, sizeof(line)), 0);
}

static char first_byte(const char *path)
{
	char c = '\0';
	int fd = open(path, O_RDONLY);

	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
	return c;
}

static void turns_over_and_forgets_the_oldest(void **unused)
{
	struct rotate *r = rotate_new("log");

	(void)unused;
	assert_int_equal(size_of("log"), -1);
	for (char c = 'a'; c <= 'e'; c++)
		fill(r, 1023, c);
	assert_int_equal(size_of("log"), 1023 * 1024);
	assert_int_equal(size_of("log.1"), 1023 * 1024);
	assert_int_equal(size_of("log.2"), 1023 * 1024);
	assert_int_equal(size_of("log.3"), -1);
	assert_int_equal(first_byte("log"), 'e');
	assert_int_equal(first_byte("log.1"), 'd');
	assert_int_equal(first_byte("log.2"), 'c');
	rotate_free(r);
}

static void goes_on_where_an_earlier_life_ended(void **unused)
{
	struct rotate *r = rotate_new("log");

	(void)unused;
	assert_int_equal(rotate_write(r, "one", 3), 0);
	rotate_free(r);
	r = rotate_new("log");
	assert_int_equal(rotate_write(r, "two", 3), 0);
	assert_int_equal(size_of("log"), 8);
	rotate_free(r);
}

static void a_line_larger_than_a_file_is_written_once(void **unused)
{
	static char line[ROTATE_SIZE + 10];
	struct rotate *r = rotate_new("log");

	(void)unused;
	memset(line, 'x', sizeof(line));
	assert_int_equal(rotate_write(r, line, sizeof(line)), 0);
	assert_int_equal(size_of("log.1"), -1);
	assert_int_equal(rotate_write(r, "y", 1), 0);
	assert_int_equal(size_of("log"), 2);
	rotate_free(r);
}

static void what_cannot_be_written_is_lost_and_nothing_else(void **unused)
{
	struct rotate *r = rotate_new("log");

	(void)unused;
	assert_int_equal(mkdir("log", 0700), 0);
	assert_int_equal(rotate_write(r, "lost", 4), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(rmdir("log"), 0);
	assert_int_equal(rotate_write(r, "kept", 4), 0);
	assert_int_equal(size_of("log"), 5);
	rotate_free(r);
	rotate_free(NULL);
}

static void a_link_in_its_place_is_not_followed(void **unused)
{
	struct rotate *r = rotate_new("log");

	(void)unused;
	assert_int_equal(symlink("elsewhere", "log"), 0);
	assert_int_equal(rotate_write(r, "x", 1), -1);
	assert_int_equal(access("elsewhere", F_OK), -1);
	rotate_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(turns_over_and_forgets_the_oldest, enter, leave),
	    cmocka_unit_test_setup_teardown(goes_on_where_an_earlier_life_ended, enter, leave),
	    cmocka_unit_test_setup_teardown(
		a_line_larger_than_a_file_is_written_once, enter, leave),
	    cmocka_unit_test_setup_teardown(
		what_cannot_be_written_is_lost_and_nothing_else, enter, leave),
	    cmocka_unit_test_setup_teardown(a_link_in_its_place_is_not_followed, enter, leave),
	};

	return cmocka_run_group_tests_name("rotate", tests, NULL, NULL);
}
