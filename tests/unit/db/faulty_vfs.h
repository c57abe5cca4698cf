/* SQLite's file layer with faults on demand, in the manner of SQLite's own test_vfs: the N-th
 * write, sync or truncation fails, once or from then on; and it knows which files have writes that
 * no sync has followed. */
#ifndef TESTS_UNIT_DB_FAULTY_VFS_H
#define TESTS_UNIT_DB_FAULTY_VFS_H

#include <sqlite3.h>

#include "tests/unit/testing.h"

static struct {
	long calls;   /* writes, syncs and truncations so far */
	long fail_at; /* 0: never */
	bool for_ever;
	int error;
	bool failed;
	long log_syncs;
	bool log_dirty; /* the write-ahead log has writes that are not synced */
	sqlite3_vfs *real;
} faulty;

struct faulty_file {
	sqlite3_file base;
	bool is_log;
	sqlite3_file real[];
};

static inline int faulty_call(void)
{
	faulty.calls++;
	if (faulty.fail_at == 0 || faulty.calls < faulty.fail_at ||
	    (faulty.calls > faulty.fail_at && !faulty.for_ever))
		return SQLITE_OK;
	faulty.failed = true;
	return faulty.error;
}

#define REAL(f) (((struct faulty_file *)(f))->real)

static int faulty_close(sqlite3_file *f)
{
	return REAL(f)->pMethods->xClose(REAL(f));
}

static int faulty_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

static int faulty_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = faulty_call();

	if (((struct faulty_file *)f)->is_log)
		faulty.log_dirty = true;
	return rc != SQLITE_OK ? rc : REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}

static int faulty_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	int rc = faulty_call();

	return rc != SQLITE_OK ? rc : REAL(f)->pMethods->xTruncate(REAL(f), n);
}

static int faulty_sync(sqlite3_file *f, int flags)
{
	int rc = faulty_call();

	if (rc != SQLITE_OK)
		return rc == SQLITE_IOERR_WRITE ? SQLITE_IOERR_FSYNC : rc;
	if (((struct faulty_file *)f)->is_log) {
		faulty.log_dirty = false;
		faulty.log_syncs++;
	}
	return REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int faulty_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return REAL(f)->pMethods->xFileSize(REAL(f), n);
}

static int faulty_lock(sqlite3_file *f, int how)
{
	return REAL(f)->pMethods->xLock(REAL(f), how);
}

static int faulty_unlock(sqlite3_file *f, int how)
{
	return REAL(f)->pMethods->xUnlock(REAL(f), how);
}

static int faulty_check_lock(sqlite3_file *f, int *out)
{
	return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int faulty_control(sqlite3_file *f, int op, void *arg)
{
	return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static int faulty_sector(sqlite3_file *f)
{
	return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int faulty_traits(sqlite3_file *f)
{
	return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int faulty_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
	return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, p);
}

static int faulty_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return REAL(f)->pMethods->xShmLock(REAL(f), offset, n, flags);
}

static void faulty_barrier(sqlite3_file *f)
{
	REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int faulty_unmap(sqlite3_file *f, int delete_)
{
	return REAL(f)->pMethods->xShmUnmap(REAL(f), delete_);
}

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	static const sqlite3_io_methods methods = {2, faulty_close, faulty_read, faulty_write,
	    faulty_truncate, faulty_sync, faulty_size, faulty_lock, faulty_unlock,
	    faulty_check_lock, faulty_control, faulty_sector, faulty_traits, faulty_map,
	    faulty_shm_lock, faulty_barrier, faulty_unmap, NULL, NULL};
	int rc;

	(void)vfs;
	f->pMethods = NULL;
	rc = faulty.real->xOpen(faulty.real, name, REAL(f), flags, out);
	if (rc != SQLITE_OK)
		return rc;
	((struct faulty_file *)f)->is_log = (flags & SQLITE_OPEN_WAL) != 0;
	f->pMethods = &methods;
	return SQLITE_OK;
}

/* Makes it the file layer of every connection from now on. */
static inline void faulty_install(void)
{
	static sqlite3_vfs vfs;

	faulty.real = sqlite3_vfs_find(NULL);
	vfs = *faulty.real;
	vfs.zName = "faulty";
	vfs.pNext = NULL;
	vfs.szOsFile = (int)sizeof(struct faulty_file) + faulty.real->szOsFile;
	vfs.xOpen = faulty_open;
	assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

static inline void faulty_set(long fail_at, bool for_ever, int error)
{
	faulty.calls = 0;
	faulty.fail_at = fail_at;
	faulty.for_ever = for_ever;
	faulty.error = error;
	faulty.failed = false;
}

#endif
