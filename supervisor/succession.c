#include "supervisor/succession.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define SIZE_LIMIT (1024 * 1024)
#define NODES_MAX  4096
#define TRY_MS     3000
#define SELF       "/proc/self/exe"

static char own_path[PATH_MAX];

void succession_init(void)
{
	ssize_t n = readlink(SELF, own_path, sizeof(own_path) - 1);

	own_path[n > 0 ? n : 0] = '\0';
}

bool succession_is_due(void)
{
	struct stat ours, there;

	return stat(SELF, &ours) == 0 && stat(own_path, &there) == 0 &&
	       (ours.st_dev != there.st_dev || ours.st_ino != there.st_ino);
}

/* --- descriptors that are handed over --------------------------------------------------------- */

static void mark_one(const cJSON *o, int flags)
{
	const cJSON *member;

	cJSON_ArrayForEach (member, o)
		if (cJSON_IsNumber(member) && str_ends(member->string, "fd") &&
		    member->valueint > STDERR_FILENO)
			fcntl(member->valueint, F_SETFD, flags);
}

static void mark(const cJSON *state, int flags)
{
	const cJSON *service;

	mark_one(state, flags);
	cJSON_ArrayForEach (service, cJSON_GetObjectItemCaseSensitive(state, "services"))
		mark_one(service, flags);
}

/* --- the old one ------------------------------------------------------------------------------ */

static int write_state(const cJSON *state)
{
	char *text = json_print(state);
	size_t n = strlen(text);
	int fd = memfd_create("succession", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, text, n) != (ssize_t)n) {
		close(fd);
		fd = -1;
	}
	free(text);
	return fd;
}

static void become(const char *word, int memfd)
{
	char number[16];
	char *argv[] = {own_path, (char *)(uintptr_t)word, number, NULL};

	snprintf(number, sizeof(number), "%d", memfd);
	fcntl(memfd, F_SETFD, 0);
	execv(own_path, argv);
	fcntl(memfd, F_SETFD, FD_CLOEXEC);
}

/* Within TRY_MS. What else there is to be heard meanwhile is no sign of how it ends. */
static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	uint64_t until = clock_mono_ms() + TRY_MS, now;
	int n = -1;

	while ((now = clock_mono_ms()) < until) {
		n = poll(&p, 1, (int)(until - now));
		if (n >= 0 || errno != EINTR)
			break;
	}
	return n == 1;
}

static bool ends_well(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status = -1;

	if (pidfd < 0 || !has_ended(pidfd))
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
	return status == 0;
}

void succession_hold_signals(bool hold)
{
	sigset_t set;

	if (hold)
		sigfillset(&set);
	else
		sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

int succession_prepare(const cJSON *state, char why[SUCCESSION_WHY])
{
	int fd = write_state(state);
	pid_t pid = fd >= 0 ? fork() : -1;

	if (pid == 0) {
		become(SUCCESSION_TRY, fd);
		_exit(EXIT_FAILURE);
	}
	if (pid > 0 && ends_well(pid))
		return fd;
	snprintf(why, SUCCESSION_WHY,
	    pid < 0 ? "%s cannot be tried: %m" : "%s cannot take over; stop, and start again",
	    own_path);
	if (fd >= 0)
		close(fd);
	return -1;
}

void succession_go(int memfd, const cJSON *state)
{
	mark(state, 0);
	become(SUCCESSION_WORD, memfd);
	mark(state, FD_CLOEXEC);
	close(memfd);
}

/* --- the new one ------------------------------------------------------------------------------ */

cJSON *succession_read(int memfd)
{
	char *text = xmalloc(SIZE_LIMIT);
	ssize_t n = pread(memfd, text, SIZE_LIMIT, 0);
	cJSON *state = n > 0 ? json_parse(text, (size_t)n, NODES_MAX, NULL) : NULL;
	int64_t version;

	free(text);
	if (!json_int(state, "version", 0, INT32_MAX, &version))
		version = -1;
	if (version != SUCCESSION_VERSION) {
		log_error("succession",
		    "the supervisor that runs hands over in form %d, this one, " GOOP_VERSION
		    ", knows form %d",
		    (int)version, SUCCESSION_VERSION);
		cJSON_Delete(state);
		state = NULL;
	}
	mark(state, FD_CLOEXEC);
	return state;
}
