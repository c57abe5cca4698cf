/* What visitors may store, so that an open table is no way to fill somebody's disk. Whoever wants
 * makes peer ids without number, so there is no bound for each, but one for all. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/str.h"
#include "svc-db/store_int.h"

#define MIB (1024 * 1024)

/* In bytes. The log is as long as STORE_LOG in the normal case. It is longer when there are readers
 * from of old, and then it does not show in the number of pages. */
static int64_t taken(struct store *st)
{
	int64_t pages =
	    store_number(st, "SELECT (page_count - freelist_count) * page_size"
			     " FROM pragma_page_count, pragma_freelist_count, pragma_page_size");
	sqlite3_int64 log = 0;
	sqlite3_file *file = NULL;

	sqlite3_file_control(st->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	if (file != NULL && file->pMethods != NULL)
		file->pMethods->xFileSize(file, &log);
	return pages >= 0 && log > STORE_LOG ? pages + log - STORE_LOG : pages;
}

/* Of the disk: what has to stay free, and what is. False when it cannot be told. */
static bool disk(const struct store *st, uint64_t *wanted, uint64_t *there)
{
	struct statfs fs;

	if (fstatfs(st->place, &fs) != 0 || fs.f_blocks == 0)
		return false;
	*wanted = fs.f_blocks / STORE_FREE_PART * (uint64_t)fs.f_bsize;
	if (*wanted > STORE_FREE_MAX)
		*wanted = STORE_FREE_MAX;
	*there = fs.f_bavail * (uint64_t)fs.f_bsize;
	return true;
}

static void note(struct store *st, const char *why)
{
	if (strcmp(st->full, why) == 0)
		return;
	if (*why != '\0' && log_allowed(&st->complaints, 10, "store"))
		log_warn("store", "%s: visitors' rows are refused: %s", st->path, why);
	else if (*why == '\0')
		log_info("store", "%s: there is room for visitors' rows again", st->path);
	str_copy(st->full, sizeof st->full, why);
}

/* False, with store_why() set, when it cannot be told. */
static bool look(struct store *st)
{
	char why[sizeof st->full] = "";
	uint64_t wanted, there;
	int64_t bytes = taken(st);

	if (bytes < 0)
		return false;
	if ((uint64_t)bytes >= st->bound)
		snprintf(
		    why, sizeof why, "the database has reached %" PRIu64 " MiB", st->bound / MIB);
	else if (disk(st, &wanted, &there) && there < wanted)
		snprintf(why, sizeof why, "less than %" PRIu64 " MiB of the disk are free",
		    wanted / MIB);
	note(st, why);
	return true;
}

void store_set_bound(struct store *st, uint64_t bytes)
{
	st->bound = bytes;
}

void store_set_visitor(struct store *st, bool visitor)
{
	sqlite3_limit(st->db, SQLITE_LIMIT_LENGTH, visitor ? STORE_VISITORS_ROW : st->row_max);
}

enum store_code store_room(struct store *st)
{
	if (!st->looked && !look(st))
		return STORE_FAILED;
	st->looked = true;
	if (*st->full == '\0')
		return STORE_OK;
	return store_say(
	    st, STORE_REFUSED, "the database of this site is full: it takes no more from visitors");
}

const char *store_full(const struct store *st)
{
	return st->full;
}

void store_room_begin(struct store *st)
{
	st->looked = false;
	/* A long log is cut by the next write, and of those there may be none. */
	if (*st->full != '\0')
		sqlite3_wal_checkpoint_v2(st->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

void store_room_end(struct store *st)
{
	if (*st->full != '\0')
		look(st);
}
