/* Statements of the writing connection, and the rows. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-db/store_int.h"

/* Callers choose which columns they name, so there is no end of different statements. */
#define STATEMENTS_MAX 64
#define SQL_MAX        (256 * 1024)

struct statement {
	sqlite3_stmt *stmt;
	uint64_t used;
};

static void statement_free(struct statement *s)
{
	if (s == NULL)
		return;
	sqlite3_finalize(s->stmt);
	free(s);
}

void store_forget_statements(struct store *st)
{
	const void *sql;
	struct statement *s;
	size_t at = 0, len;

	while ((s = map_next(st->statements, &at, &sql, &len)) != NULL) {
		map_remove(st->statements, sql, len);
		statement_free(s);
	}
}

static void forget_oldest(struct store *st)
{
	const void *sql, *oldest_sql = NULL;
	struct statement *s, *oldest = NULL;
	size_t at = 0, len, oldest_len = 0;

	while ((s = map_next(st->statements, &at, &sql, &len)) != NULL) {
		if (oldest != NULL && oldest->used < s->used)
			continue;
		oldest = s;
		oldest_sql = sql;
		oldest_len = len;
	}
	if (oldest == NULL)
		return;
	map_remove(st->statements, oldest_sql, oldest_len);
	statement_free(oldest);
}

/* One statement and nothing behind it. */
static sqlite3_stmt *compile(
    struct store *st, const char *sql, unsigned flags, enum store_code *code)
{
	sqlite3_stmt *stmt = NULL;
	const char *tail = "";

	*code = store_judge(st, st->db, sqlite3_prepare_v3(st->db, sql, -1, flags, &stmt, &tail));
	if (*code == STORE_OK && (stmt == NULL || *tail != '\0'))
		*code = store_say(st, STORE_REFUSED, "not one statement");
	if (*code == STORE_OK)
		return stmt;
	sqlite3_finalize(stmt);
	return NULL;
}

sqlite3_stmt *store_prepare(struct store *st, const char *sql, enum store_code *code)
{
	struct statement *s = map_gets(st->statements, sql);
	sqlite3_stmt *stmt;

	if (s != NULL) {
		s->used = ++st->uses;
		return s->stmt;
	}
	stmt = compile(st, sql, SQLITE_PREPARE_PERSISTENT, code);
	if (stmt == NULL)
		return NULL;
	if (map_count(st->statements) >= STATEMENTS_MAX)
		forget_oldest(st);
	s = xcalloc(1, sizeof *s);
	s->stmt = stmt;
	s->used = ++st->uses;
	map_sets(st->statements, sql, s);
	return stmt;
}

enum store_code store_run(struct store *st, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);
	enum store_code code = store_judge(st, st->db, rc);

	sqlite3_reset(stmt);
	/* Bound text is lent by the request, which ends before the statement does. */
	sqlite3_clear_bindings(stmt);
	return code;
}

enum store_code store_exec(struct store *st, const char *sql)
{
	enum store_code code;
	sqlite3_stmt *stmt = compile(st, sql, 0, &code);

	if (stmt == NULL)
		return code;
	code = store_run(st, stmt);
	sqlite3_finalize(stmt);
	return code;
}

int store_bind(sqlite3_stmt *stmt, int at, const struct value *v, bool copy)
{
	sqlite3_destructor_type keep = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;

	switch (v->type) {
	case VALUE_NULL: return sqlite3_bind_null(stmt, at);
	case VALUE_INTEGER: return sqlite3_bind_int64(stmt, at, v->integer);
	case VALUE_REAL: return sqlite3_bind_double(stmt, at, v->real);
	case VALUE_TEXT:
		return sqlite3_bind_text64(
		    stmt, at, (const char *)v->bytes.data, v->bytes.len, keep, SQLITE_UTF8);
	case VALUE_BLOB: return sqlite3_bind_blob64(stmt, at, v->bytes.data, v->bytes.len, keep);
	}
	return SQLITE_MISUSE;
}

/* --- rows --- */

/* Every column must be one of the table's own: SQLite would also take "rowid" and its other names,
 * and so let a caller choose the _id. */
static enum store_code check_fields(
    struct store *st, const struct table *t, const struct field *fields, size_t count)
{
	uint8_t *seen = xcalloc(t->count, 1);
	enum store_code code = STORE_OK;

	for (size_t i = 0; code == STORE_OK && i < count; i++) {
		long k = table_column(t, fields[i].column);
		if (k < 0)
			code = store_say(st, STORE_REFUSED, "table %s has no column named %.*s",
			    t->name, SCHEMA_NAME_MAX, fields[i].column);
		else if (seen[k]++ != 0)
			code = store_say(st, STORE_REFUSED, "column given twice: %.*s",
			    SCHEMA_NAME_MAX, fields[i].column);
	}
	free(seen);
	return code;
}

static enum store_code bind_fields(
    struct store *st, sqlite3_stmt *stmt, const struct field *fields, size_t count)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
		rc = store_bind(stmt, (int)i + 1, &fields[i].value, false);
	if (rc != SQLITE_OK)
		sqlite3_clear_bindings(stmt);
	return store_judge(st, st->db, rc);
}

