#include "base/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

#define FOLDER (O_PATH | O_DIRECTORY | O_CLOEXEC)
#define TRIES  8 /* somebody may take away and put back a file faster than we look */

/* Where something is to be made. */
struct place {
	int folder;
	char *path; /* ours */
	char *name; /* its end */
};

bool owner_is_guest(void)
{
	struct stat st;

	return geteuid() == 0 && stat(".", &st) == 0 && st.st_uid != 0;
}

/* The folder that `way` leads to from here, one step after the other. */
static int walk(char *way)
{
	char *rest = way, *part;
	int at = open(".", FOLDER), next;

	while (at >= 0 && (part = strsep(&rest, "/")) != NULL) {
		if (part[0] == '\0')
			continue;
		next = openat(at, part, FOLDER | O_NOFOLLOW);
		close(at);
		at = next;
	}
	return at;
}

static int open_folder(const char *path, char *way)
{
	if (way == NULL)
		return open(path[0] == '/' ? "/" : ".", FOLDER);
	return path[0] != '/' && owner_is_guest() ? walk(way) : open(way, FOLDER);
}

static void leave(struct place *p)
{
	int saved = errno;

	if (p->folder >= 0)
		close(p->folder);
	free(p->path);
	errno = saved;
}

static bool find(struct place *p, const char *path)
{
	char *slash, *way;
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	p->path = xstrndup(path, n);
	slash = strrchr(p->path, '/');
	p->name = slash != NULL ? slash + 1 : p->path;
	way = slash > p->path ? xstrndup(p->path, (size_t)(slash - p->path)) : NULL;
	p->folder = open_folder(path, way);
	free(way);
	if (p->folder < 0)
		leave(p);
	return p->folder >= 0;
}

/* `fd` has just been made in the folder. */
static void hand_over(const struct place *p, int fd)
{
	struct stat folder;

	if (geteuid() != 0 || fstat(p->folder, &folder) != 0 || folder.st_uid == 0)
		return;
	if (fchown(fd, folder.st_uid, folder.st_gid) != 0)
		log_warn("owner", "%s stays root's: %m", p->path);
}

static bool is_empty(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	bool empty = dir != NULL;

	if (dir == NULL && copy >= 0)
		close(copy);
	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir != NULL)
		closedir(dir);
	return empty;
}

/* A folder has no descriptor before it has a name, and the name may have gone to another folder of
 * root's by now. An empty one next to ours is as good: its owner could have removed it. */
static void hand_over_folder(const struct place *p)
{
	int fd = openat(p->folder, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat here, st;

	if (fd < 0)
		return;
	if (fstat(p->folder, &here) == 0 && fstat(fd, &st) == 0 && st.st_uid == 0 &&
	    st.st_dev == here.st_dev && (st.st_mode & 022) == 0 && is_empty(fd))
		hand_over(p, fd);
	close(fd);
}

int owner_mkdir(const char *path, mode_t mode)
{
	struct place p;
	int made;

	if (!find(&p, path))
		return -1;
	made = mkdirat(p.folder, p.name, mode);
	if (made == 0 && geteuid() == 0)
		hand_over_folder(&p);
	leave(&p);
	return made;
}

int owner_open(const char *path, int flags, mode_t mode)
{
	struct place p;
	int fd = -1;

	flags |= O_CLOEXEC | O_NOFOLLOW;
	if (!find(&p, path))
		return -1;
	for (int i = 0; i < TRIES && fd < 0; i++) {
		fd = openat(p.folder, p.name, flags | O_CREAT | O_EXCL, mode);
		if (fd >= 0)
			hand_over(&p, fd);
		if (fd >= 0 || errno != EEXIST || flags & O_EXCL)
			break;
		fd = openat(p.folder, p.name, flags);
		if (fd < 0 && errno != ENOENT)
			break;
	}
	leave(&p);
	return fd;
}

FILE *owner_rewrite(const char *path, mode_t mode)
{
	int fd;
	FILE *f;

	if (unlink(path) != 0 && errno != ENOENT)
		return NULL;
	fd = owner_open(path, O_WRONLY | O_EXCL, mode);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (fd >= 0 && f == NULL)
		close(fd);
	return f;
}
