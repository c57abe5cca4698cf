#include "svc-rendezvous/peer_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "base/owner.h"
#include "base/str.h"

#define OPEN_WAIT_MS 5000
/* Of what waits, counted as row_size() does: a default table full of large messages. */
#define PENDING_MAX (96 * 1024 * 1024)
/* Of one transaction: meanwhile nothing else happens. */
#define WRITE_MAX (8 * 1024 * 1024)
#define CLEAN_MS  60000
#define KEEP_MS   (10 * 60 * 1000) /* longer than PEER_DB_DOWN_MS */
#define WRITER    17

struct pending {
	struct hub_row row; /* strings owned */
};

#define ROW_SIZE 512 /* of a row besides its message */

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	NUMBER,
	PUT,
	SIGN,
	VERSION,
	NEWS,
	CLEAN,
	CLEAN_SIGNERS,
	STATEMENTS
};

static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [NUMBER] = "UPDATE goop_change SET number = number + 1 RETURNING number",
    /* What is older than the row there came late. */
    [PUT] = ("INSERT INTO goop_presence (peer_id, client, json, gone, signed, signer_ts, heard,"
	     " bytes, change, writer) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
	     " ON CONFLICT (peer_id) DO UPDATE SET client = excluded.client, json = excluded.json,"
	     " gone = excluded.gone, signed = excluded.signed,"
	     " signer_ts = max(signer_ts, excluded.signer_ts), heard = excluded.heard,"
	     " bytes = excluded.bytes, change = excluded.change, writer = excluded.writer"
	     " WHERE excluded.heard >= heard"),
    [SIGN] = ("INSERT INTO goop_signers (peer_id, ts, heard) VALUES (?1, ?2, ?3)"
	      " ON CONFLICT (peer_id) DO UPDATE SET ts = max(ts, excluded.ts),"
	      " heard = max(heard, excluded.heard)"),
    [VERSION] = "PRAGMA data_version",
    [NEWS] = ("SELECT peer_id, client, json, gone, signed, signer_ts, heard, bytes, change"
	      " FROM goop_presence WHERE change > ?1 AND writer <> ?2 ORDER BY change"),
    [CLEAN] = "DELETE FROM goop_presence WHERE heard < ?1",
    [CLEAN_SIGNERS] = "DELETE FROM goop_signers WHERE heard < ?1",
};

static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA journal_size_limit = 33554432;"
    "CREATE TABLE IF NOT EXISTS goop_presence (peer_id TEXT PRIMARY KEY, client TEXT NOT NULL,"
    " json TEXT NOT NULL, gone INTEGER NOT NULL, signed INTEGER NOT NULL,"
    " signer_ts INTEGER NOT NULL, heard INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " change INTEGER NOT NULL, writer TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS goop_presence_change ON goop_presence (change);"
    "CREATE TABLE IF NOT EXISTS goop_signers (peer_id TEXT PRIMARY KEY, ts INTEGER NOT NULL,"
    " heard INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS goop_change (id INTEGER PRIMARY KEY CHECK (id = 1),"
    " number INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO goop_change VALUES (1, 0);";

struct peer_db {
	sqlite3 *handle;
	sqlite3_stmt *statements[STATEMENTS];
	struct map *pending;
	size_t pending_bytes;
	char writer[WRITER]; /* this instance */
	int64_t seen;        /* the last change told to the hub */
	int64_t version;     /* of the file, as PRAGMA data_version gives it */
	int64_t cleaned;
	struct log_limit trouble;
};

static void complain(struct peer_db *db, const char *what)
{
	if (log_allowed(&db->trouble, 3, "peer_db"))
		log_warn("peer_db", "%s: %s", what, sqlite3_errmsg(db->handle));
}

/* --- open and close --------------------------------------------------------------------------- */

static int prepare(struct peer_db *db)
{
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(db->handle, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
			&db->statements[i], NULL) != SQLITE_OK)
			return -1;
	return 0;
}

static void free_pending(struct pending *p)
{
	free((char *)p->row.id);
	free((char *)p->row.client);
	free((char *)p->row.json);
	free(p);
}