static void put_insert(
    struct buf *sql, const struct table *t, const struct field *fields, size_t count)
{
	buf_puts(sql, "INSERT INTO ");
	schema_put_name(sql, t->name);
	for (size_t i = 0; i < count; i++) {
		buf_puts(sql, i == 0 ? " (" : ", ");
		schema_put_name(sql, fields[i].column);
	}
	for (size_t i = 0; i < count; i++)
		buf_puts(sql, i == 0 ? ") VALUES (?" : ", ?");
	buf_puts(sql, ")");
}

/* "UPDATE t SET _updated_at = CURRENT_TIMESTAMP, a = ?". */
static void put_update(
    struct buf *sql, const struct table *t, const struct field *fields, size_t count)
{
	const char *comma = "";
	bool stamped = table_column(t, SCHEMA_UPDATED) < 0;

	buf_puts(sql, "UPDATE ");
	schema_put_name(sql, t->name);
	buf_puts(sql, " SET ");
	for (size_t i = 0; i < count; i++) {
		stamped = stamped || strcasecmp(fields[i].column, SCHEMA_UPDATED) == 0;
		buf_puts(sql, comma);
		schema_put_name(sql, fields[i].column);
		buf_puts(sql, " = ?");
		comma = ", ";
	}
	if (!stamped)
		buf_putf(sql, "%s" SCHEMA_UPDATED " = CURRENT_TIMESTAMP", comma);
}

/* Columns are given with their table: a name in quotes alone that is no column would be a string.
 */
static void put_which(struct buf *sql, const struct table *t, const char *owner)
{
	buf_puts(sql, " WHERE ");
	schema_put_name(sql, t->name);
	buf_puts(sql, "." SCHEMA_ID " = ?");
	if (owner == NULL)
		return;
	buf_puts(sql, " AND ");
	schema_put_name(sql, t->name);
	buf_puts(sql, "." SCHEMA_OWNER " = ?");
}

/* The cached statement for what was built; NULL with *code. Clears the buffer. */
static sqlite3_stmt *prepare_built(struct store *st, struct buf *sql, enum store_code *code)
{
	sqlite3_stmt *stmt = NULL;

	*code = STORE_OK;
	if (buf_put(sql, "", 1) != 0)
		*code = store_say(st, STORE_REFUSED, "too many columns");
	else
		stmt = store_prepare(st, (const char *)buf_data(sql), code);
	buf_clear(sql);
	return stmt;
}

enum store_code store_insert(
    struct store *st, const struct table *t, const struct field *fields, size_t count, int64_t *id)
{
	enum store_code code = check_fields(st, t, fields, count);
	struct buf sql;
	sqlite3_stmt *stmt;

	if (code != STORE_OK)
		return code;
	buf_init(&sql, SQL_MAX);
	put_insert(&sql, t, fields, count);
	stmt = prepare_built(st, &sql, &code);
	if (stmt == NULL)
		return code;
	code = bind_fields(st, stmt, fields, count);
	if (code == STORE_OK)
		code = store_run(st, stmt);
	*id = sqlite3_last_insert_rowid(st->db);
	return code;
}

/* Binds fields, id and owner, runs, and wants one row changed. */
static enum store_code change(struct store *st, struct buf *sql, const struct field *fields,
    size_t count, int64_t id, const char *owner)
{
	enum store_code code;
	sqlite3_stmt *stmt = prepare_built(st, sql, &code);
	int rc;

	if (stmt == NULL)
		return code;
	code = bind_fields(st, stmt, fields, count);
	if (code != STORE_OK)
		return code;
	rc = sqlite3_bind_int64(stmt, (int)count + 1, id);
	if (rc == SQLITE_OK && owner != NULL)
		rc = sqlite3_bind_text(stmt, (int)count + 2, owner, -1, SQLITE_STATIC);
	code = rc == SQLITE_OK ? store_run(st, stmt) : store_judge(st, st->db, rc);
	if (code == STORE_OK && sqlite3_changes(st->db) == 0)
		code = store_say(st, STORE_REFUSED, "row not found or not owned by caller");
	return code;
}

enum store_code store_update(struct store *st, const struct table *t, int64_t id, const char *owner,
    const struct field *fields, size_t count)
{
	enum store_code code = check_fields(st, t, fields, count);
	struct buf sql;

	if (code != STORE_OK)
		return code;
	buf_init(&sql, SQL_MAX);
	put_update(&sql, t, fields, count);
	put_which(&sql, t, owner);
	return change(st, &sql, fields, count, id, owner);
}

enum store_code store_delete(struct store *st, const struct table *t, int64_t id, const char *owner)
{
	struct buf sql;

	buf_init(&sql, SQL_MAX);
	buf_puts(&sql, "DELETE FROM ");
	schema_put_name(&sql, t->name);
	put_which(&sql, t, owner);
	return change(st, &sql, NULL, 0, id, owner);
}
