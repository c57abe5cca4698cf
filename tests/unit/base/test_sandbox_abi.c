/* The walls on kernels of other years: the answers of Landlock are those of an ABI from none to the
 * newest, and what it does not know it refuses. The linker puts __wrap_syscall() in the place of
 * syscall(2). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/landlock.h>

#include "base/sandbox_private.h"
#include "tests/unit/base/walls_testing.h"

#define NEWEST 7

static char mine[] = "/tmp/goop-abi-XXXXXX";
static int kernel; /* the ABI that it has; 0: it was built without Landlock */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

static long error(int number)
{
	errno = number;
	return -1;
}

/* include/uapi/linux/landlock.h of that year. */
static long make_ruleset(const uint64_t *asked, size_t size, unsigned flags)
{
	static const uint64_t files[] = {0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1,
	    (1 << 15) - 1, (1 << 16) - 1, (1 << 16) - 1, (1 << 16) - 1};
	size_t known = kernel >= 6 ? 24 : kernel >= 4 ? 16 : 8;

	if (kernel == 0)
		return error(EOPNOTSUPP);
	if (flags == LANDLOCK_CREATE_RULESET_VERSION)
		return kernel;
	for (size_t i = known; i < size; i += 8)
		if (asked[i / 8] != 0)
			return error(E2BIG);
	if ((asked[0] & ~files[kernel]) != 0)
		return error(EINVAL);
	return __real_syscall(SYS_landlock_create_ruleset, asked, size, flags);
}

long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_landlock_create_ruleset)
		return make_ruleset((const uint64_t *)a[0], (size_t)a[1], (unsigned)a[2]);
	if (number == SYS_landlock_add_rule && kernel < 4 && (int)a[1] != 1)
		return error(EINVAL);
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* --- attempts --------------------------------------------------------------------------------- */

static int open_mine(void)
{
	return result(open(mine, O_RDONLY));
}

static int write_mine(void)
{
	return result(open(mine, O_WRONLY | O_TRUNC));
}

static int truncate_mine(void)
{
	return result(truncate(mine, 0));
}

static int open_passwd(void)
{
	return result(open("/etc/passwd", O_RDONLY));
}

static int tcp_at(uint16_t port, int (*fn)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return result(fn(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof(at)));
}

static int dial_allowed(void)
{
	return tcp_at(1, connect);
}

static int dial_other(void)
{
	return tcp_at(2, connect);
}

static int take_a_port(void)
{
	return tcp_at(0, bind);
}

static int kill_the_parent(void)
{
	return result(kill(getppid(), SIGURG));
}

/* --- tests ------------------------------------------------------------------------------------ */

static const char *const lacking[NEWEST + 1] = {
    "landlock: Operation not supported",
    "landlock(abi 1) for truncating TCP devices signals: Function not implemented",
    "landlock(abi 2) for truncating TCP devices signals: Function not implemented",
    "landlock(abi 3) for TCP devices signals: Function not implemented",
    "landlock(abi 4) for devices signals: Function not implemented",
    "landlock(abi 5) for signals: Function not implemented",
    "",
    "",
};

static struct sandbox_rules rules_of(bool required)
{
	struct sandbox_rules r = {
	    .may = SANDBOX_OPEN | SANDBOX_INET | SANDBOX_BIND, .required = required};

	sandbox_read(&r, mine);
	sandbox_connect(&r, 1);
	return r;
}

/* In a child, since walls do not open again. */
static int what_is_lacking_is_named(void)
{
	struct sandbox_rules r = rules_of(true);
	struct sandbox status = {0};
	char walls[128], want[128];

	if (sandbox_close(&r, &status) != (kernel >= 6 ? 0 : -1))
		return 1;
	if (strcmp(status.lacks, lacking[kernel]) != 0)
		return dprintf(2, "%s", status.lacks) > 0 ? 2 : 3;
	sandbox_walls(&status, walls, sizeof(walls));
	snprintf(want, sizeof(want), kernel == 0 ? "none" : "landlock(abi %d)", kernel);
	return strcmp(walls, want) != 0;
}

static void every_kernel_says_what_it_lacks(void **unused)
{
	int status;
	pid_t pid;

	(void)unused;
	for (kernel = 0; kernel <= NEWEST; kernel++) {
		pid = fork();
		if (pid == 0)
			_exit(what_is_lacking_is_named());
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("ABI %d: status %#x", kernel, (unsigned)status);
	}
}

/* What Landlock does not forbid here, seccomp and its handler do; but who may bind at all then gets
 * a TCP port, too. */
static void what_may_be_done_is_the_same_everywhere(void **unused)
{
	struct sandbox_rules r = rules_of(false);

	(void)unused;
	for (kernel = 0; kernel <= NEWEST; kernel++) {
		can(&r, open_mine);
		gets(&r, open_passwd, EACCES);
		gets(&r, dial_allowed, ECONNREFUSED);
		gets(&r, dial_other, EACCES);
		dies(&r, truncate_mine, "truncate");
		dies(&r, kill_the_parent, "kill");
		if (kernel > 0)
			gets(&r, write_mine, EACCES);
		if (kernel >= 4)
			gets(&r, take_a_port, EACCES);
		else
			can(&r, take_a_port);
	}
	sandbox_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kernel_says_what_it_lacks),
	    cmocka_unit_test(what_may_be_done_is_the_same_everywhere),
	};
	int fd = mkstemp(mine), failed = 0;

	close(fd);
	kernel = NEWEST;
	/* Older than the newest, it cannot play all of them; sanitizers: sandbox_private.h. */
	if (!SANDBOX_SANITIZED && __real_syscall(SYS_landlock_create_ruleset, NULL, 0,
				      LANDLOCK_CREATE_RULESET_VERSION) >= 6)
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(mine);
	return failed;
}
