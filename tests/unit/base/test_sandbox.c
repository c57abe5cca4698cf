#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "base/sandbox_private.h"
#include "tests/unit/base/walls_testing.h"

static char folder[] = "/tmp/goop-walls-XXXXXX";

/* --- attempts --------------------------------------------------------------------------------- */

static int nothing(void)
{
	return 0;
}

static int open_passwd(void)
{
	return result(open("/etc/passwd", O_RDONLY));
}

/* openat2(2), which has no function in the C library. */
static int open_at(const char *path)
{
	struct open_how how = {.flags = O_RDONLY};

	return result(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
}

static int open_passwd_2(void)
{
	return open_at("/etc/passwd");
}

static int open_mine_2(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/mine", folder);
	return open_at(path);
}

static int open_mine(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/mine", folder);
	return result(open(path, O_RDONLY));
}

static int write_mine(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/mine", folder);
	return result(open(path, O_WRONLY));
}

static int make_new(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/new", folder);
	return result(open(path, O_WRONLY | O_CREAT, 0600));
}

static int run_a_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

static int start_a_process(void)
{
	return fork() < 0 ? errno : 0;
}

static int spawn_a_program(void)
{
	char *argv[] = {(char *)"true", NULL};
	pid_t pid;

	return posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL);
}

static int kill_the_parent(void)
{
	return result(kill(getppid(), SIGURG));
}

