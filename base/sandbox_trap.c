/* What happens to a system call that seccomp does not let through: a handler of SIGSYS looks at it
 * in the thread that made it.
 *
 * open(2), openat2(2) and connect(2) take what a filter cannot see, a name. They are done for the
 * process when its rules know the name, with a number behind the arguments that only this file
 * knows. What they must not reach is out of reach even for a process that finds its way around this
 * handler: Landlock enforces the same rules, and sockets have their users. The handler is there so
 * that an attempt is seen. Libraries open what they like, so a process that may read files at all
 * is refused others with EACCES; whoever tries anything else dies. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <ucontext.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/sandbox_private.h"
#include "base/str.h"

#define WHAT 160

/* Only a handler reads it, so it cannot belong to any object. */
static struct {
	const struct sandbox_rules *rules;
	sandbox_tell *tell;
	volatile unsigned refusals;
	char last[WHAT];
	uint64_t pass;
} trap;

/* Of system calls by number: room for the years to come. */
#define CALLS 512
static char names[CALLS][24];

/* glibc looks whether memory may be given back (EACCES means that it may not), for processors, and
 * for a cache of names. */
static const char *const quiet[] = {
    "/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu/", "/var/run/nscd/", "/run/nscd/"};

struct call {
	int number;
	long args[4];
	long *result; /* NULL on a machine whose registers are not known here */
};

static void look_at(struct call *c, const siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	*c = (struct call){.number = info->si_syscall};
#if SANDBOX_REGISTERS && defined(__x86_64__)
	greg_t *g = u->uc_mcontext.gregs;

	c->args[0] = g[REG_RDI];
	c->args[1] = g[REG_RSI];
	c->args[2] = g[REG_RDX];
	c->args[3] = g[REG_R10];
	c->result = (long *)&g[REG_RAX];
#elif SANDBOX_REGISTERS
	for (int i = 0; i < 4; i++)
		c->args[i] = (long)u->uc_mcontext.regs[i];
	c->result = (long *)&u->uc_mcontext.regs[0];
#else
	(void)u;
#endif
}

/* As text, since a process that may open it by another name gets it from Landlock anyway. */
static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/' || (n > 0 && folder[n - 1] == '/'));
}

static bool is_quiet(const char *path)
{
	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
		if (is_below(path, quiet[i]))
			return true;
	return false;
}

static bool is_in_rules(const char *path)
{
	for (size_t i = 0; i < trap.rules->read_count; i++)
		if (is_below(path, trap.rules->read[i]))
			return true;
	return false;
}

static long open_for(const struct call *c)
{
	long fd = syscall(c->number, c->args[0], c->args[1], c->args[2], c->args[3], trap.pass);

	return fd >= 0 ? fd : -errno;
}

static bool may_dial(uint16_t port)
{
	for (size_t i = 0; i < trap.rules->connect_count; i++)
		if (trap.rules->connect[i] == port)
			return true;
	return false;
}

static bool may_meet(const char *path)
{
	for (size_t i = 0; i < trap.rules->meet_count; i++)
		if (strcmp(trap.rules->meet[i], path) == 0)
			return true;
	return is_in_rules(path);
}

/* IPv4 and IPv6 have the port in the same place. Other than TCP goes wherever it likes. */
static bool may_connect(int fd, const struct sockaddr *to)
{
	socklen_t size = sizeof(int);
	int type = SOCK_STREAM;

	if (to->sa_family == AF_UNIX)
		return may_meet(((const struct sockaddr_un *)to)->sun_path);
	if (!(trap.rules->may & SANDBOX_INET))
		return false;
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
	if (type != SOCK_STREAM || trap.rules->may & SANDBOX_CONNECT_ANY)
		return true;
	return may_dial(ntohs(((const struct sockaddr_in *)to)->sin_port));
}

static long connect_for(const struct call *c)
{
	return syscall(SYS_connect, c->args[0], c->args[1], c->args[2], trap.pass) == 0 ? 0
	                                                                                : -errno;
}

/* A copy that ends in a zero. */
static void take_address(const struct call *c, struct sockaddr_storage *to)
{
	size_t n = c->args[2] < 0 ? 0 : (size_t)c->args[2];

	memset(to, 0, sizeof(*to));
	memcpy(to, (const void *)c->args[1], n < sizeof(*to) ? n : sizeof(*to) - 1);
}

/* In time, since whoever is trapped may hold malloc's lock: fork(3) does. */
static void learn_names(void)
{
	for (int i = 0; i < CALLS; i++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

		if (name != NULL)
			str_copy(names[i], sizeof(names[i]), name);
		free(name);
	}
}

