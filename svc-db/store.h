/* The database of the site, data.db: one connection that writes, a few that read. The only module
 * (store.c and store_*.c) that knows SQLite.
 *
 * Writes happen between store_begin() and store_commit(), any number of requests in one
 * transaction, each inside its own savepoint; what store_commit() answered STORE_OK for is on the
 * disk (WAL, synchronous=FULL). Queries have connections of their own: a slow one sees the database
 * as it was when it began and holds up nobody.
 *
 * Nothing here waits: a file that another program holds locked is STORE_BUSY at once. */
#ifndef DB_STORE_H
#define DB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svc-db/schema.h"
#include "svc-db/value.h"

#define STORE_WHY     512
#define STORE_VERSION 1  /* of what this program writes, kept in the file's user_version */
#define STORE_READERS 16 /* queries under way at once */
/* Of these, how many only the site's owner may use. */
#define STORE_READERS_OWNER 2

/* Bytes of a visitor's row: what fits into a request, and the system's columns. In an answer each
 * may become six, and there is room for that (DATA_CALL_OUT). */
#define STORE_VISITORS_ROW (5 * 1024 * 1024 / 4)

/* This part of the disk stays free of visitors' rows (1/20), but not more bytes than that. */
#define STORE_FREE_PART 20
#define STORE_FREE_MAX  (1024ULL * 1024 * 1024)

struct store;

enum store_code {
	STORE_OK,
	STORE_REFUSED, /* the request is at fault; store_why() says how */
	STORE_BUSY,    /* somebody holds the file, or all readers are taken: later */
	STORE_FAILED,  /* disk full, disk broken...; a transaction under way is lost */
};

/* Opens or creates the database, checks it, and brings the registry tables up to what is needed.
 * NULL with `why` filled when it cannot be used: it is damaged, written by a later version... */
struct store *store_open(const char *path, char why[STORE_WHY]);
/* Queries must have been freed. NULL is fine. */
void store_close(struct store *st);

/* From now on no path is used any more: not for new readers, and not in store_close(), which leaves
 * the companions of the file where they are, the log empty. For the whole process, so one store.
 * OK or FAILED. */
enum store_code store_keep_files(struct store *st);
/* The opposite, after store_close(). */
void store_drop_files(void);

/* The sentence for the last REFUSED, BUSY or FAILED, lent until the next call. */
const char *store_why(const struct store *st);

/* Drops what is remembered about tables when another program has written to the file. */
void store_refresh(struct store *st);

/* --- tables --- */

/* A table or view by name, registered or not. NULL with *code OK when there is none; otherwise it,
 * or the rules for it, cannot be read. Lent until the next write, store_refresh() or store_begin().
 */
const struct table *store_table(struct store *st, const char *name, enum store_code *code);

typedef void store_table_fn(
    void *arg, const char *name, const char *policy, const char *created_at);
/* Calls `fn` for each registered table, by name. */
enum store_code store_each_table(struct store *st, store_table_fn *fn, void *arg);

/* How many tables are registered. */
size_t store_table_count(struct store *st);

/* --- transactions --- */

/* Starts the transaction that the requests waiting share. OK, BUSY or FAILED. */
enum store_code store_begin(struct store *st);
/* OK: everything released in it is on the disk. Otherwise nothing of it is. */
enum store_code store_commit(struct store *st);
void store_rollback(struct store *st);

/* Around each request: what happens after store_save() is kept by store_release() or taken back by
 * store_undo(), which leaves store_why() alone and fails only when the transaction is gone.
 * `whole`: the request is a single statement. SQLite takes back a statement that fails by itself,
 * so the savepoint, which costs a quarter of an insert, is made only where foreign keys may turn
 * out to be broken afterwards. store_release() refuses (and takes back) what breaks one, so that
 * one request cannot spoil the commit of all. */
enum store_code store_save(struct store *st, bool whole);
enum store_code store_release(struct store *st);
enum store_code store_undo(struct store *st);

/* --- room for what visitors store --- */

/* The size of the database, in bytes, from which on they may add nothing. Without it there is none.
 */
void store_set_bound(struct store *st, uint64_t bytes);

/* Whom the writes are for that follow. A visitor who changed column after column could otherwise
 * make a row so long that nobody can read the table any more, its owner included: REFUSED. */
void store_set_visitor(struct store *st, bool visitor);

/* May a visitor add to the database now? Within a transaction; answers alike until its end. OK,
 * REFUSED, or FAILED when it cannot be told. The disk counts, too: see STORE_FREE_PART. */
enum store_code store_room(struct store *st);

/* Why they are refused at present, as far as is known; "" when they are not. Lent. */
const char *store_full(const struct store *st);

/* --- rows, within a transaction --- */

/* Inserts a row of at least one field; *id gets its _id. */
enum store_code store_insert(
    struct store *st, const struct table *t, const struct field *fields, size_t count, int64_t *id);

/* Changes or removes the row with that _id; when `owner` is given, only if the row is his. REFUSED
 * when there is no such row. */
enum store_code store_update(struct store *st, const struct table *t, int64_t id, const char *owner,
    const struct field *fields, size_t count);
enum store_code store_delete(
    struct store *st, const struct table *t, int64_t id, const char *owner);

/* --- tables, within a transaction --- */

/* Each is REFUSED for a name that is none or is taken, for a table or column that is not there or
 * is the system's, and for a policy that does not exist. */
enum store_code store_create_table(
    struct store *st, const char *name, const struct column_def *columns, size_t count);
enum store_code store_add_column(
    struct store *st, const char *table, const struct column_def *column);
enum store_code store_drop_column(struct store *st, const char *table, const char *column);
enum store_code store_rename_table(struct store *st, const char *from, const char *to);
enum store_code store_delete_table(struct store *st, const char *table);
enum store_code store_set_policy(struct store *st, const char *table, const char *policy);

/* --- queries --- */

/* What to read. Everything is lent for the call of query_open(). */
struct query_spec {
	const struct table *table;
	/* Of the site's owner: any expression, generous limits. Otherwise the engine lets nothing
	 * through but this table, a list of harmless functions, and bounded work. */
	bool trusted;
	const char *only_owner;     /* rows of this owner alone; NULL for all */
	const char *const *columns; /* names or expressions; none means all columns */
	size_t column_count;
	const char *where;        /* expression; "" for all rows */
	const struct value *args; /* for each ? in columns and where, in their order */
	size_t arg_count;
	int64_t limit; /* 0: none */
	int64_t offset;
};

struct query;

/* Begins a query. NULL with *code REFUSED, BUSY or FAILED. */
struct query *query_open(struct store *st, const struct query_spec *spec, enum store_code *code);
void query_free(struct query *q); /* NULL is fine */

size_t query_columns(const struct query *q);
const char *query_column(const struct query *q, size_t i); /* its name, lent by the query */

enum query_step { QUERY_ROW, QUERY_END, QUERY_FAILED };

/* Goes to the next row. FAILED: it broke or used up its time; query_why() says which. */
enum query_step query_next(struct query *q);
const char *query_why(const struct query *q);

/* A value of the present row; bytes are lent until query_next(). */
struct value query_value(const struct query *q, size_t i);

#endif
