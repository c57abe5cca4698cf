/* What is known about tables: the registry _tables, the columns, the rules for remote callers. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-db/store_int.h"

/* Names that fit a key of the map; others cannot be tables of a site. */
#define KEY_MAX 256

/* A table with 2000 columns, SQLite's own maximum, is still read. */
#define COLUMNS_MAX 2000

static const char find_sql[] =
    "SELECT m.name, t.name IS NOT NULL, COALESCE(t.insert_policy, 'owner'),"
    " COALESCE(t.created_at, '')"
    " FROM sqlite_schema AS m LEFT JOIN _tables AS t ON t.name = m.name COLLATE NOCASE"
    " WHERE m.name = ?1 COLLATE NOCASE AND m.type IN ('table', 'view')";

/* Explicit rules of deployed peers. json_valid() is not asked: short of memory, it says no. */
static const char rules_sql[] =
    "SELECT json_extract(s, '$.read'), json_extract(s, '$.insert'), json_extract(s, '$.update'),"
    " json_extract(s, '$.delete') FROM (SELECT CASE json_type(schema_json, '$.access')"
    " WHEN 'object' THEN json_extract(schema_json, '$.access') END AS s"
    " FROM _orm_schemas WHERE table_name = ?1 COLLATE NOCASE) WHERE s IS NOT NULL";

static const char columns_sql[] =
    "SELECT name, type, dflt_value, \"notnull\", pk FROM pragma_table_info(?1)";

static const char *text(sqlite3_stmt *stmt, int i)
{
	return (const char *)sqlite3_column_text(stmt, i);
}

static char *copy(sqlite3_stmt *stmt, int i)
{
	const char *s = text(stmt, i);

	return s != NULL ? xstrdup(s) : NULL;
}

static char *copy_or_empty(sqlite3_stmt *stmt, int i)
{
	const char *s = text(stmt, i);

	return xstrdup(s != NULL ? s : "");
}

/* The statement with the name bound, stepped to its first row, for end_rows(); NULL when there is
 * none. */
static enum store_code first_row(
    struct store *st, const char *sql, const char *name, sqlite3_stmt **row)
{
	enum store_code code;
	sqlite3_stmt *stmt = store_prepare(st, sql, &code);
	int rc;

	*row = NULL;
	if (stmt == NULL)
		return code;
	rc = sqlite3_bind_text(stmt, 1, name, -1, SQLITE_TRANSIENT);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*row = stmt;
		return STORE_OK;
	}
	code = store_judge(st, st->db, rc);
	sqlite3_reset(stmt);
	return code;
}

/* Text that there was no memory for looks like NULL, and its error is told here alone. */
static enum store_code end_rows(struct store *st, sqlite3_stmt *row)
{
	enum store_code code = store_judge(st, st->db, sqlite3_errcode(st->db));

	sqlite3_reset(row);
	return code;
}

static enum store_code find(struct store *st, const char *name, struct table **out)
{
	sqlite3_stmt *row;
	enum store_code code = first_row(st, find_sql, name, &row);
	struct table *t;

	*out = NULL;
	if (row == NULL)
		return code;
	t = xcalloc(1, sizeof *t);
	t->name = copy_or_empty(row, 0);
	t->registered = sqlite3_column_int(row, 1) != 0;
	t->policy = copy_or_empty(row, 2);
	t->created_at = copy_or_empty(row, 3);
	*out = t;
	return end_rows(st, row);
}

bool store_is_no_json(const struct store *st, enum store_code code)
{
	return code == STORE_REFUSED && strcmp(st->why, "malformed JSON") == 0;
}

static enum store_code read_rules(struct store *st, struct table *t)
{
	sqlite3_stmt *row;
	enum store_code code = first_row(st, rules_sql, t->name, &row);

	t->rules = access_by_policy(t->policy);
	if (row == NULL)
		return store_is_no_json(st, code) ? STORE_OK : code;
	access_refine(&t->rules, text(row, 0), text(row, 1), text(row, 2), text(row, 3));
	return end_rows(st, row);
}

