/* What store.c and store_*.c share. Included by nothing else. */
#ifndef DB_STORE_INT_H
#define DB_STORE_INT_H

#include <sqlite3.h>

#include "base/log.h"
#include "base/map.h"
#include "svc-db/store.h"

/* SQLite's memory, of all connections together. */
#define STORE_HEAP (192LL * 1024 * 1024)

/* What the log is cut to when nobody reads in it. */
#define STORE_LOG (32 * 1024 * 1024)

#define GUARD_TOKEN 36 /* room for a name that nobody can guess, with its zero */

/* Stands beside a reading connection and decides, while SQLite compiles and runs a statement, what
 * it may touch and for how long. One query at a time. */
struct guard {
	bool trusted;
	const char *table; /* the one that an untrusted query may read, as the schema spells it */
	bool all_rows;     /* there is no filter on it */
	/* The name under which it reads it: the table itself is open to that name alone. */
	char token[GUARD_TOKEN];
	unsigned selects;
	unsigned functions;
	uint64_t deadline; /* of the present step, microseconds */
	bool late;         /* it passed */
	int64_t held;      /* bytes of SQLite's memory that the query has come to hold so far */
	int64_t before;    /* bytes in use when the present step began */
};

struct reader {
	sqlite3 *db;
	struct guard guard;
	bool taken;
};

struct store {
	sqlite3 *db; /* the writer */
	char *path;
	int place;              /* the file, to ask about its disk; no descriptor of its content */
	int flags;              /* of sqlite3_open_v2(), for each connection */
	struct map *statements; /* SQL text -> struct statement, prepared on the writer */
	uint64_t uses;
	struct map *tables; /* lower-case name -> struct table */
	int64_t data_version;
	enum { KEYS_UNKNOWN, KEYS_NONE, KEYS_SOME } foreign_keys;
	bool saved; /* there is a savepoint for the present request */
	struct reader *readers[STORE_READERS];
	struct log_limit complaints;
	int row_max;    /* bytes of a row of the owner's */
	uint64_t bound; /* store_set_bound() */
	bool looked;    /* for room, in this transaction */
	char full[96];  /* store_full() */
	char why[STORE_WHY];
};

/* store.c */

/* Sets store_why(). */
enum store_code store_say(struct store *st, enum store_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What an error of SQLite means here; sets store_why(). OK for SQLITE_OK, ROW and DONE. */
enum store_code store_judge(struct store *st, sqlite3 *db, int rc);
/* The sentence for it, lent by `db` or static. */
const char *store_sentence(sqlite3 *db, int rc);
/* The first column of the first row as a number; -1 with store_why() set when there is none. */
int64_t store_number(struct store *st, const char *sql);
/* Opens a connection with everything that both kinds need. NULL with store_why() set. */
sqlite3 *store_connect(struct store *st);

/* store_write.c */

/* A prepared statement of the writer for this SQL, from the cache, reset and unbound; NULL with
 * store_why() set and *code given. To be reset after use. */
sqlite3_stmt *store_prepare(struct store *st, const char *sql, enum store_code *code);
/* Runs a statement that returns no row and resets it. */
enum store_code store_run(struct store *st, sqlite3_stmt *stmt);
/* Prepares, runs and forgets: for statements that are used once. */
enum store_code store_exec(struct store *st, const char *sql);
void store_forget_statements(struct store *st);
/* Binds a value; bytes must live until the statement has run, or are copied. */
int store_bind(sqlite3_stmt *stmt, int at, const struct value *v, bool copy);

/* store_tables.c */
void store_forget_tables(struct store *st);
/* Did it fail because what was asked about is no JSON at all? As for deployed peers, that holds no
 * rules. */
bool store_is_no_json(const struct store *st, enum store_code code);
/* Is there a foreign key in any table? Remembered as long as tables are. */
bool store_has_foreign_keys(struct store *st);

/* store_room.c */

/* Before a transaction, and after its commit. */
void store_room_begin(struct store *st);
void store_room_end(struct store *st);

/* store_guard.c */

/* Puts the guard at a fresh reading connection. Returns an SQLite code. */
int guard_attach(struct guard *g, sqlite3 *db);
/* Before a query is prepared. The name is lent for as long as the query lives. */
void guard_begin(struct guard *g, sqlite3 *db, bool trusted, const char *table, bool all_rows);
/* Around all that SQLite does for the query: it has `us` microseconds, and the memory that is left
 * to it. What needs more ends with SQLITE_NOMEM, and nobody else is short of any. */
void guard_start(struct guard *g, uint64_t us);
void guard_stop(struct guard *g);
/* Has the time passed? Cheap enough to be asked often. */
bool guard_late(struct guard *g);

/* store_functions.c */

/* Replaces the SQL functions whose work can grow with the product of their arguments' sizes by
 * ones that watch the clock. Returns an SQLite code. */
int functions_attach(struct guard *g, sqlite3 *db);

#endif
