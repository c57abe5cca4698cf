#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "proto/parent.h"

#define EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h */

/* goop.json is the only source of settings: a service gets no variable that a library of its might
 * take for one (SSL_CERT_FILE, ...). Sanitizers are for those who test. The proxies at the end,
 * which belong to the network and not to the peer, are for those who dial out by HTTP. */
static const char *const passed_on[] = {"PATH=", "HOME=", "LANG=", "LC_ALL=", "TZ=",
    "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "http_proxy=", "https_proxy=",
    "HTTPS_PROXY=", "all_proxy=", "ALL_PROXY=", "no_proxy=", "NO_PROXY="};
#define PROXIES   7
#define PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))

static void pick_environment(char *to[PASSED_ON + 1], bool proxies)
{
	size_t n = 0, names = proxies ? PASSED_ON : PASSED_ON - PROXIES;

	for (char **e = environ; *e != NULL; e++)
		for (size_t i = 0; i < names && n < PASSED_ON; i++)
			if (str_starts(*e, passed_on[i]))
				to[n++] = *e;
	to[n] = NULL;
}

static void default_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		sigaction(signo, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What becomes a descriptor of the program; `listening` may be -1. */
struct ends {
	int null, words, parent, listening;
};

/* All come from above the target numbers, so none is overwritten before it is used. */
static int arrange_descriptors(const struct ends *e)
{
	int null, words, parent, listening = -1;

	null = fcntl(e->null, F_DUPFD_CLOEXEC, 10);
	words = fcntl(e->words, F_DUPFD_CLOEXEC, 10);
	parent = fcntl(e->parent, F_DUPFD_CLOEXEC, 10);
	if (e->listening >= 0)
		listening = fcntl(e->listening, F_DUPFD_CLOEXEC, 10);
	if (null < 0 || words < 0 || parent < 0 || (e->listening >= 0 && listening < 0))
		return -1;
	if (dup2(words, 2) < 0 || dup2(null, 0) < 0 || dup2(words, 1) < 0 ||
	    dup2(parent, PARENT_FD) < 0)
		return -1;
	if (listening >= 0 && dup2(listening, SPAWN_LISTENING) < 0)
		return -1;
	/* Closed by the exec: what is executed may be among them. */
	return (int)syscall(SYS_close_range, listening >= 0 ? SPAWN_LISTENING + 1 : PARENT_FD + 1,
	    ~0u, CLOSE_RANGE_CLOEXEC);
}

_Noreturn static void become(const char *program, const struct ends *ends,
    const struct spawn_extras *extras, pid_t supervisor)
{
	char *argv[2] = {(char *)(uintptr_t)program, NULL};
	char *env[PASSED_ON + 1];

	if (arrange_descriptors(ends) < 0)
		goto fail;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before we asked to be told. */
	if (getppid() != supervisor)
		_exit(SPAWN_NOT_RUN);
	setsid();
	default_signals();
	pick_environment(env, extras->proxies);
	if (extras->file > 0)
		execveat(extras->file, "", argv, env, AT_EMPTY_PATH);
	else
		execve(program, argv, env);
fail:
	dprintf(2, "%s cannot be run: %s\n", program, strerror(errno));
	_exit(SPAWN_NOT_RUN);
}

static void close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

int spawn(const char *program, const struct spawn_extras *extras, struct spawned *out)
{
	struct ends ends;
	int pair[2] = {-1, -1}, pipes[2] = {-1, -1}, null, saved;
	pid_t self = getpid();

	*out = (struct spawned){.pid = -1, .pidfd = -1};
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    pipe2(pipes, O_CLOEXEC) < 0 || fcntl(pipes[0], F_SETFL, O_NONBLOCK) < 0)
		goto fail;
	out->pid = fork();
	ends = (struct ends){null, pipes[1], pair[1], extras->listening};
	if (out->pid == 0)
		become(program, &ends, extras, self);
	if (out->pid < 0)
		goto fail;
	out->pidfd = (int)syscall(SYS_pidfd_open, out->pid, 0);
	if (out->pidfd < 0) {
		saved = errno;
		kill(out->pid, SIGKILL);
		waitpid(out->pid, NULL, 0);
		errno = saved;
		goto fail;
	}
	close(null);
	close(pair[1]);
	close(pipes[1]);
	out->parent = pair[0];
	out->words = pipes[0];
	return 0;
fail:
	saved = errno;
	close_if(null);
	close_if(pair[0]);
	close_if(pair[1]);
	close_if(pipes[0]);
	close_if(pipes[1]);
	errno = saved;
	return -1;
}

void spawn_abort(const struct spawned *s)
{
	syscall(SYS_pidfd_send_signal, s->pidfd, SIGABRT, NULL, 0);
	/* One that somebody has stopped hears it only when it goes on. */
	syscall(SYS_pidfd_send_signal, s->pidfd, SIGCONT, NULL, 0);
}

void spawn_kill(const struct spawned *s)
{
	syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
}

int spawn_reap(const struct spawned *s, int *code, int *status)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return 0;
	*code = info.si_code;
	*status = info.si_status;
	return 1;
}

bool spawn_is_hopeless(int code, int status)
{
	return code == CLD_EXITED && (status == EXIT_CONFIG || status == SPAWN_NOT_RUN);
}

bool spawn_is_from_outside(int code, int status)
{
	return code == CLD_KILLED && (status == SIGKILL || status == SIGTERM);
}

void spawn_words(int code, int status, char *out, size_t size)
{
	const char *name;

	if (code == CLD_EXITED) {
		snprintf(out, size, "exit %d%s", status,
		    status == EXIT_CONFIG     ? " (configuration)"
		    : status == SPAWN_NOT_RUN ? " (could not be run)"
					      : "");
		return;
	}
	name = sigabbrev_np(status);
	/* Its last words tell which: minder.c. */
	if (status == SIGSYS)
		snprintf(out, size, "killed by SIGSYS (a system call behind its walls)");
	else if (name != NULL)
		snprintf(out, size, "killed by SIG%s", name);
	else
		snprintf(out, size, "killed by signal %d", status);
	if (code == CLD_DUMPED)
		strncat(out, " (core dumped)", size - strlen(out) - 1);
}
