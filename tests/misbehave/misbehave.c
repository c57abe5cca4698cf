/* A service that has fallen into the wrong hands. Linked into each service by `make MISBEHAVE=1`,
 * and nowhere else: the report "misbehave WHAT" makes it try what a stranger would try who runs
 * code in it. What it could do comes back as the report, unless it has died of it.
 *
 * The linker puts __wrap_service_main() in the place of service_main(). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "base/alloc.h"
#include "base/str.h"
#include "proto/link_private.h"
#include "proto/service.h"
#include "proto/service_private.h"
#include "tests/misbehave/claim.h"

int __real_service_main(int argc, char **argv, const struct service_spec *spec);
int __wrap_service_main(int argc, char **argv, const struct service_spec *spec);

static const struct service_spec *honest;

/* --- files ------------------------------------------------------------------------------------ */

static int open_now(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600) < 0 ? -1 : 0;
}

static int try_key(const char *arg)
{
	return open_now(arg, O_RDONLY);
}

static int try_write(const char *arg)
{
	return open_now(arg, O_WRONLY | O_CREAT);
}

static int try_openat2(const char *arg)
{
	struct open_how how = {.flags = O_RDONLY};

	return syscall(SYS_openat2, AT_FDCWD, arg, &how, sizeof(how)) < 0 ? -1 : 0;
}

static int try_unlink(const char *arg)
{
	return unlink(arg);
}

/* --- the network ------------------------------------------------------------------------------ */

static int try_socket(const char *arg)
{
	return socket(atoi(arg), SOCK_RAW, 0) < 0 ? -1 : 0;
}

static int try_dial(const char *arg)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(arg)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static int try_listen(const char *arg)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arg))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&at, sizeof(at));
}

/* --- processes -------------------------------------------------------------------------------- */

static int try_exec(const char *arg)
{
	return execl(arg, arg, (char *)NULL);
}

static int try_fork(const char *arg)
{
	(void)arg;
	return fork() < 0 ? -1 : 0;
}

static int try_clone(const char *arg)
{
	(void)arg;
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 ? -1 : 0;
}

static int try_spawn(const char *arg)
{
	char *argv[] = {(char *)(uintptr_t)arg, NULL};
	pid_t pid;

	errno = posix_spawn(&pid, arg, NULL, NULL, argv, NULL);
	return errno != 0 ? -1 : 0;
}

static void *idle(void *arg)
{
	return arg;
}

static int try_thread(const char *arg)
{
	pthread_t thread;

	(void)arg;
	errno = pthread_create(&thread, NULL, idle, NULL);
	return errno != 0 ? -1 : 0;
}

/* With the signal shut out that would have told of it. */
static int try_silently(const char *arg)
{
	uint64_t all = ~UINT64_C(0);

	(void)arg;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
	return fork() < 0 ? -1 : 0;
}

static int try_ptrace(const char *arg)
{
	return ptrace(PTRACE_ATTACH, atoi(arg), NULL, NULL) < 0 ? -1 : 0;
}

static int try_kill(const char *arg)
{
	return kill(atoi(arg), SIGKILL);
}

static int try_code(const char *arg)
{
	(void)arg;
	return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	               MAP_FAILED
	           ? -1
	           : 0;
}

/* --- the bus ---------------------------------------------------------------------------------- */

static struct service *self;

/* What svc-viewer has with the transport, since these two may talk. */
static const struct link *own_link(void)
{
	return service_link(self, SERVICE_TRANSPORT);
}

static int try_keep(const char *arg)
{
	(void)arg;
	claim_keep(own_link());
	return 0;
}

static int try_greet(const char *arg)
{
	return claim_greet(arg, own_link());
}

static int try_answered(const char *arg)
{
	(void)arg;
	return claim_answered();
}

/* "NUMBER SERVICE": a message past all checks of our own side. */
static int try_say(const char *arg)
{
	char *rest;
	unsigned type = (unsigned)strtoul(arg, &rest, 10);
	enum service_id to = service_by_name(rest + strspn(rest, " "));
	struct msg m;

	msg_begin(&m, MSG_SIGN_PUBLISH, 64);
	m.base[0] = (uint8_t)(type >> 8);
	m.base[1] = (uint8_t)type;
	msg_put_u32(&m, 1);
	msg_put_str(&m, "a text of my own choice");
	m.size = m.size > 0 ? m.size : 0;
	return link_send_raw(service_link(self, to), &m);
}

/* --- the desk --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*fn)(const char *arg);
} attempts[] = {
    {"open", try_key},
    {"openat2", try_openat2},
    {"write", try_write},
    {"unlink", try_unlink},
    {"socket", try_socket},
    {"dial", try_dial},
    {"listen", try_listen},
    {"exec", try_exec},
    {"fork", try_fork},
    {"clone", try_clone},
    {"spawn", try_spawn},
    {"thread", try_thread},
    {"silently", try_silently},
    {"ptrace", try_ptrace},
    {"kill", try_kill},
    {"code", try_code},
    {"claim", claim_reach},
    {"keep", try_keep},
    {"greet", try_greet},
    {"answered", try_answered},
    {"say", try_say},
};

static void misbehave(struct service *svc, uint32_t request, const char *what)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		size_t n = strlen(attempts[i].name);
		char *json;
		int r;

		if (strncmp(what, attempts[i].name, n) != 0 || (what[n] != ' ' && what[n] != '\0'))
			continue;
		r = attempts[i].fn(what + n + (what[n] == ' '));
		json = xasprintf("\"%s\"", r == 0 ? "done" : strerrorname_np(errno));
		service_report(svc, request, json);
		free(json);
		return;
	}
	service_report(svc, request, "\"no such misbehaviour\"");
}

static void report(struct service *svc, uint32_t request, const char *what)
{
	static const char word[] = "misbehave ";

	self = svc;
	if (str_starts(what, word))
		misbehave(svc, request, what + strlen(word));
	else if (honest->report != NULL)
		honest->report(svc, request, what);
	else
		service_report(svc, request, "null");
}

int __wrap_service_main(int argc, char **argv, const struct service_spec *spec)
{
	struct service_spec mine = *spec;

	honest = spec;
	mine.report = report;
	return __real_service_main(argc, argv, &mine);
}