static void release(struct peer_db *db)
{
	struct pending *p;

	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->handle);
	MAP_FOREACH (db->pending, at, p)
		free_pending(p);
	map_free(db->pending);
	free(db);
}

/* SQLite would make the file as everybody may read it: it holds the addresses of people, and what
 * is made beside it has its mode and, where root makes it, its owner. A file that is there keeps
 * its own. */
static int make_private(const char *path)
{
	int fd = owner_open(path, O_RDWR | O_EXCL, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : -1;
	return close(fd);
}

/* SQLite opens the folder to sync it when it first syncs the log, which is some time later. What is
 * kept here is not worth a path through the walls. */
static int no_folder(const char *path, int *fd)
{
	(void)path;
	*fd = -1;
	return SQLITE_CANTOPEN;
}

struct peer_db *peer_db_open(const char *path, char error[PEER_DB_ERROR])
{
	struct peer_db *db = xcalloc(1, sizeof(*db));
	uint8_t random[8];
	int persist = 1;

	randombytes_buf(random, sizeof(random));
	str_to_hex(random, sizeof(random), db->writer);
	db->pending = map_new();
	if (make_private(path) != 0) {
		snprintf(error, PEER_DB_ERROR, "presence.peer_db_path: %.300s: %s", path,
		    strerror(errno));
		release(db);
		return NULL;
	}
	if (sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
		SQLITE_OK ||
	    sqlite3_busy_timeout(db->handle, OPEN_WAIT_MS) != SQLITE_OK ||
	    sqlite3_exec(db->handle, schema, NULL, NULL, NULL) != SQLITE_OK || prepare(db) != 0) {
		snprintf(error, PEER_DB_ERROR, "presence.peer_db_path: %.300s: %.150s", path,
		    sqlite3_errmsg(db->handle));
		release(db);
		return NULL;
	}
	sqlite3_busy_timeout(db->handle, 0);
	/* What takes a path must be over before the walls close: the companions stay. */
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	sqlite3_randomness(sizeof(random), random);
	if (sqlite3_vfs_find("unix") != NULL)
		sqlite3_vfs_find("unix")->xSetSystemCall(sqlite3_vfs_find("unix"), "openDirectory",
		    (sqlite3_syscall_ptr)(void *)no_folder);
	return db;
}

/* --- statements ------------------------------------------------------------------------------- */

/* Runs one that gives at most one number; -1 when it fails. */
static int64_t run(struct peer_db *db, enum statement which)
{
	sqlite3_stmt *s = db->statements[which];
	int64_t number = 0;
	int r = sqlite3_step(s);

	if (r == SQLITE_ROW) {
		number = sqlite3_column_int64(s, 0);
		r = sqlite3_step(s);
	}
	sqlite3_reset(s);
	return r == SQLITE_DONE ? number : -1;
}

static void bind_text(sqlite3_stmt *s, int i, const char *text, size_t n)
{
	sqlite3_bind_text(s, i, text, (int)n, SQLITE_STATIC);
}

static int put_signer(struct peer_db *db, const struct hub_row *row)
{
	sqlite3_stmt *s = db->statements[SIGN];

	if (row->signer_ts < 0)
		return 0;
	bind_text(s, 1, row->id, strlen(row->id));
	sqlite3_bind_int64(s, 2, row->signer_ts);
	sqlite3_bind_int64(s, 3, row->heard);
	return run(db, SIGN) < 0 ? -1 : 0;
}

static int put_row(struct peer_db *db, const struct hub_row *row, int64_t change)
{
	sqlite3_stmt *s = db->statements[PUT];

	bind_text(s, 1, row->id, strlen(row->id));
	bind_text(s, 2, row->client, strlen(row->client));
	bind_text(s, 3, row->json, row->len);
	sqlite3_bind_int(s, 4, row->gone);
	sqlite3_bind_int(s, 5, row->signed_);
	sqlite3_bind_int64(s, 6, row->signer_ts);
	sqlite3_bind_int64(s, 7, row->heard);
	sqlite3_bind_int64(s, 8, (int64_t)row->bytes_published);
	sqlite3_bind_int64(s, 9, change);
	bind_text(s, 10, db->writer, strlen(db->writer));
	return run(db, PUT) < 0 ? -1 : put_signer(db, row);
}

/* --- writing ---------------------------------------------------------------------------------- */

static size_t row_size(const struct hub_row *row)
{
	return ROW_SIZE + row->len;
}

static struct pending *copy_of(const struct hub_row *row)
{
	struct pending *p = xcalloc(1, sizeof(*p));

	p->row = *row;
	p->row.id = xstrdup(row->id);
	p->row.client = xstrdup(row->client);
	p->row.json = xstrndup(row->json, row->len);
	return p;
}

static void forget(struct peer_db *db, struct pending *p)
{
	map_removes(db->pending, p->row.id);
	db->pending_bytes -= row_size(&p->row);
	free_pending(p);
}

void peer_db_store(struct peer_db *db, const struct hub_row *row)
{
	struct pending *old = map_gets(db->pending, row->id);
	size_t had = old == NULL ? 0 : row_size(&old->row);

	if (db->pending_bytes - had + row_size(row) > PENDING_MAX) {
		if (log_allowed(&db->trouble, 3, "peer_db"))
			log_warn("peer_db", "too much waits to be written; a peer is left out");
		return;
	}
	if (old != NULL)
		forget(db, old);
	map_sets(db->pending, row->id, copy_of(row));
	db->pending_bytes += row_size(row);
}

size_t peer_db_pending(const struct peer_db *db)
{
	return map_count(db->pending);
}

static void forget_first(struct peer_db *db, size_t n)
{
	struct pending *p;

	MAP_FOREACH (db->pending, at, p) {
		if (n-- == 0)
			return;
		forget(db, p);
	}
}

/* The first in the map's order, in one transaction, until they are more than `most` bytes. */
static void write_some(struct peer_db *db, size_t most)
{
	struct pending *p;
	size_t n = 0, bytes = 0;
	int64_t change;

	if (map_count(db->pending) == 0 || run(db, BEGIN) < 0)
		return; /* another instance writes: at the next turn */
	change = run(db, NUMBER);
	if (change < 0)
		goto failed;
	MAP_FOREACH (db->pending, at, p) {
		if (bytes > most)
			break;
		if (put_row(db, &p->row, change) != 0)
			goto failed;
		bytes += row_size(&p->row);
		n++;
	}
	if (run(db, COMMIT) < 0)
		goto failed;
	forget_first(db, n);
	return;
failed:
	complain(db, "peers cannot be written");
	run(db, ROLLBACK);
}

void peer_db_close(struct peer_db *db)
{
	if (db == NULL)
		return;
	sqlite3_busy_timeout(db->handle, 500);
	write_some(db, PENDING_MAX);
	release(db);
}

/* --- reading ---------------------------------------------------------------------------------- */

static const char *column_text(sqlite3_stmt *s, int i)
{
	const unsigned char *text = sqlite3_column_text(s, i);

	return text == NULL ? "" : (const char *)text;
}

static struct hub_row row_of(sqlite3_stmt *s)
{
	struct hub_row row = {.id = column_text(s, 0),
	    .client = column_text(s, 1),
	    .json = column_text(s, 2),
	    .gone = sqlite3_column_int(s, 3) != 0,
	    .signed_ = sqlite3_column_int(s, 4) != 0,
	    .signer_ts = sqlite3_column_int64(s, 5),
	    .heard = sqlite3_column_int64(s, 6),
	    .bytes_published = (uint64_t)sqlite3_column_int64(s, 7)};

	row.len = strlen(row.json);
	return row;
}

static void read_news(struct peer_db *db, struct hub *hub, int64_t now)
{
	sqlite3_stmt *s = db->statements[NEWS];
	int64_t seen = db->seen;
	struct hub_row row;
	int r;

	sqlite3_bind_int64(s, 1, db->seen);
	bind_text(s, 2, db->writer, strlen(db->writer));
	while ((r = sqlite3_step(s)) == SQLITE_ROW) {
		row = row_of(s);
		hub_import(hub, &row, now);
		seen = sqlite3_column_int64(s, 8);
	}
	if (r != SQLITE_DONE && r != SQLITE_BUSY)
		complain(db, "peers cannot be read");
	/* Rows of one transaction share their number: all of them again when some are missing. */
	if (r == SQLITE_DONE)
		db->seen = seen;
	else
		db->version = -1;
	sqlite3_reset(s);
}

static void clean(struct peer_db *db, int64_t now)
{
	if (now - db->cleaned < CLEAN_MS)
		return;
	db->cleaned = now;
	sqlite3_bind_int64(db->statements[CLEAN], 1, now - KEEP_MS);
	sqlite3_bind_int64(db->statements[CLEAN_SIGNERS], 1, now - HUB_SIGNER_MS);
	run(db, CLEAN);
	run(db, CLEAN_SIGNERS);
}

void peer_db_turn(struct peer_db *db, struct hub *hub, int64_t now)
{
	int64_t version;

	write_some(db, WRITE_MAX);
	version = run(db, VERSION);
	if (version != db->version) {
		db->version = version;
		read_news(db, hub, now);
	}
	clean(db, now);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static sqlite3_stmt *ask(struct peer_db *db, const char *text)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db->handle, text, -1, &s, NULL) != SQLITE_OK)
		complain(db, "peers cannot be read");
	return s;
}

