#include "svc-viewer/site.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

#define INDEX "index.html"

/* openat2(2) asks to be called again when a rename comes between. */
#define TRIES 16

struct site {
	char *root;
};

const char *site_result_text(enum site_result result)
{
	switch (result) {
	case SITE_OK: return "ok";
	case SITE_NOT_FOUND: return "not found";
	case SITE_FORBIDDEN: return "forbidden";
	case SITE_DISABLED: return "site disabled";
	case SITE_BUSY: return "busy";
	}
	return "?";
}

static int open_root(const struct site *s)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC};
	/* Landlock looks at it as at openat(2), which a handler of SIGSYS would do for us
	 * (base/sandbox_trap.c): at each visit, that is too long. */
	long fd = syscall(SYS_openat2, AT_FDCWD, s->root, &how, sizeof(how));

	return fd < 0 && errno == ENOSYS ? open(s->root, (int)how.flags) : (int)fd;
}

struct site *site_new(const char *root)
{
	struct site *s = xcalloc(1, sizeof(*s));
	int fd;

	s->root = xstrdup(root);
	fd = open_root(s);
	if (fd < 0)
		log_warn("site",
		    "paths.site_root: %s cannot be opened (%s): the site is disabled until it is "
		    "there",
		    root, strerror(errno));
	else
		close(fd);
	return s;
}

void site_free(struct site *s)
{
	if (s == NULL)
		return;
	free(s->root);
	free(s);
}

const char *site_root(const struct site *s)
{
	return s->root;
}

/* --- names ------------------------------------------------------------------------------------ */

/* A segment that begins with a dot is hidden, and "." and ".." are never needed. */
static bool is_forbidden(const char *segment, size_t n, bool first)
{
	return segment[0] == '.' || (first && n == 3 && memcmp(segment, "lua", 3) == 0);
}

static enum site_result append(char *out, size_t *len, const char *segment, size_t n)
{
	if (n + 2 > SITE_PATH_MAX - *len)
		return SITE_NOT_FOUND;
	if (*len > 0)
		out[(*len)++] = '/';
	memcpy(out + *len, segment, n);
	*len += n;
	out[*len] = '\0';
	return SITE_OK;
}

enum site_result site_path(const char *path, char *out)
{
	size_t len = 0, n;
	enum site_result result = SITE_OK;

	if (*path == '/')
		path++;
	if (*path == '/')
		return SITE_FORBIDDEN;
	/* What is forbidden is said before what is too long. */
	for (const char *p = path; *p != '\0'; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (n > 0 && is_forbidden(p, n, p == path))
			return SITE_FORBIDDEN;
		if (n > 0 && result == SITE_OK)
			result = append(out, &len, p, n);
	}
	if (result == SITE_OK && (*path == '\0' || path[strlen(path) - 1] == '/'))
		result = append(out, &len, INDEX, strlen(INDEX));
	return result;
}

/* --- files ------------------------------------------------------------------------------------ */

/* O_NONBLOCK: opening a pipe without a writer must not wait. */
#define FILE_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

static bool is_link(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* The names come from site_path(): no segment is empty, "." or "..". */
static int open_by_steps(int root, const char *name)
{
	char segment[SITE_PATH_MAX];
	int folder = root, fd, saved;
	size_t n;
	bool last;

	do {
		n = strcspn(name, "/");
		last = name[n] == '\0';
		memcpy(segment, name, n);
		segment[n] = '\0';
		fd = openat(folder, segment,
		    O_NOFOLLOW | (last ? FILE_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC));
		saved = fd < 0 && errno == ENOTDIR && is_link(folder, segment) ? ELOOP : errno;
		if (folder != root)
			close(folder);
		errno = saved;
		folder = fd;
		name += n + 1;
	} while (fd >= 0 && !last);
	return fd;
}

static int open_beneath(int root, const char *name)
{
	struct open_how how = {
	    .flags = FILE_FLAGS,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	for (int i = 0; i < TRIES; i++) {
		fd = syscall(SYS_openat2, root, name, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	/* A service manager that looks at the flags of open(2) (RestrictSUIDSGID= of systemd)
	 * cannot see those of openat2(2), and denies it. */
	return fd < 0 && errno == ENOSYS ? open_by_steps(root, name) : (int)fd;
}

static enum site_result from_errno(void)
{
	switch (errno) {
	case ELOOP:
	case EXDEV:
	case EACCES:
	case EPERM: return SITE_FORBIDDEN;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN: return SITE_BUSY;
	default: return SITE_NOT_FOUND;
	}
}

/* Opens a regular file; *folder tells that the name is a folder's. */
static enum site_result open_file(int root, const char *name, struct site_file *file, bool *folder)
{
	struct stat st;
	int fd = open_beneath(root, name);

	*folder = false;
	if (fd < 0)
		return from_errno();
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*file = (struct site_file){
		    .fd = fd, .size = (uint64_t)st.st_size, .mime = site_mime(name)};
		return SITE_OK;
	}
	*folder = S_ISDIR(st.st_mode);
	close(fd);
	return SITE_NOT_FOUND;
}

static enum site_result open_name(int root, char *name, struct site_file *file)
{
	size_t len = strlen(name);
	bool folder;
	enum site_result result = open_file(root, name, file, &folder);

	if (!folder || append(name, &len, INDEX, strlen(INDEX)) != SITE_OK)
		return result;
	return open_file(root, name, file, &folder);
}

enum site_result site_open(const struct site *s, const char *path, struct site_file *file)
{
	char name[SITE_PATH_MAX];
	enum site_result result;
	int root;

	*file = (struct site_file){.fd = -1};
	root = open_root(s);
	if (root < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? SITE_BUSY
		                                                             : SITE_DISABLED;
	result = site_path(path, name);
	if (result == SITE_OK)
		result = open_name(root, name, file);
	close(root);
	return result;
}

void site_close(struct site_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

ssize_t site_read(const struct site_file *file, uint64_t offset, void *to, size_t n)
{
	ssize_t got;

	do
		got = pread(file->fd, to, n, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got;
}
