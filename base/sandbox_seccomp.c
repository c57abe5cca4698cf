#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/sandbox_private.h"

#define CALL(name) SCMP_SYS(name)
#define END        INT32_MIN
/* What isatty(3) asks since glibc 2.42: TCGETS2, of a header that goes with no other. */
#define TCGETS_2 _IOC(_IOC_READ, 'T', 0x2A, 44)

/* What every process of ours needs: memory, time, its loop, sockets that are there, threads that
 * are there, its end. The rest follows in groups, by what it may. */
static const int always[] = {
    /* memory */
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mlock), CALL(munlock),
    /* descriptors */
    CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64), CALL(close), CALL(fstat),
    CALL(lseek), CALL(dup), CALL(pipe2), CALL(eventfd2), CALL(sendfile),
    /* waiting */
    CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6), CALL(epoll_wait), CALL(epoll_pwait),
    CALL(epoll_pwait2), CALL(epoll_ctl), CALL(epoll_create1), CALL(futex), CALL(nanosleep),
    CALL(clock_nanosleep), CALL(restart_syscall), CALL(sched_yield),
    /* time and chance */
    CALL(clock_gettime), CALL(clock_getres), CALL(gettimeofday), CALL(time), CALL(getrandom),
    CALL(alarm), CALL(setitimer),
    /* sockets */
    CALL(accept), CALL(accept4), CALL(shutdown), CALL(getsockname), CALL(getpeername),
    CALL(getsockopt), CALL(setsockopt), CALL(recvfrom), CALL(sendto), CALL(recvmsg), CALL(sendmsg),
    CALL(sendmmsg), CALL(recvmmsg),
    /* signals */
    CALL(rt_sigreturn), CALL(sigaltstack),
    /* who and where */
    CALL(getpid), CALL(gettid), CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid),
    CALL(getegid), CALL(uname), CALL(sysinfo), CALL(getrlimit), CALL(getrusage),
    CALL(sched_getaffinity), CALL(getcpu),
    /* the beginning of a thread that is just being started, and any end */
    CALL(set_robust_list), CALL(rseq), CALL(sched_getparam), CALL(sched_getscheduler), CALL(exit),
    CALL(exit_group), END};

static const int database[] = {CALL(pwrite64), CALL(fsync), CALL(fdatasync), CALL(ftruncate),
    CALL(fallocate), CALL(fstatfs), CALL(getcwd), CALL(access), CALL(faccessat), CALL(newfstatat),
    CALL(readlink), CALL(readlinkat), END};

/* openat and openat2 are not among them, nor is connect: see sandbox_trap.c. */
static const int files[] = {CALL(newfstatat), CALL(stat), CALL(lstat), CALL(access),
    CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getdents64),
    CALL(statx), CALL(getcwd), CALL(fstatfs), END};

struct filter {
	scmp_filter_ctx ctx;
	int r; /* the first error */
};

static void keep(struct filter *f, int r)
{
	if (f->r == 0)
		f->r = r;
}

static void allow(struct filter *f, const int *calls)
{
	for (; *calls != END; calls++)
		keep(f, seccomp_rule_add(f->ctx, SCMP_ACT_ALLOW, *calls, 0));
}

static void allow_if(struct filter *f, int call, struct scmp_arg_cmp condition)
{
	keep(f, seccomp_rule_add_array(f->ctx, SCMP_ACT_ALLOW, call, 1, &condition));
}

static void allow_values(struct filter *f, int call, unsigned arg, const int *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		allow_if(f, call, SCMP_CMP32(arg, SCMP_CMP_EQ, (uint32_t)values[i]));
}

#define VALUES(...) (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int)