static int64_t number_of(struct peer_db *db, const char *text)
{
	sqlite3_stmt *s = ask(db, text);
	int64_t n = s != NULL && sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;

	sqlite3_finalize(s);
	return n;
}

static void load_signers(struct peer_db *db, struct hub *hub, int64_t now)
{
	sqlite3_stmt *s = ask(db, "SELECT peer_id, ts, heard FROM goop_signers ORDER BY heard");

	while (s != NULL && sqlite3_step(s) == SQLITE_ROW)
		hub_import_signer(hub, column_text(s, 0), sqlite3_column_int64(s, 1),
		    sqlite3_column_int64(s, 2), now);
	sqlite3_finalize(s);
}

/* Who was heard in the last moments before everybody fell silent was there: it was the server that
 * was not. */
static void load_peers(struct peer_db *db, struct hub *hub, int64_t now)
{
	int64_t end = number_of(db, "SELECT max(heard) FROM goop_presence");
	sqlite3_stmt *s;
	struct hub_row row;

	if (now - end >= PEER_DB_DOWN_MS)
		return;
	s = ask(db, "SELECT peer_id, client, json, gone, signed, signer_ts, heard, bytes"
		    " FROM goop_presence WHERE gone = 0 ORDER BY heard");
	while (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
		row = row_of(s);
		if (row.heard < end - HUB_PEER_MS)
			continue;
		row.heard = now;
		hub_import(hub, &row, now);
	}
	sqlite3_finalize(s);
}

/* When the clock has been set back, what was written before would not be written over until the
 * time has caught up. */
static void bring_back(struct peer_db *db, const char *text, int64_t now)
{
	sqlite3_stmt *s = ask(db, text);

	if (s != NULL &&
	    (sqlite3_bind_int64(s, 1, now) != SQLITE_OK || sqlite3_step(s) != SQLITE_DONE))
		complain(db, "times cannot be set back");
	sqlite3_finalize(s);
}

void peer_db_load(struct peer_db *db, struct hub *hub, int64_t now)
{
	if (number_of(db, "SELECT max(heard) FROM goop_presence") > now)
		bring_back(db, "UPDATE goop_presence SET heard = ?1 WHERE heard > ?1", now);
	if (number_of(db, "SELECT max(heard) FROM goop_signers") > now)
		bring_back(db, "UPDATE goop_signers SET heard = ?1 WHERE heard > ?1", now);
	load_signers(db, hub, now);
	db->seen = number_of(db, "SELECT number FROM goop_change");
	load_peers(db, hub, now);
	db->version = run(db, VERSION);
}
