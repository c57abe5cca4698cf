#include "svc-viewer/site.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/testing.h"

#define NOBODY 65534

/* A folder with secrets around the site:
 *   <top>/secret.txt  <top>/site-secret/x  <top>/site/... */
struct place {
	char top[64];
	struct site *site;
};

static void put(const char *top, const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void folder(const char *top, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void link_to(const char *top, const char *name, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	char root[128];

	strcpy(p->top, "/tmp/goop-site-XXXXXX");
	assert_non_null(mkdtemp(p->top));
	put(p->top, "secret.txt", "SECRET");
	folder(p->top, "site-secret");
	put(p->top, "site-secret/x", "SECRET");
	folder(p->top, "site");
	put(p->top, "site/index.html", "<h1>home</h1>");
	put(p->top, "site/a b.txt", "blank");
	folder(p->top, "site/docs");
	put(p->top, "site/docs/index.html", "docs");
	put(p->top, "site/docs/lua", "a file of that name elsewhere");
	folder(p->top, "site/empty");
	folder(p->top, "site/lua");
	put(p->top, "site/lua/secret.lua", "SECRET");
	put(p->top, "site/luau.txt", "not lua");
	folder(p->top, "site/.git");
	put(p->top, "site/.git/config", "SECRET");
	put(p->top, "site/.env", "SECRET");
	link_to(p->top, "site/out.txt", "../secret.txt");
	link_to(p->top, "site/abs.txt", "/etc/passwd");
	link_to(p->top, "site/up", "..");
	link_to(p->top, "site/proc", "/proc/self/root");
	link_to(p->top, "site/inside.txt", "index.html");
	link_to(p->top, "site/dangling", "nowhere");
	folder(p->top, "site/indexed");
	link_to(p->top, "site/indexed/index.html", "../../secret.txt");
	snprintf(root, sizeof(root), "%s/site/pipe", p->top);
	assert_int_equal(mkfifo(root, 0644), 0);
	snprintf(root, sizeof(root), "%s/site", p->top);
	p->site = site_new(root);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	char command[128];

	site_free(p->site);
	snprintf(command, sizeof(command), "rm -rf %s", p->top);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static void opens(struct place *p, const char *path, const char *text, const char *mime)
{
	struct site_file f;
	char got[100] = "";

	if (site_open(p->site, path, &f) != SITE_OK)
		fail_msg("%s does not open", path);
	assert_int_equal(f.size, strlen(text));
	assert_int_equal(site_read(&f, 0, got, sizeof(got)), (ssize_t)strlen(text));
	assert_string_equal(got, text);
	assert_string_equal(f.mime, mime);
	site_close(&f);
	assert_int_equal(f.fd, -1);
	site_close(&f);
}

static void refuses(struct place *p, const char *path, enum site_result expect)
{
	struct site_file f;
	enum site_result got = site_open(p->site, path, &f);

	if (got != expect)
		fail_msg(
		    "%s: %s instead of %s", path, site_result_text(got), site_result_text(expect));
	assert_int_equal(f.fd, -1);
}

static void test_files_and_indexes(void **state)
{
	static const char html[] = "text/html; charset=utf-8";
	struct place *p = *state;

	opens(p, "", "<h1>home</h1>", html);
	opens(p, "/", "<h1>home</h1>", html);
	opens(p, "/index.html", "<h1>home</h1>", html);
	opens(p, "index.html", "<h1>home</h1>", html);
	opens(p, "/a b.txt", "blank", "text/plain; charset=utf-8");
	opens(p, "/docs", "docs", html);
	opens(p, "/docs/", "docs", html);
	opens(p, "/docs//index.html", "docs", html);
	opens(p, "/docs/lua", "a file of that name elsewhere", "application/octet-stream");
	opens(p, "/luau.txt", "not lua", "text/plain; charset=utf-8");
}

static void test_what_is_not_there(void **state)
{
	struct place *p = *state;
	char longer[6000];

	refuses(p, "/nothing.html", SITE_NOT_FOUND);
	refuses(p, "/empty", SITE_NOT_FOUND);
	refuses(p, "/index.html/", SITE_NOT_FOUND);
	refuses(p, "/index.html/x", SITE_NOT_FOUND);
	refuses(p, "/pipe", SITE_NOT_FOUND);
	memset(longer, 'x', sizeof(longer));
	longer[300] = '\0';
	refuses(p, longer, SITE_NOT_FOUND);
	longer[300] = 'x';
	longer[sizeof(longer) - 1] = '\0';
	refuses(p, longer, SITE_NOT_FOUND);
}

static void test_outside_is_forbidden(void **state)
{
	static const char *const paths[] = {"..", "/..", "/../secret.txt", "../site/index.html",
	    "/docs/../../secret.txt", "/docs/../index.html", "//etc/passwd", "///etc/passwd",
	    "//index.html", "/out.txt", "/abs.txt", "/up/secret.txt", "/up/site/index.html",
	    "/proc/etc/passwd", "/inside.txt", "/dangling", "/indexed", "/indexed/",
	    "/../site-secret/x", "/./index.html", "/docs/."};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		refuses(*state, paths[i], SITE_FORBIDDEN);
}

static void test_hidden_and_lua_are_forbidden(void **state)
{
	static const char *const paths[] = {"/.env", "/.git/config", "/.git", "/docs/.x", "/lua",
	    "/lua/", "/lua/secret.lua", "lua/secret.lua", "/.nothing", "/nothing/.x",
	    "/lua/nothing"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		refuses(*state, paths[i], SITE_FORBIDDEN);
}

static void test_forbidden_is_said_before_too_long(void **state)
{
	char path[6000];

	memset(path, 'x', sizeof(path));
	strcpy(path + 5000, "/../y");
	refuses(*state, path, SITE_FORBIDDEN);
}

static void test_unreadable_is_forbidden(void **state)
{
	struct place *p = *state;
	uid_t user = geteuid();
	char path[128];

	snprintf(path, sizeof(path), "%s/site/docs", p->top);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(chmod(p->top, 0755), 0);
	/* Nothing is unreadable for root. */
	assert_int_equal(seteuid(user != 0 ? user : NOBODY), 0);
	refuses(p, "/docs/index.html", SITE_FORBIDDEN);
	assert_int_equal(seteuid(user), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static void test_missing_folder_disables_until_it_is_there(void **state)
{
	struct place *p = *state;
	char from[128], to[128];

	snprintf(from, sizeof(from), "%s/site", p->top);
	snprintf(to, sizeof(to), "%s/moved", p->top);
	assert_int_equal(rename(from, to), 0);
	refuses(p, "/index.html", SITE_DISABLED);
	refuses(p, "/../x", SITE_DISABLED);
	assert_int_equal(rename(to, from), 0);
	opens(p, "/", "<h1>home</h1>", "text/html; charset=utf-8");
}

static void test_shrunk_file_reads_short(void **state)
{
	struct place *p = *state;
	struct site_file f;
	char path[128], got[10];

	assert_int_equal(site_open(p->site, "/a b.txt", &f), SITE_OK);
	snprintf(path, sizeof(path), "%s/site/a b.txt", p->top);
	assert_int_equal(truncate(path, 2), 0);
	assert_int_equal(f.size, 5);
	assert_int_equal(site_read(&f, 0, got, sizeof(got)), 2);
	assert_int_equal(site_read(&f, 2, got, sizeof(got)), 0);
	site_close(&f);
}

/* Swaps a name between a public file and a way out, as fast as it can, until it is killed. */
static pid_t swapper(struct place *p, const char *name, const char *good, const char *evil)
{
	char at[128], a[128], b[128];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(at, sizeof(at), "%s/site/%s", p->top, name);
	snprintf(a, sizeof(a), "%s/%s", p->top, good);
	snprintf(b, sizeof(b), "%s/%s", p->top, evil);
	for (;;)
		if (rename(at, b) != 0 || rename(a, at) != 0 || rename(at, a) != 0 ||
		    rename(b, at) != 0)
			_exit(1);
}

static void race(struct place *p, const char *name, const char *path)
{
	pid_t pid = swapper(p, name, "good", "evil");
	unsigned opened = 0, forbidden = 0;

	for (int i = 0; i < 200000 && (opened < 200 || forbidden < 200); i++) {
		struct site_file f;
		char got[100] = "";
		enum site_result result = site_open(p->site, path, &f);
		forbidden += result == SITE_FORBIDDEN;
		if (result != SITE_OK)
			continue;
		opened++;
		assert_true(site_read(&f, 0, got, sizeof(got) - 1) >= 0);
		assert_string_equal(got, "public");
		site_close(&f);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* Both were met, so there was a race. */
	assert_true(opened > 0);
	assert_true(forbidden > 0);
}

static void test_swapped_symlink_never_leads_out(void **state)
{
	struct place *p = *state;

	put(p->top, "good", "public");
	link_to(p->top, "site/swap", "../secret.txt");
	race(p, "swap", "/swap");
}

static void test_swapped_folder_never_leads_out(void **state)
{
	struct place *p = *state;

	folder(p->top, "good");
	put(p->top, "good/x", "public");
	link_to(p->top, "site/swap", "../site-secret");
	race(p, "swap", "/swap/x");
}

static void test_media_types(void **state)
{
	(void)state;
	assert_string_equal(site_mime("a.css"), "text/css; charset=utf-8");
	assert_string_equal(site_mime("a/b.JS"), "text/javascript; charset=utf-8");
	assert_string_equal(site_mime("a.tar.gz"), "application/gzip");
	assert_string_equal(site_mime("a.svg"), "image/svg+xml");
	assert_string_equal(site_mime("html"), "application/octet-stream");
	assert_string_equal(site_mime("a.html/b"), "application/octet-stream");
	assert_string_equal(site_mime("a."), "application/octet-stream");
	assert_string_equal(site_mime(""), "application/octet-stream");
}

static void decode_any(const uint8_t *bytes, size_t n, void *arg)
{
	char path[128], out[SITE_PATH_MAX];

	(void)arg;
	memcpy(path, bytes, n);
	path[n] = '\0';
	if (site_path(path, out) != SITE_OK)
		return;
	assert_true(out[0] != '/' && out[0] != '\0' && out[0] != '.');
	assert_null(strstr(out, "/."));
	assert_null(strstr(out, "//"));
}

static void test_cut_or_flipped_names_stay_inside(void **state)
{
	static const char path[] = "/a/./b/../lua//x.y/ . /...";

	(void)state;
	cut_every_length((const uint8_t *)path, sizeof(path) - 1, decode_any, NULL);
	flip_every_bit((const uint8_t *)path, sizeof(path) - 1, decode_any, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* As under a service manager that denies it. */
static void take_away_openat2(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		abort();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_files_and_indexes),
	    TEST(test_what_is_not_there),
	    TEST(test_outside_is_forbidden),
	    TEST(test_hidden_and_lua_are_forbidden),
	    TEST(test_forbidden_is_said_before_too_long),
	    TEST(test_unreadable_is_forbidden),
	    TEST(test_missing_folder_disables_until_it_is_there),
	    TEST(test_shrunk_file_reads_short),
	    TEST(test_swapped_symlink_never_leads_out),
	    TEST(test_swapped_folder_never_leads_out),
	    cmocka_unit_test(test_media_types),
	    cmocka_unit_test(test_cut_or_flipped_names_stay_inside),
	};
	int failed;

	failed = cmocka_run_group_tests_name("with openat2(2)", tests, NULL, NULL);
	take_away_openat2();
	return failed + cmocka_run_group_tests_name("step by step", tests, NULL, NULL);
}