/* Calls whose arguments make the difference. */
static void allow_some(struct filter *f)
{
	/* Memory is never made executable. */
	allow_if(f, CALL(mmap), SCMP_A2_32(SCMP_CMP_MASKED_EQ, 4 /* PROT_EXEC */, 0));
	allow_if(f, CALL(mprotect), SCMP_A2_32(SCMP_CMP_MASKED_EQ, 4, 0));
	allow_values(f, CALL(fcntl), 1,
	    VALUES(F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD, F_DUPFD_CLOEXEC));
	allow_values(f, CALL(ioctl), 1, VALUES(FIONBIO, FIONREAD, FIOCLEX, TCGETS, TCGETS_2));
	/* fstat(2) of glibc. */
	allow_if(f, CALL(newfstatat), SCMP_A3_32(SCMP_CMP_EQ, AT_EMPTY_PATH));
	allow_if(f, CALL(socket), SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX));
	/* Signals to itself, as raise(3) and abort(3) do. */
	allow_if(f, CALL(tgkill), SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));
	/* To block signals is looked at by the handler: see sandbox_trap.c. To set all of them at
	 * once is how a new thread begins, which may be at just this moment. */
	if (SANDBOX_REGISTERS)
		allow_if(f, CALL(rt_sigprocmask), SCMP_A0_32(SCMP_CMP_NE, SIG_BLOCK));
	else
		allow(f, (const int[]){CALL(rt_sigprocmask), END});
	/* The handler that tells of refusals stays; to try is to die at once. */
	allow_if(f, CALL(rt_sigaction), SCMP_A0_32(SCMP_CMP_NE, SIGSYS));
	keep(f, seccomp_rule_add(f->ctx, SCMP_ACT_KILL_PROCESS, CALL(rt_sigaction), 1,
		    SCMP_A0_32(SCMP_CMP_EQ, SIGSYS)));
	/* libzmq sets what is so already. */
	allow_if(f, CALL(sched_setscheduler), SCMP_A1_32(SCMP_CMP_EQ, 0 /* SCHED_OTHER */));
	allow_if(f, CALL(prctl), SCMP_A0_32(SCMP_CMP_EQ, 15 /* PR_SET_NAME */));
	/* Limits may be read. */
	allow_if(f, CALL(prlimit64), SCMP_A2_64(SCMP_CMP_EQ, 0));
	/* glibc takes the older call then: one name for whatever is to be started. */
	keep(f, seccomp_rule_add(f->ctx, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0));
}

static void allow_groups(struct filter *f, unsigned may)
{
	if (may & SANDBOX_INET) {
		allow_if(f, CALL(socket), SCMP_A0_32(SCMP_CMP_EQ, AF_INET));
		allow_if(f, CALL(socket), SCMP_A0_32(SCMP_CMP_EQ, AF_INET6));
		/* The zones of link-local addresses: if_nametoindex(3) and back. */
		allow_values(f, CALL(ioctl), 1, VALUES(SIOCGIFINDEX, SIOCGIFNAME));
	}
	if (may & SANDBOX_NETLINK)
		keep(f, seccomp_rule_add(f->ctx, SCMP_ACT_ALLOW, CALL(socket), 2,
			    SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK),
			    SCMP_A2_32(SCMP_CMP_EQ, NETLINK_ROUTE)));
	if (may & SANDBOX_BIND)
		allow(f, (const int[]){CALL(bind), END});
	if (may & SANDBOX_DATABASE) {
		allow(f, database);
		allow_values(f, CALL(fcntl), 1, VALUES(F_SETLK, F_GETLK, F_SETLKW));
	}
	if (may & SANDBOX_OPEN)
		allow(f, files);
}

void sandbox_begin(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	/* Where it cannot be done there is no filter later on either, which is told. */
	if (ctx != NULL &&
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), CALL(io_uring_setup), 0) == 0)
		seccomp_load(ctx);
	seccomp_release(ctx);
}

void sandbox_seccomp(const struct sandbox_rules *r, struct sandbox *status)
{
	struct filter f = {0};
	uint64_t pass;

	if (SANDBOX_SANITIZED)
		return;
	f.ctx = seccomp_init(SCMP_ACT_TRAP);
	if (f.ctx == NULL) {
		sandbox_lack(status, "seccomp", strerror(ENOMEM));
		return;
	}
	/* All threads; a tree, so that no call is compared with a hundred others. */
	keep(&f, seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_TSYNC, 1));
	keep(&f, seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2));
	keep(&f, seccomp_attr_set(f.ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
	allow(&f, always);
	allow_some(&f);
	allow_groups(&f, r->may);
	keep(&f, sandbox_trap(r, &pass) == 0 ? 0 : -errno);
	allow_if(&f, CALL(connect), SCMP_A3_64(SCMP_CMP_EQ, pass));
	if (r->may & SANDBOX_OPEN) {
		allow_if(&f, CALL(openat), SCMP_A4_64(SCMP_CMP_EQ, pass));
		allow_if(&f, CALL(openat2), SCMP_A4_64(SCMP_CMP_EQ, pass));
	}
	if (f.r == 0)
		f.r = seccomp_load(f.ctx);
	seccomp_release(f.ctx);
	status->seccomp = f.r == 0;
	if (f.r != 0)
		sandbox_lack(status, "seccomp", strerror(-f.r));
}
