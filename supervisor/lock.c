#include "supervisor/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/owner.h"
#include "base/str.h"

#define RUN      "run"
#define PID_FILE RUN "/pid"

static pid_t read_pid(int fd)
{
	char text[16];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	uint64_t pid;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return str_to_u64(text, 1, INT32_MAX, &pid) ? (pid_t)pid : 0;
}

/* The file may have been removed between open and flock by a holder that ended. */
static bool still_there(int fd)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(PID_FILE, &there) == 0 &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

static bool is_leftover(const char *name)
{
	return str_ends(name, ".sock") || str_ends(name, ".ipc");
}

/* Takes the descriptor. */
static void sweep(int run)
{
	DIR *dir = fdopendir(run);
	struct dirent *entry;

	if (dir == NULL) {
		close(run);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (is_leftover(entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

/* For people; what counts is the lock. */
static void write_pid(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) != n)
		(void)!ftruncate(fd, 0);
}

/* On a full disk the holder could not write who it is. */
static void tell_holder(int fd, int error, pid_t *holder, char *why, size_t size)
{
	if (error != EWOULDBLOCK) {
		snprintf(why, size, "cannot lock run/pid: %s", strerror(error));
		return;
	}
	*holder = read_pid(fd);
	snprintf(why, size, "is already running");
}

/* A link in another user's folder would have root open up and sweep what it leads to. */
static int open_run(void)
{
	int follow = owner_is_guest() ? O_NOFOLLOW : 0;

	if (owner_mkdir(RUN, 0700) < 0 && errno != EEXIST)
		return -1;
	return open(RUN, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
}

static int lock_file(pid_t *holder, char *why, size_t size)
{
	int fd;

	for (;;) {
		fd = owner_open(PID_FILE, O_RDWR, 0600);
		if (fd < 0) {
			snprintf(why, size, "cannot write run/pid: %m");
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			tell_holder(fd, errno, holder, why, size);
			close(fd);
			return -1;
		}
		if (still_there(fd))
			return fd;
		close(fd);
	}
}

int lock_take(pid_t *holder, char *why, size_t size)
{
	int run = open_run(), fd;

	*holder = 0;
	if (run < 0) {
		snprintf(why, size, "cannot make the folder run: %m");
		return -1;
	}
	fd = lock_file(holder, why, size);
	if (fd < 0) {
		close(run);
		return -1;
	}
	/* Services of other users have to get through to the sockets that are theirs. */
	fchmod(run, geteuid() == 0 ? 0711 : 0700);
	write_pid(fd);
	sweep(run);
	return fd;
}

void lock_drop(int fd)
{
	unlink(PID_FILE);
	close(fd);
}
