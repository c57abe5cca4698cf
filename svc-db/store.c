#include "svc-db/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/owner.h"
#include "svc-db/store_int.h"

/* Checking a database of many gigabytes must not keep the service from becoming ready. */
#define CHECK_US (3 * 1000 * 1000)

#define OPEN_WAIT_MS 3000

enum store_code store_say(struct store *st, enum store_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(st->why, sizeof st->why, format, args);
	va_end(args);
	return code;
}

const char *store_why(const struct store *st)
{
	return st->why;
}

const char *store_sentence(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_INTERRUPT: return "took too long: ask for less";
	case SQLITE_AUTH: return "not allowed: only columns of this table and simple functions";
	case SQLITE_FULL: return "disk full: nothing was stored";
	case SQLITE_IOERR: return "disk error: nothing was stored";
	case SQLITE_TOOBIG: return "row too large";
	case SQLITE_NOMEM: return "needs too much memory: ask for less";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return "database is damaged";
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN: return "database cannot be written";
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return "database is locked by another program";
	default: return sqlite3_errmsg(db);
	}
}

static enum store_code code_of(struct store *st, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return STORE_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return STORE_BUSY;
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_NOMEM:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PROTOCOL:
		if (log_allowed(&st->complaints, 10, "store"))
			log_error("store", "%s: %s (SQLite code %d, errno %d)", st->path,
			    sqlite3_errstr(rc), rc,
			    st->db != NULL ? sqlite3_system_errno(st->db) : errno);
		return STORE_FAILED;
	default: return STORE_REFUSED;
	}
}

enum store_code store_judge(struct store *st, sqlite3 *db, int rc)
{
	/* A query that needs more than its part is at fault; the writer is never short of any. */
	bool asks_too_much = (rc & 0xff) == SQLITE_NOMEM && db != st->db;
	enum store_code code = asks_too_much ? STORE_REFUSED : code_of(st, rc);

	return code == STORE_OK ? code : store_say(st, code, "%s", store_sentence(db, rc));
}

/* --- opening --- */