static int trace_the_parent(void)
{
	return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int open_inet(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int open_packet(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int open_unix(void)
{
	return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int meet(const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", folder, name);
	return result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static int meet_sibling(void)
{
	return meet("sibling");
}

static int meet_stranger(void)
{
	return meet("stranger");
}

static int dial(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static int dial_1(void)
{
	return dial(1);
}

static int dial_2(void)
{
	return dial(2);
}

static int take_a_port(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return result(bind(fd, (struct sockaddr *)&any, sizeof(any)));
}

static int make_memory_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	               MAP_FAILED
	           ? errno
	           : 0;
}

static int ignore_the_handler(void)
{
	signal(SIGSYS, SIG_IGN);
	return 0;
}

static int block_the_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return open_inet();
}

/* What was blocked is told, and comes when it is so no longer. */
static volatile sig_atomic_t arrived;

static void arrive(int signo)
{
	arrived = signo;
}

static int block_others(void)
{
	sigset_t all, before, now;
	int r = 0;

	signal(SIGUSR1, arrive);
	sigfillset(&all);
	r |= sigprocmask(SIG_BLOCK, &all, &before) != 0 || sigismember(&before, SIGUSR1);
	raise(SIGUSR1);
	r |= sigprocmask(SIG_BLOCK, NULL, &now) != 0 || !sigismember(&now, SIGUSR1);
	r |= sigismember(&now, SIGSYS) || arrived != 0;
	r |= sigprocmask(SIG_SETMASK, &before, NULL) != 0 || arrived != SIGUSR1;
	return r;
}

static int take_much_memory(void)
{
	void *p =
	    mmap(NULL, 512UL << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int take_descriptors(void)
{
	for (int i = 0; i < 100; i++)
		if (dup(0) < 0)
			return errno;
	return 0;
}

static void *run(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static int start_a_thread(void)
{
	pthread_t thread;
	int ran = 0, error = pthread_create(&thread, NULL, run, &ran);

	if (error == 0)
		pthread_join(thread, NULL);
	return error != 0 ? error : !ran;
}

static int end_as_abort_does(void)
{
	signal(SIGABRT, SIG_DFL);
	abort();
}

static int see_the_network(void)
{
	char name[8];

	/* Loopback is there, but down. */
	return dial(1) == ENETUNREACH && read(0, name, 0) == 0 ? 0 : 1;
}

static int name_an_interface(void)
{
	char name[IF_NAMESIZE];

	return if_nametoindex("lo") == 1 && if_indextoname(1, name) != NULL ? 0 : 1;
}

static int is_another(void)
{
	return getuid() == 60799 && getgid() == 60799 && geteuid() == 60799 ? 0 : 1;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void without_rights_nothing_is_possible(void **unused)
{
	const struct sandbox_rules none = {0};

	(void)unused;
	can(&none, nothing);
	can(&none, open_unix);
	dies(&none, open_passwd, "openat \"/etc/passwd\"");
	dies(&none, run_a_program, "execve");
	dies(&none, start_a_process, "clone");
	dies(&none, kill_the_parent, "kill");
	dies(&none, trace_the_parent, "ptrace");
	dies(&none, open_inet, "socket");
	dies(&none, open_packet, "socket");
	dies(&none, make_memory_executable, "mmap");
	/* These block all signals before. */
	dies(&none, start_a_thread, "clone");
	dies(&none, spawn_a_program, "clone");
}

static void files_by_name_only(void **unused)
{
	struct sandbox_rules r = {.may = SANDBOX_OPEN};
	char path[64];

	(void)unused;
	gets(&r, open_mine, EACCES);
	snprintf(path, sizeof(path), "%s/mine", folder);
	sandbox_read(&r, path);
	can(&r, open_mine);
	assert_string_equal(said, "");
	gets(&r, write_mine, EACCES);
	gets(&r, make_new, EACCES);
	gets(&r, open_passwd, EACCES);
	assert_string_equal(said, "refused openat \"/etc/passwd\"\n");
	can(&r, open_mine_2);
	gets(&r, open_passwd_2, EACCES);
	assert_string_equal(said, "refused openat2 \"/etc/passwd\"\n");
	sandbox_clear(&r);
}

static void ports_by_number_only(void **unused)
{
	struct sandbox_rules r = {.may = SANDBOX_INET | SANDBOX_BIND};

	(void)unused;
	if (sandbox_landlock_abi() < 4)
		skip();
	sandbox_connect(&r, 1);
	gets(&r, dial_1, ECONNREFUSED);
	dies(&r, dial_2, "connect \"port 2\"");
	gets(&r, take_a_port, EACCES);
	dies(&r, open_packet, "socket");
	r.may |= SANDBOX_CONNECT_ANY;
	gets(&r, dial_2, ECONNREFUSED);
	r.may &= ~(unsigned)SANDBOX_BIND;
	dies(&r, take_a_port, "bind");
}

static void sockets_by_name_only(void **unused)
{
	struct sandbox_rules r = {0};
	char path[64];

	(void)unused;
	snprintf(path, sizeof(path), "%s/sibling", folder);
	sandbox_meet(&r, path);
	gets(&r, meet_sibling, ENOENT);
	snprintf(path, sizeof(path), "connect \"%s/stranger\"", folder);
	dies(&r, meet_stranger, path);
	sandbox_clear(&r);
}

static void the_handler_stays(void **unused)
{
	const struct sandbox_rules none = {0};
	int status;

	(void)unused;
	status = ends(&none, ignore_the_handler);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	dies(&none, block_the_signal, "socket");
	can(&none, block_others);
	status = ends(&none, end_as_abort_does);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void limits(void **unused)
{
	const struct sandbox_rules r = {.memory = 256UL << 20, .descriptors = 20};

	(void)unused;
	gets(&r, take_much_memory, ENOMEM);
	gets(&r, take_descriptors, EMFILE);
}

static void another_user_and_network(void **unused)
{
	struct sandbox_rules r = {.user = 60799};
	struct sandbox_rules alone = {
	    .may = SANDBOX_INET | SANDBOX_NO_NETWORK | SANDBOX_CONNECT_ANY};

	(void)unused;
	if (geteuid() != 0)
		skip();
	can(&r, is_another);
	can(&alone, see_the_network);
}

static int make_a_ring(void)
{
	char parameters[120] = "";
	long fd;

	sandbox_begin();
	fd = syscall(SYS_io_uring_setup, 4, parameters);
	return fd < 0 && errno == ENOSYS ? 0 : 1;
}

static int make_a_ring_later(void)
{
	char parameters[120] = "";

	return result(syscall(SYS_io_uring_setup, 4, parameters));
}

static void no_ring_does_what_the_filter_does_not_see(void **unused)
{
	const struct sandbox_rules none = {0};
	int status;
	pid_t pid = fork();

	(void)unused;
	if (pid == 0)
		_exit(make_a_ring());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	dies(&none, make_a_ring_later, "io_uring_setup");
}

/* Looked up, or done by the C library of another year. */
static int ask_in_many_ways(void)
{
	struct epoll_event event;
	struct timespec t = {0, 1};
	struct itimerval never = {0};
	char space[64];
	int ring = epoll_create1(EPOLL_CLOEXEC), bad = 0;

	bad |= syscall(SYS_clock_gettime, CLOCK_REALTIME, &t) != 0;
	bad |= syscall(SYS_clock_getres, CLOCK_MONOTONIC, &t) != 0;
	bad |= syscall(SYS_gettimeofday, space, NULL) != 0;
	t = (struct timespec){0, 1};
	bad |= syscall(SYS_epoll_pwait2, ring, &event, 1, &t, NULL, 0) != 0;
	bad |= syscall(SYS_setitimer, ITIMER_REAL, &never, NULL) != 0;
	bad |= ioctl(eventfd(0, 0), _IOC(_IOC_READ, 'T', 0x2A, 44), space) == 0 || errno != ENOTTY;
	bad |= syscall(SYS_restart_syscall) == 0 || errno != EINTR;
	bad |= syscall(SYS_getcpu, space, NULL, NULL) != 0;
	return bad;
}

static void old_and_new_ways_are_open(void **unused)
{
	const struct sandbox_rules none = {0};

	(void)unused;
	can(&none, ask_in_many_ways);
}

/* As link-local addresses need. */
static void interfaces_have_names_and_numbers(void **unused)
{
	const struct sandbox_rules none = {0}, r = {.may = SANDBOX_INET};

	(void)unused;
	can(&r, name_an_interface);
	dies(&none, name_an_interface, "ioctl");
}

static void rules_go_there_and_back(void **unused)
{
	struct sandbox_rules r = {.may = SANDBOX_INET | SANDBOX_SECRET,
	    .memory = 1ULL << 33,
	    .descriptors = 77,
	    .user = 60701,
	    .no_user = "because",
	    .required = true};
	struct sandbox_rules back = {0}, bad = {0};
	char *text, *again;

	(void)unused;
	sandbox_read(&r, "/a folder/with blanks");
	sandbox_read(&r, "site");
	sandbox_connect(&r, 65535);
	text = sandbox_print(&r);
	assert_int_equal(sandbox_parse(text, &back), 0);
	again = sandbox_print(&back);
	assert_string_equal(text, again);
	assert_string_equal(back.read[0], "/a folder/with blanks");
	assert_int_equal(back.user, 60701);
	assert_true(back.required);
	assert_int_equal(sandbox_parse("may everything\n", &bad), -1);
	assert_int_equal(sandbox_parse("connect 65536\n", &bad), -1);
	assert_int_equal(sandbox_parse("nonsense\n", &bad), -1);
	sandbox_clear(&r);
	sandbox_clear(&back);
	sandbox_clear(&bad);
	free(text);
	free(again);
}

static void what_stands_is_told(void **unused)
{
	struct sandbox all = {
	    .landlock = 7, .seccomp = true, .user = true, .uid = 60703, .network = true};
	struct sandbox none = {0};
	char text[128];

	(void)unused;
	sandbox_walls(&all, text, sizeof(text));
	assert_string_equal(text, "landlock(abi 7) seccomp uid(60703) netns");
	sandbox_walls(&none, text, sizeof(text));
	assert_string_equal(text, "none");
}

static int make_folder(void **unused)
{
	char path[64];

	(void)unused;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/mine", folder);
	return close(open(path, O_WRONLY | O_CREAT, 0644));
}

static int remove_folder(void **unused)
{
	char path[64];

	(void)unused;
	snprintf(path, sizeof(path), "%s/mine", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest always[] = {
	    cmocka_unit_test(rules_go_there_and_back),
	    cmocka_unit_test(what_stands_is_told),
	};
	const struct CMUnitTest walls[] = {
	    cmocka_unit_test(without_rights_nothing_is_possible),
	    cmocka_unit_test(files_by_name_only),
	    cmocka_unit_test(ports_by_number_only),
	    cmocka_unit_test(sockets_by_name_only),
	    cmocka_unit_test(the_handler_stays),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(another_user_and_network),
	    cmocka_unit_test(interfaces_have_names_and_numbers),
	    cmocka_unit_test(no_ring_does_what_the_filter_does_not_see),
	    cmocka_unit_test(old_and_new_ways_are_open),
	};
	int failed = cmocka_run_group_tests(always, NULL, NULL);

	/* Under the sanitizers there is no seccomp to be seen: sandbox_private.h. */
	if (!SANDBOX_SANITIZED && sandbox_landlock_abi() > 0)
		failed += cmocka_run_group_tests(walls, make_folder, remove_folder);
	return failed;
}
