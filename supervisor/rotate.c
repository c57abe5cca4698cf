#include "supervisor/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/owner.h"

struct rotate {
	char *path;
	int fd;
	bool is_stderr;
	bool torn; /* the last line was written in part */
};

struct rotate *rotate_new(const char *path)
{
	struct rotate *r = xcalloc(1, sizeof(*r));

	r->path = xstrdup(path);
	r->fd = -1;
	return r;
}

void rotate_free(struct rotate *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r->path);
	free(r);
}

static int open_file(struct rotate *r)
{
	/* O_NONBLOCK: should a pipe have taken its name, nobody waits for its reader. */
	r->fd = owner_open(r->path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK, 0600);
	if (r->fd < 0)
		return -1;
	if (r->is_stderr)
		dup2(r->fd, STDERR_FILENO);
	return 0;
}

static void turn_over(struct rotate *r)
{
	char *older = NULL;

	for (int i = ROTATE_FILES - 1; i > 0; i--) {
		char *newer = i > 1 ? xasprintf("%s.%d", r->path, i - 1) : xstrdup(r->path);
		free(older);
		older = xasprintf("%s.%d", r->path, i);
		rename(newer, older);
		free(newer);
	}
	free(older);
	close(r->fd);
	r->fd = -1;
}

/* The size is asked of the file: others write to it through descriptor 2. */
static int have_room(struct rotate *r, size_t n)
{
	struct stat st;

	if (r->fd < 0 && open_file(r) < 0)
		return -1;
	if (fstat(r->fd, &st) < 0)
		return -1;
	if (st.st_size == 0 || (size_t)st.st_size + n <= ROTATE_SIZE)
		return 0;
	turn_over(r);
	return open_file(r);
}

int rotate_write(struct rotate *r, const char *line, size_t n)
{
	struct iovec parts[3] = {
	    {.iov_base = (char *)(uintptr_t) "\n", .iov_len = r->torn},
	    {.iov_base = (char *)(uintptr_t)line, .iov_len = n},
	    {.iov_base = (char *)(uintptr_t) "\n", .iov_len = 1},
	};
	ssize_t wrote;

	if (have_room(r, n + 2) < 0)
		return -1;
	wrote = writev(r->fd, parts, 3);
	if (wrote == (ssize_t)(n + 1 + r->torn)) {
		r->torn = false;
		return 0;
	}
	if (wrote > 0) {
		r->torn = true;
		errno = ENOSPC;
	}
	return -1;
}

int rotate_is_stderr(struct rotate *r)
{
	r->is_stderr = true;
	if (r->fd < 0)
		return open_file(r);
	return dup2(r->fd, STDERR_FILENO) < 0 ? -1 : 0;
}
