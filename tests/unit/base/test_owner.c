/* Root in a folder of another user; where nobody is root, there is only open(2) to be seen. */
#include "tests/unit/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/owner.h"

#define USER  61234
#define GROUP 61235

static char folder[64];

static int enter(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/goop-owner-XXXXXX");
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	return geteuid() == 0 ? chown(".", USER, GROUP) : 0;
}

static int leave(void **state)
{
	char line[96];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	return chdir("/") == 0 ? system(line) : -1;
}

static struct stat look(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void belongs(const char *path, uid_t user, gid_t group, mode_t mode)
{
	struct stat st = look(path);

	assert_int_equal(st.st_mode & 07777, mode);
	if (geteuid() != 0)
		return;
	assert_int_equal(st.st_uid, user);
	assert_int_equal(st.st_gid, group);
}

/* Opens, and closes again. */
static int opens(const char *path, int flags)
{
	int fd = owner_open(path, flags, 0600);

	return fd < 0 ? -1 : close(fd);
}

static void what_is_made_belongs_to_the_folders_owner(void **unused)
{
	char path[96];
	FILE *f;

	(void)unused;
	assert_int_equal(owner_mkdir("log", 0700), 0);
	belongs("log", USER, GROUP, 0700);
	assert_int_equal(opens("log/a", O_WRONLY | O_APPEND), 0);
	belongs("log/a", USER, GROUP, 0600);
	assert_int_equal(opens("log/b", O_RDWR | O_EXCL), 0);
	belongs("log/b", USER, GROUP, 0600);
	snprintf(path, sizeof(path), "%s/log//deep///", folder);
	assert_int_equal(owner_mkdir(path, 0755), 0);
	belongs("log/deep", USER, GROUP, 0755);
	f = owner_rewrite("log/c", 0600);
	assert_non_null(f);
	fclose(f);
	belongs("log/c", USER, GROUP, 0600);
}

static void what_was_there_keeps_its_owner(void **unused)
{
	FILE *f;

	(void)unused;
	assert_int_equal(mkdir("log", 0700), 0);
	assert_int_equal(close(open("log/a", O_CREAT | O_WRONLY, 0640)), 0);
	assert_int_equal(owner_mkdir("log", 0700), -1);
	assert_int_equal(errno, EEXIST);
	belongs("log", 0, 0, 0700);
	assert_int_equal(opens("log/a", O_WRONLY), 0);
	belongs("log/a", 0, 0, 0640);
	assert_int_equal(opens("log/a", O_WRONLY | O_EXCL), -1);
	assert_int_equal(errno, EEXIST);
	/* The folder is root's, and so is what is made in it. */
	assert_int_equal(opens("log/b", O_WRONLY), 0);
	belongs("log/b", 0, 0, 0600);
	/* Put in the place of what was there, it is new. */
	assert_int_equal(close(open("c", O_CREAT | O_WRONLY, 0640)), 0);
	f = owner_rewrite("c", 0600);
	assert_non_null(f);
	fclose(f);
	belongs("c", USER, GROUP, 0600);
}

static void links_lead_nowhere(void **unused)
{
	FILE *f;

	(void)unused;
	assert_int_equal(mkdir("other", 0700), 0);
	assert_int_equal(symlink("other/file", "a"), 0);
	assert_int_equal(opens("a", O_WRONLY), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(access("other/file", F_OK), -1);
	f = owner_rewrite("a", 0600);
	assert_non_null(f);
	fclose(f);
	assert_int_equal(access("other/file", F_OK), -1);
	belongs("a", USER, GROUP, 0600);
	/* On the way, they are only what another user may have put there. */
	assert_int_equal(symlink("other", "way"), 0);
	assert_int_equal(opens("way/file", O_WRONLY), geteuid() == 0 ? -1 : 0);
	assert_int_equal(owner_mkdir("way/folder", 0700), geteuid() == 0 ? -1 : 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(errno, ENOTDIR);
	assert_true(owner_is_guest());
	assert_int_equal(chown(".", 0, 0), 0);
	assert_false(owner_is_guest());
	assert_int_equal(opens("way/file", O_WRONLY), 0);
	belongs("other/file", 0, 0, 0600);
}

static void what_cannot_be_made_says_why(void **unused)
{
	(void)unused;
	assert_int_equal(opens("none/a", O_WRONLY), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(owner_mkdir("none/a", 0700), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(owner_mkdir("d", 0700), 0);
	assert_int_equal(opens("d", O_WRONLY), -1);
	assert_int_equal(errno, EISDIR);
	assert_null(owner_rewrite("d", 0600));
	assert_null(owner_rewrite("none/a", 0600));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		what_is_made_belongs_to_the_folders_owner, enter, leave),
	    cmocka_unit_test_setup_teardown(what_was_there_keeps_its_owner, enter, leave),
	    cmocka_unit_test_setup_teardown(links_lead_nowhere, enter, leave),
	    cmocka_unit_test_setup_teardown(what_cannot_be_made_says_why, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
