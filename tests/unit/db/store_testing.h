/* A store in a folder of its own that goes away with the test. */
#ifndef TESTS_UNIT_DB_STORE_TESTING_H
#define TESTS_UNIT_DB_STORE_TESTING_H

#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "svc-db/store.h"
#include "tests/unit/testing.h"

struct place {
	char folder[64];
	char file[80];
	struct store *st;
};

static inline void place_remove(const struct place *p)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char path[100];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s%s", p->file, ends[i]);
		unlink(path);
	}
	rmdir(p->folder);
}

static inline void place_make(struct place *p)
{
	memset(p, 0, sizeof *p);
	/* In memory where that is possible: these tests sync a lot. */
	snprintf(p->folder, sizeof p->folder, "%s/goop-store.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->file, sizeof p->file, "%s/data.db", p->folder);
}

static inline void place_open(struct place *p)
{
	char why[STORE_WHY] = "";

	p->st = store_open(p->file, why);
	if (p->st == NULL)
		fail_msg("%s", why);
}

static inline int place_setup(void **state)
{
	struct place *p = malloc(sizeof *p);

	place_make(p);
	place_open(p);
	*state = p;
	return 0;
}

static inline int place_teardown(void **state)
{
	struct place *p = *state;

	store_close(p->st);
	place_remove(p);
	free(p);
	return 0;
}

/* Runs SQL on a connection of its own, as another program would. */
static inline void outside(const struct place *p, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(p->file, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 1000);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

/* The first value that another program reads. */
static inline int64_t outside_number(const struct place *p, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t n;

	assert_int_equal(sqlite3_open(p->file, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 1000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static inline struct field text_field(const char *column, const char *text)
{
	return (struct field){column, {VALUE_TEXT, 0, 0, {(const uint8_t *)text, strlen(text)}}};
}

static inline struct field number_field(const char *column, int64_t n)
{
	return (struct field){column, {VALUE_INTEGER, n, 0, {NULL, 0}}};
}

#define ASSERT_STORE(st, expression, expected)                                                     \
	do {                                                                                       \
		enum store_code code_ = (expression);                                              \
		if (code_ != (expected))                                                           \
			fail_msg("%s is %d: %s", #expression, code_, store_why(st));               \
	} while (0)

/* The table, NULL when there is none. */
static inline const struct table *table_of(struct store *st, const char *name)
{
	enum store_code code;
	const struct table *t = store_table(st, name, &code);

	ASSERT_STORE(st, code, STORE_OK);
	return t;
}

/* A table "notes" with a text "title" and a number "n". */
static inline void make_notes(struct store *st)
{
	const struct column_def columns[] = {
	    {"title", "TEXT", "", true}, {"n", "INTEGER", "0", false}};

	ASSERT_STORE(st, store_begin(st), STORE_OK);
	ASSERT_STORE(st, store_create_table(st, "notes", columns, 2), STORE_OK);
	ASSERT_STORE(st, store_commit(st), STORE_OK);
}

/* One row, within a transaction. */
static inline enum store_code put_note(
    struct store *st, const char *owner, const char *title, int64_t *id)
{
	struct field fields[] = {text_field("_owner", owner), text_field("title", title)};

	return store_insert(st, table_of(st, "notes"), fields, 2, id);
}

static inline int64_t note(struct store *st, const char *owner, const char *title)
{
	int64_t id = 0;

	ASSERT_STORE(st, store_begin(st), STORE_OK);
	ASSERT_STORE(st, put_note(st, owner, title, &id), STORE_OK);
	ASSERT_STORE(st, store_commit(st), STORE_OK);
	return id;
}

#endif
