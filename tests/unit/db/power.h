/* A disk that loses what was not synced. The functions below stand in front of the C library's, so
 * that SQLite's own file layer calls them; they do their work on the real files and keep beside it,
 * for files in one folder, what a disk must hold: the bytes that a sync has followed, and the
 * writes that none has. The same for the names in the folder, which a sync of the folder makes
 * lasting. power_cut() makes of this a folder as it might be found after a power cut. */
#ifndef TESTS_UNIT_DB_POWER_H
#define TESTS_UNIT_DB_POWER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "tests/unit/testing.h"

#define POWER_FILES  64
#define POWER_FDS    1024
#define POWER_SECTOR 512

/* A write, or a truncation (data NULL, `at` the new size). */
struct power_write {
	size_t at, n;
	uint8_t *data;
};

struct power_file {
	char name[32];    /* in the folder; "" when the file has no name any more */
	char lasting[32]; /* the name that a sync of the folder has made lasting, or "" */
	uint8_t *disk;    /* what was synced */
	size_t size;
	struct power_write *writes; /* not synced */
	size_t count;
};

static struct {
	char folder[128]; /* "": nothing is kept */
	struct power_file files[POWER_FILES];
	size_t count;
	struct power_file *by_fd[POWER_FDS];
	bool is_folder[POWER_FDS];
	unsigned long calls;  /* that change or sync something */
	void (*before)(void); /* each such call */
} power;

static inline void power_call(void)
{
	power.calls++;
	if (power.before != NULL)
		power.before();
}

/* The name behind the folder, or NULL. */
static inline const char *power_name(const char *path)
{
	size_t n = strlen(power.folder);

	if (n == 0 || strncmp(path, power.folder, n) != 0 || path[n] != '/')
		return NULL;
	/* The shared memory is made anew from the log. */
	return strstr(path + n, "-shm") != NULL ? NULL : path + n + 1;
}

static inline struct power_file *power_find(const char *name)
{
	for (size_t i = 0; i < power.count; i++)
		if (strcmp(power.files[i].name, name) == 0)
			return &power.files[i];
	return NULL;
}

static inline struct power_file *power_add(const char *name)
{
	struct power_file *f = &power.files[power.count++];

	assert_in_range(power.count, 1, POWER_FILES);
	memset(f, 0, sizeof *f);
	snprintf(f->name, sizeof f->name, "%s", name);
	return f;
}

static inline void power_opened(const char *path, int fd)
{
	const char *name = power_name(path);
	struct power_file *f;

	if (fd < 0 || fd >= POWER_FDS)
		return;
	power.is_folder[fd] = power.folder[0] != '\0' && strcmp(path, power.folder) == 0;
	power.by_fd[fd] = NULL;
	if (name == NULL)
		return;
	f = power_find(name);
	power.by_fd[fd] = f != NULL ? f : power_add(name);
}

static inline struct power_file *power_of(int fd)
{
	return fd >= 0 && fd < POWER_FDS ? power.by_fd[fd] : NULL;
}

static inline void power_write(int fd, const void *p, size_t n, size_t at)
{
	struct power_file *f = power_of(fd);

	if (f == NULL)
		return;
	power_call();
	f->writes = xreallocarray(f->writes, f->count + 1, sizeof *f->writes);
	f->writes[f->count++] =
	    (struct power_write){at, n, p != NULL ? xmemdup(p, n > 0 ? n : 1) : NULL};
}

static inline void power_apply(uint8_t **disk, size_t *size, size_t at, const uint8_t *p, size_t n)
{
	size_t end = p != NULL ? at + n : at;

	if (end > *size || p == NULL) {
		*disk = xrealloc(*disk, end > 0 ? end : 1);
		if (end > *size)
			memset(*disk + *size, 0, end - *size);
		*size = end;
	}
	if (p != NULL)
		memcpy(*disk + at, p, n);
}

static inline void power_forget_writes(struct power_file *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->writes[i].data);
	free(f->writes);
	f->writes = NULL;
	f->count = 0;
}