static enum store_code read_columns(struct store *st, struct table *t)
{
	sqlite3_stmt *row;
	enum store_code code = first_row(st, columns_sql, t->name, &row);

	if (row == NULL)
		return code;
	do {
		t->columns = xreallocarray(t->columns, t->count + 1, sizeof *t->columns);
		t->columns[t->count++] =
		    (struct column){copy_or_empty(row, 0), copy_or_empty(row, 1), copy(row, 2),
			sqlite3_column_int(row, 3) != 0, sqlite3_column_int(row, 4) != 0};
	} while (t->count < COLUMNS_MAX && sqlite3_step(row) == SQLITE_ROW);
	return end_rows(st, row);
}

/* Lower case of ASCII letters, as SQLite compares names. Returns the length, 0 when it is none. */
static size_t key_of(const char *name, char key[KEY_MAX])
{
	size_t n = strlen(name);

	if (n >= KEY_MAX)
		return 0;
	for (size_t i = 0; i < n; i++)
		key[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 'a' - 'A') : name[i];
	return n;
}

/* All or nothing: a table without its rules would be open to whom they shut out. */
static struct table *read_table(struct store *st, const char *name, enum store_code *code)
{
	struct table *t;

	*code = find(st, name, &t);
	if (t != NULL && *code == STORE_OK)
		*code = read_rules(st, t);
	if (t != NULL && *code == STORE_OK)
		*code = read_columns(st, t);
	if (*code == STORE_OK)
		return t;
	table_free(t);
	if (*code == STORE_REFUSED && log_allowed(&st->complaints, 10, "store"))
		log_error("store", "%s: table %s or its rules cannot be read: %s", st->path, name,
		    st->why);
	return NULL;
}

const struct table *store_table(struct store *st, const char *name, enum store_code *code)
{
	char key[KEY_MAX];
	size_t n = key_of(name, key);
	struct table *t;

	*code = STORE_OK;
	if (n == 0)
		return NULL;
	t = map_get(st->tables, key, n);
	if (t != NULL)
		return t;
	t = read_table(st, name, code);
	if (t != NULL)
		map_set(st->tables, key, n, t);
	return t;
}

void store_forget_tables(struct store *st)
{
	const void *key;
	struct table *t;
	size_t at = 0, len;

	st->foreign_keys = KEYS_UNKNOWN;
	while ((t = map_next(st->tables, &at, &key, &len)) != NULL) {
		map_remove(st->tables, key, len);
		table_free(t);
	}
}

bool store_has_foreign_keys(struct store *st)
{
	sqlite3_stmt *row;

	if (st->foreign_keys != KEYS_UNKNOWN)
		return st->foreign_keys == KEYS_SOME;
	first_row(st,
	    "SELECT EXISTS (SELECT 1 FROM sqlite_schema AS m, pragma_foreign_key_list(m.name)"
	    " WHERE m.type = ?1)",
	    "table", &row);
	if (row == NULL)
		return true; /* who knows */
	st->foreign_keys = sqlite3_column_int(row, 0) != 0 ? KEYS_SOME : KEYS_NONE;
	end_rows(st, row);
	return st->foreign_keys == KEYS_SOME;
}

enum store_code store_each_table(struct store *st, store_table_fn *fn, void *arg)
{
	enum store_code code;
	sqlite3_stmt *stmt = store_prepare(st,
	    "SELECT name, COALESCE(insert_policy, 'owner'), COALESCE(created_at, '')"
	    " FROM _tables WHERE name IS NOT NULL ORDER BY name",
	    &code);
	int rc;

	if (stmt == NULL)
		return code;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		fn(arg, text(stmt, 0), text(stmt, 1), text(stmt, 2));
	code = store_judge(st, st->db, rc);
	sqlite3_reset(stmt);
	return code;
}

static void count_one(void *arg, const char *name, const char *policy, const char *created_at)
{
	(void)name;
	(void)policy;
	(void)created_at;
	++*(size_t *)arg;
}

size_t store_table_count(struct store *st)
{
	size_t n = 0;

	store_each_table(st, count_one, &n);
	return n;
}
