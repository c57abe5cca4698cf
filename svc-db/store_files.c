/* Once the walls are closed no path leads anywhere, but SQLite opens a file for each reader that it
 * did not need before, looks at it, and removes two of the three when it closes the last. So its
 * few calls that take a path are answered here, from descriptors that were opened in time. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "svc-db/store_int.h"

#define FILES 3

/* SQLite's calls are the process's, so these are too. */
static struct {
	char *path[FILES];
	int fd[FILES];
} kept;

static int find(const char *path)
{
	for (int i = 0; i < FILES; i++)
		if (kept.path[i] != NULL && strcmp(kept.path[i], path) == 0)
			return i;
	errno = ENOENT;
	return -1;
}

static int open_kept(const char *path, int flags, ...)
{
	int i = find(path);

	(void)flags;
	return i < 0 ? -1 : fcntl(kept.fd[i], F_DUPFD_CLOEXEC, 3);
}

static int stat_kept(const char *path, struct stat *st)
{
	int i = find(path);

	return i < 0 ? -1 : fstat(kept.fd[i], st);
}

static int access_kept(const char *path, int mode)
{
	(void)mode;
	return find(path) < 0 ? -1 : 0;
}

/* Nothing on the way is a symbolic link: the path has been resolved. */
static int lstat_none(const char *path, struct stat *st)
{
	(void)path;
	(void)st;
	errno = ENOENT;
	return -1;
}

static int unlink_none(const char *path)
{
	(void)path;
	errno = EACCES;
	return -1;
}

/* Who is root gives new files to the owner of the database: there are no new ones. */
static uid_t nobody_of_importance(void)
{
	return 1;
}

static void replace(sqlite3_vfs *vfs, const char *name, sqlite3_syscall_ptr call)
{
	vfs->xSetSystemCall(vfs, name, call);
}

static int keep(int i, char *path)
{
	kept.path[i] = path;
	kept.fd[i] = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return kept.fd[i] < 0 ? -1 : 0;
}

enum store_code store_keep_files(struct store *st)
{
	const char *path = sqlite3_db_filename(st->db, "main");
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
	int persist = 1;
	unsigned char byte;

	/* Its source of chance is a file, too. */
	sqlite3_randomness(sizeof(byte), &byte);
	sqlite3_file_control(st->db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	if (vfs == NULL || keep(0, xstrdup(path)) != 0 || keep(1, xasprintf("%s-wal", path)) != 0 ||
	    keep(2, xasprintf("%s-shm", path)) != 0)
		return store_say(st, STORE_FAILED, "%s", strerror(errno));
	free(st->path);
	st->path = xstrdup(path);
	replace(vfs, "open", (sqlite3_syscall_ptr)(void *)open_kept);
	replace(vfs, "stat", (sqlite3_syscall_ptr)(void *)stat_kept);
	replace(vfs, "lstat", (sqlite3_syscall_ptr)(void *)lstat_none);
	replace(vfs, "access", (sqlite3_syscall_ptr)(void *)access_kept);
	replace(vfs, "geteuid", (sqlite3_syscall_ptr)(void *)nobody_of_importance);
	replace(vfs, "unlink", (sqlite3_syscall_ptr)(void *)unlink_none);
	return STORE_OK;
}

void store_drop_files(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	for (int i = 0; i < FILES; i++) {
		if (kept.path[i] != NULL && kept.fd[i] >= 0)
			close(kept.fd[i]);
		free(kept.path[i]);
		kept.path[i] = NULL;
	}
	/* All are its own again. */
	if (vfs != NULL)
		vfs->xSetSystemCall(vfs, NULL, NULL);
}