static inline void power_sync(int fd)
{
	struct power_file *f = power_of(fd);

	if (fd >= 0 && fd < POWER_FDS && power.is_folder[fd]) {
		power_call();
		for (size_t i = 0; i < power.count; i++)
			memcpy(power.files[i].lasting, power.files[i].name, 32);
	}
	if (f == NULL)
		return;
	power_call();
	for (size_t i = 0; i < f->count; i++)
		power_apply(&f->disk, &f->size, f->writes[i].at, f->writes[i].data, f->writes[i].n);
	power_forget_writes(f);
}

/* --- in front of the C library -----------------------------------------------------------------
 */

int open64(const char *path, int flags, ...);
int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;
	int fd;

	va_start(args, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	power_opened(path, fd);
	return fd;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open64(path, flags, mode);
}

int close(int fd)
{
	if (fd >= 0 && fd < POWER_FDS) {
		power.by_fd[fd] = NULL;
		power.is_folder[fd] = false;
	}
	return (int)syscall(SYS_close, fd);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	power_write(fd, p, n, (size_t)at);
	return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
	assert_null(power_of(fd));
	return syscall(SYS_write, fd, p, n);
}

int ftruncate64(int fd, off64_t n)
{
	power_write(fd, NULL, 0, (size_t)n);
	return (int)syscall(SYS_ftruncate, fd, n);
}

int fdatasync(int fd)
{
	power_sync(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	power_sync(fd);
	return (int)syscall(SYS_fsync, fd);
}

int unlink(const char *path)
{
	const char *name = power_name(path);
	struct power_file *f = name != NULL ? power_find(name) : NULL;

	if (f != NULL) {
		power_call();
		f->name[0] = '\0';
	}
	return (int)syscall(SYS_unlink, path);
}

/* --- the cut -----------------------------------------------------------------------------------
 */

/* What the disk has made of the writes that nobody synced: nothing; all; or each of their sectors
 * by itself, in any order. */
enum power_loss { POWER_LOSES_ALL, POWER_KEEPS_ALL, POWER_TEARS };

static inline void power_tear(uint8_t **disk, size_t *size, const struct power_write *w)
{
	for (size_t at = 0; at < w->n; at += POWER_SECTOR) {
		size_t n = w->n - at < POWER_SECTOR ? w->n - at : POWER_SECTOR;
		if (random() % 2 == 0)
			power_apply(disk, size, w->at + at, w->data + at, n);
	}
	if (w->data == NULL && random() % 2 == 0)
		power_apply(disk, size, w->at, NULL, 0);
}

static inline void power_put(
    const char *folder, const char *name, const struct power_file *f, enum power_loss loss)
{
	uint8_t *disk = xmemdup(f->disk != NULL ? (void *)f->disk : "", f->size + (f->size == 0));
	size_t size = f->size;
	char path[200];
	int fd;

	for (size_t i = 0; i < f->count; i++) {
		const struct power_write *w = &f->writes[i];
		if (loss == POWER_KEEPS_ALL)
			power_apply(&disk, &size, w->at, w->data, w->n);
		else if (loss == POWER_TEARS)
			power_tear(&disk, &size, w);
	}
	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(syscall(SYS_write, fd, disk, size), size);
	close(fd);
	free(disk);
}

/* Writes the folder as the power cut leaves it. A name that no sync of the folder has followed is
 * as it was before, or, when the disk keeps things, as it is. */
static inline void power_cut(const char *folder, enum power_loss loss)
{
	for (size_t i = 0; i < power.count; i++) {
		const struct power_file *f = &power.files[i];
		bool newer = loss == POWER_KEEPS_ALL || (loss == POWER_TEARS && random() % 2 == 0);
		const char *name = newer ? f->name : f->lasting;
		if (*name != '\0')
			power_put(folder, name, f, loss);
	}
}

static inline void power_begin(const char *folder, void (*before)(void))
{
	snprintf(power.folder, sizeof power.folder, "%s", folder);
	power.before = before;
	power.calls = 0;
}

static inline void power_end(void)
{
	for (size_t i = 0; i < power.count; i++) {
		power_forget_writes(&power.files[i]);
		free(power.files[i].disk);
	}
	memset(&power, 0, sizeof power);
}

#endif