static int harden(sqlite3 *db)
{
	static const struct {
		int option, value;
	} settings[] = {
	    {SQLITE_DBCONFIG_DEFENSIVE, 1},
	    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
	    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	    {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
	    {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
	    {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
	};

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		int rc = sqlite3_db_config(db, settings[i].option, settings[i].value, NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
	sqlite3_extended_result_codes(db, 1);
	/* The loop must not sleep in here, and nothing may be written but the three files. */
	sqlite3_busy_timeout(db, 0);
	return sqlite3_exec(
	    db, "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;", NULL, NULL, NULL);
}

sqlite3 *store_connect(struct store *st)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(st->path, &db, st->flags, NULL);

	if (rc == SQLITE_OK)
		rc = harden(db);
	if (rc == SQLITE_OK)
		return db;
	store_judge(st, db, rc);
	sqlite3_close(db);
	return NULL;
}

/* SQLite would make the file readable by everybody; -wal and -shm take over its mode, and where
 * root makes them its owner. */
static void create_private(const char *path)
{
	int fd = owner_open(path, O_RDWR | O_EXCL, 0600);

	if (fd >= 0)
		close(fd);
}

int64_t store_number(struct store *st, const char *sql)
{
	enum store_code code;
	sqlite3_stmt *stmt = store_prepare(st, sql, &code);
	int64_t n = -1;
	int rc;

	if (stmt == NULL)
		return -1;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	else
		store_judge(st, st->db, rc);
	sqlite3_reset(stmt);
	return n;
}

static int check_late(void *arg)
{
	return clock_mono_us() > *(uint64_t *)arg;
}

/* As much of an integrity check as the time allows. */
static enum store_code check(struct store *st)
{
	uint64_t deadline = clock_mono_us() + CHECK_US;
	enum store_code code;
	sqlite3_stmt *stmt = store_prepare(st, "PRAGMA quick_check(1)", &code);
	int rc;

	if (stmt == NULL)
		return code;
	sqlite3_progress_handler(st->db, 10000, check_late, &deadline);
	rc = sqlite3_step(stmt);
	sqlite3_progress_handler(st->db, 0, NULL, NULL);
	if ((rc & 0xff) == SQLITE_INTERRUPT) {
		log_warn("store", "%s is large: checked in part", st->path);
		code = STORE_OK;
	} else if (rc != SQLITE_ROW) {
		code = store_judge(st, st->db, rc);
	} else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
		code = store_say(st, STORE_FAILED, "database is damaged: %s",
		    (const char *)sqlite3_column_text(stmt, 0));
	}
	sqlite3_reset(stmt);
	return code;
}

static enum store_code check_version(struct store *st)
{
	int64_t version = store_number(st, "PRAGMA user_version");

	if (version > STORE_VERSION)
		return store_say(st, STORE_FAILED,
		    "written by a later version (schema %lld, this program knows %d)",
		    (long long)version, STORE_VERSION);
	return version >= 0 ? STORE_OK : STORE_FAILED;
}

/* The registry as deployed peers make it, so that a database can go back and forth. Databases of
 * early peers have no insert_policy. */
static enum store_code migrate(struct store *st)
{
	static const char *const steps[] = {
	    "CREATE TABLE IF NOT EXISTS _tables (\n\tname TEXT PRIMARY KEY,\n\tschema TEXT NOT "
	    "NULL,\n"
	    "\tinsert_policy TEXT DEFAULT 'owner',\n\tcreated_at DATETIME DEFAULT "
	    "CURRENT_TIMESTAMP\n)",
	    "CREATE TABLE IF NOT EXISTS _orm_schemas (\n\ttable_name TEXT PRIMARY KEY,\n"
	    "\tschema_json TEXT NOT NULL,\n\tcreated_at DATETIME DEFAULT CURRENT_TIMESTAMP\n)",
	};
	static const char has_policy[] =
	    "SELECT count(*) FROM pragma_table_info('_tables') WHERE name = 'insert_policy'";
	enum store_code code = store_begin(st);

	for (size_t i = 0; code == STORE_OK && i < sizeof steps / sizeof *steps; i++)
		code = store_exec(st, steps[i]);
	if (code == STORE_OK && store_number(st, has_policy) == 0)
		code = store_exec(
		    st, "ALTER TABLE _tables ADD COLUMN insert_policy TEXT DEFAULT 'owner'");
	if (code == STORE_OK && store_number(st, "PRAGMA user_version") < STORE_VERSION)
		code = store_exec(st, "PRAGMA user_version = 1");
	return code == STORE_OK ? store_commit(st) : code;
}

/* At the start there is nobody to be held up, and what holds the file may be about to end. */
static enum store_code prepare_file(struct store *st)
{
	enum store_code code;
	char pragmas[192];

	sqlite3_busy_timeout(st->db, OPEN_WAIT_MS);
	code = check_version(st);
	if (code == STORE_OK)
		code = check(st);
	snprintf(pragmas, sizeof pragmas,
	    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;"
	    "PRAGMA journal_size_limit=%d; PRAGMA cache_size=-4096;",
	    STORE_LOG);
	if (code == STORE_OK)
		code = store_judge(st, st->db, sqlite3_exec(st->db, pragmas, NULL, NULL, NULL));
	if (code == STORE_OK)
		code = migrate(st);
	sqlite3_busy_timeout(st->db, 0);
	return code;
}

struct store *store_open(const char *path, char why[STORE_WHY])
{
	struct store *st = xcalloc(1, sizeof *st);

	sqlite3_hard_heap_limit64(STORE_HEAP);
	st->path = xstrdup(path);
	/* A link that another user has made does not lead root to a file. */
	st->flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
	            (owner_is_guest() ? SQLITE_OPEN_NOFOLLOW : 0);
	st->statements = map_new();
	st->tables = map_new();
	create_private(path);
	st->place = -1;
	st->bound = UINT64_MAX;
	st->db = store_connect(st);
	if (st->db != NULL && prepare_file(st) == STORE_OK) {
		st->place = open(path, O_PATH | O_CLOEXEC);
		st->row_max = sqlite3_limit(st->db, SQLITE_LIMIT_LENGTH, -1);
		store_refresh(st);
		return st;
	}
	snprintf(why, STORE_WHY, "%s: %.*s", path, STORE_WHY - 128, st->why);
	store_close(st);
	return NULL;
}

static void close_readers(struct store *st)
{
	for (size_t i = 0; i < STORE_READERS; i++) {
		if (st->readers[i] == NULL)
			continue;
		sqlite3_close(st->readers[i]->db);
		free(st->readers[i]);
	}
}

void store_close(struct store *st)
{
	if (st == NULL)
		return;
	close_readers(st);
	store_forget_statements(st);
	store_forget_tables(st);
	map_free(st->statements);
	map_free(st->tables);
	sqlite3_close(st->db);
	if (st->place >= 0)
		close(st->place);
	free(st->path);
	free(st);
}

void store_refresh(struct store *st)
{
	int64_t version = store_number(st, "PRAGMA data_version");

	if (version != st->data_version)
		store_forget_tables(st);
	st->data_version = version;
}

/* --- transactions --- */

static enum store_code simple(struct store *st, const char *sql)
{
	enum store_code code;
	sqlite3_stmt *stmt = store_prepare(st, sql, &code);

	return stmt != NULL ? store_run(st, stmt) : code;
}

enum store_code store_begin(struct store *st)
{
	store_room_begin(st);
	return simple(st, "BEGIN IMMEDIATE");
}

enum store_code store_commit(struct store *st)
{
	enum store_code code = simple(st, "COMMIT");
	char why[STORE_WHY];

	if (code == STORE_OK) {
		store_room_end(st);
		return code;
	}
	memcpy(why, st->why, sizeof why);
	store_rollback(st);
	return store_say(st, STORE_FAILED, "%s", why);
}

void store_rollback(struct store *st)
{
	/* What was learned inside may never have been. */
	store_forget_tables(st);
	if (!sqlite3_get_autocommit(st->db))
		simple(st, "ROLLBACK");
}

enum store_code store_save(struct store *st, bool whole)
{
	st->saved = !whole || store_has_foreign_keys(st);
	return st->saved ? simple(st, "SAVEPOINT request") : STORE_OK;
}

enum store_code store_release(struct store *st)
{
	int deferred = 0, unused;

	if (!st->saved)
		return STORE_OK;
	sqlite3_db_status(st->db, SQLITE_DBSTATUS_DEFERRED_FKS, &deferred, &unused, 0);
	if (deferred != 0) {
		if (store_undo(st) != STORE_OK)
			return STORE_FAILED;
		return store_say(st, STORE_REFUSED, "FOREIGN KEY constraint failed");
	}
	return simple(st, "RELEASE request");
}

enum store_code store_undo(struct store *st)
{
	char why[STORE_WHY];
	enum store_code code = STORE_OK;

	/* Some errors end the whole transaction. */
	if (sqlite3_get_autocommit(st->db))
		return STORE_FAILED;
	memcpy(why, st->why, sizeof why);
	if (st->saved)
		code = simple(st, "ROLLBACK TO request");
	if (st->saved && code == STORE_OK)
		code = simple(st, "RELEASE request");
	memcpy(st->why, why, sizeof why);
	return code == STORE_OK ? STORE_OK : STORE_FAILED;
}
