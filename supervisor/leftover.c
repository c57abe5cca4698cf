#include "supervisor/leftover.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/owner.h"
#include "supervisor/proc.h"

#define FILE_NAME "run/services"
#define MAX       16
#define KILL_WAIT 1000 /* ms */

/* When the process began, in clock ticks since boot (field 22 of its stat); 0 when there is none.
 */
static unsigned long long began(pid_t pid)
{
	char text[PROC_TEXT];
	unsigned long long ticks;
	const char *p = proc_read(pid, "stat", text) ? proc_stat_field(text, 22) : NULL;

	return p != NULL && sscanf(p, "%llu", &ticks) == 1 ? ticks : 0;
}

void leftover_write(const pid_t *pids, size_t n)
{
	FILE *f = n > 0 ? owner_rewrite(FILE_NAME ".new", 0600) : NULL;

	if (n == 0)
		unlink(FILE_NAME);
	if (f == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%d %llu\n", (int)pids[i], began(pids[i]));
	/* On a full disk the older list is the better one: who is not there any more is known by
	 * the time it began. */
	if (fclose(f) != 0 || rename(FILE_NAME ".new", FILE_NAME) != 0)
		unlink(FILE_NAME ".new");
}

static bool has_ended(int pidfd, int wait_ms)
{
	struct pollfd fd = {.fd = pidfd, .events = POLLIN};

	return poll(&fd, 1, wait_ms) > 0;
}

static void end_one(int pidfd, uint64_t until)
{
	uint64_t now = clock_mono_ms();

	if (has_ended(pidfd, until > now ? (int)(until - now) : 0))
		return;
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	has_ended(pidfd, KILL_WAIT);
}

/* A list that is another user's may name any process: then only one that works in this folder is
 * taken for a service. */
static bool is_service(FILE *list, pid_t pid)
{
	struct stat file, here, there;
	char path[64];

	if (fstat(fileno(list), &file) == 0 && file.st_uid == geteuid())
		return true;
	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	return stat(".", &here) == 0 && stat(path, &there) == 0 && here.st_dev == there.st_dev &&
	       here.st_ino == there.st_ino;
}

unsigned leftover_end(unsigned wait_ms)
{
	uint64_t until = clock_mono_ms() + wait_ms;
	unsigned long long when;
	unsigned found = 0;
	int fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), pid;
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (f == NULL)
		return 0;
	for (int i = 0; i < MAX && fscanf(f, "%d %llu", &pid, &when) == 2; i++) {
		int pidfd = pid > 1 && when > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

		if (pidfd < 0)
			continue;
		/* Asked after the pidfd is ours: it cannot become another's between. */
		if (began(pid) == when && !has_ended(pidfd, 0) && is_service(f, pid)) {
			found++;
			end_one(pidfd, until);
		}
		close(pidfd);
	}
	fclose(f);
	unlink(FILE_NAME);
	return found;
}