/* "openat \"/etc/passwd\"". */
static void describe(const struct call *c, const char *path, char out[WHAT])
{
	bool known = c->number >= 0 && c->number < CALLS && names[c->number][0] != '\0';

	if (known)
		str_copy(out, WHAT, names[c->number]);
	else
		snprintf(out, WHAT, "system call %d", c->number);
	if (path == NULL)
		return;
	strncat(out, " \"", WHAT - strlen(out) - 1);
	str_escape(path, strnlen(path, WHAT), out + strlen(out), WHAT - strlen(out) - 1);
	strncat(out, "\"", WHAT - strlen(out) - 1);
}

_Noreturn static void die(const char *what)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	if (trap.tell != NULL)
		trap.tell(true, what);
	/* The filter kills whoever touches this handler. */
	sigaction(SIGSYS, &action, NULL);
	_exit(128 + SIGSYS);
}

static void refuse(const char *what)
{
	str_copy(trap.last, sizeof(trap.last), what);
	trap.refusals++;
	if (trap.tell != NULL)
		trap.tell(false, what);
}

/* Either is done for the process, or `path` tells what is to be refused. */
static bool try_open(const struct call *c, const char **path)
{
	*path = (const char *)c->args[1];
	/* What lies in a folder that is open was judged with the folder. */
	if (!(trap.rules->may & SANDBOX_OPEN) ||
	    !(is_in_rules(*path) || ((int)c->args[0] != AT_FDCWD && (*path)[0] != '/')))
		return false;
	*c->result = open_for(c);
	return true;
}

static bool try_connect(
    const struct call *c, struct sockaddr_storage *to, char port[16], const char **path)
{
	take_address(c, to);
	*path = port;
	if (to->ss_family == AF_UNIX)
		*path = ((const struct sockaddr_un *)to)->sun_path;
	else
		snprintf(port, 16, "port %u", ntohs(((const struct sockaddr_in *)to)->sin_port));
	if (!may_connect((int)c->args[0], (const struct sockaddr *)to))
		return false;
	*c->result = connect_for(c);
	return true;
}

/* fork(3), posix_spawn(3) and pthread_create(3) block all signals around the call that counts, and
 * where SIGSYS is blocked the kernel kills without asking the handler, so without a name in the
 * log. What the thread is to block is what it returns to from here. */
static bool block_signals(const struct call *c, ucontext_t *u)
{
	const sigset_t *set = (const sigset_t *)c->args[1];
	uint64_t before, more = 0;

	if (c->args[0] != SIG_BLOCK || c->args[3] != sizeof(before))
		return false;
	memcpy(&before, &u->uc_sigmask, sizeof(before));
	if (set != NULL)
		memcpy(&more, set, sizeof(more));
	if (c->args[2] != 0)
		memcpy((void *)c->args[2], &before, sizeof(before));
	more = (before | more) & ~(UINT64_C(1) << (SIGSYS - 1));
	memcpy(&u->uc_sigmask, &more, sizeof(more));
	*c->result = 0;
	return true;
}

static void on_trap(int signo, siginfo_t *info, void *context)
{
	struct call c;
	struct sockaddr_storage to;
	const char *path = NULL;
	char what[WHAT], port[16];
	bool done = false;
	int saved = errno;

	(void)signo;
	look_at(&c, info, context);
	if ((c.number == SYS_openat || c.number == SYS_openat2) && c.result != NULL)
		done = try_open(&c, &path);
	else if (c.number == SYS_connect && c.result != NULL)
		done = try_connect(&c, &to, port, &path);
	else if (c.number == SYS_rt_sigprocmask && c.result != NULL)
		done = block_signals(&c, context);
	if (!done && path != NULL && is_quiet(path)) {
		*c.result = -EACCES;
	} else if (!done) {
		describe(&c, path, what);
		if (path == NULL || !(trap.rules->may & SANDBOX_OPEN))
			die(what);
		*c.result = -EACCES;
		refuse(what);
	}
	errno = saved;
}

/* libzmq blocks all signals in its threads, before the filter stands. So this takes the place of
 * the C library's own, which libzmq means. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	int saved = errno, error = 0;
	sigset_t most;

	if (set != NULL && how != SIG_UNBLOCK) {
		most = *set;
		sigdelset(&most, SIGSYS);
		set = &most;
	}
	if (syscall(SYS_rt_sigprocmask, how, set, before, _NSIG / 8) != 0)
		error = errno;
	errno = saved;
	return error;
}

void sandbox_on_refusal(sandbox_tell *tell)
{
	trap.tell = tell;
}

unsigned sandbox_refusals(const char **last)
{
	*last = trap.last;
	return trap.refusals;
}

int sandbox_trap(const struct sandbox_rules *r, uint64_t *pass)
{
	struct sigaction action = {.sa_sigaction = on_trap};

	action.sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_NODEFER);
	trap.rules = r;
	learn_names();
	if (getrandom(&trap.pass, sizeof(trap.pass), 0) != sizeof(trap.pass))
		return -1;
	*pass = trap.pass;
	return sigaction(SIGSYS, &action, NULL);
}
