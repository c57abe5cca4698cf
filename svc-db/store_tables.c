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

/* Explicit rules of deployed peers. What is no JSON holds no rules. */
static const char rules_sql[] =
    "SELECT json_extract(s, '$.read'), json_extract(s, '$.insert'), json_extract(s, '$.update'),"
    " json_extract(s, '$.delete') FROM (SELECT CASE WHEN json_valid(schema_json)"
    " THEN json_extract(schema_json, '$.access') END AS s"
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

/* The statement with the name bound, stepped to its first row; NULL when there is none. */
static sqlite3_stmt *first_row(struct store *st, const char *sql, const char *name)
{
	enum store_code code;
	sqlite3_stmt *stmt = store_prepare(st, sql, &code);
	int rc;

	if (stmt == NULL)
		return NULL;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_TRANSIENT);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		return stmt;
	store_judge(st, st->db, rc);
	sqlite3_reset(stmt);
	return NULL;
}

static struct table *find(struct store *st, const char *name)
{
	sqlite3_stmt *row = first_row(st, find_sql, name);
	struct table *t;

	if (row == NULL)
		return NULL;
	t = xcalloc(1, sizeof *t);
	t->name = copy_or_empty(row, 0);
	t->registered = sqlite3_column_int(row, 1) != 0;
	t->policy = copy_or_empty(row, 2);
	t->created_at = copy_or_empty(row, 3);
	sqlite3_reset(row);
	return t;
}

static void read_rules(struct store *st, struct table *t)
{
	sqlite3_stmt *row = first_row(st, rules_sql, t->name);

	t->rules = access_by_policy(t->policy);
	if (row == NULL)
		return;
	access_refine(&t->rules, text(row, 0), text(row, 1), text(row, 2), text(row, 3));
	sqlite3_reset(row);
}

static void read_columns(struct store *st, struct table *t)
{
	sqlite3_stmt *row = first_row(st, columns_sql, t->name);

	if (row == NULL)
		return;
	do {
		t->columns = xreallocarray(t->columns, t->count + 1, sizeof *t->columns);
		t->columns[t->count++] =
		    (struct column){copy_or_empty(row, 0), copy_or_empty(row, 1), copy(row, 2),
			sqlite3_column_int(row, 3) != 0, sqlite3_column_int(row, 4) != 0};
	} while (t->count < COLUMNS_MAX && sqlite3_step(row) == SQLITE_ROW);
	sqlite3_reset(row);
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

const struct table *store_table(struct store *st, const char *name)
{
	char key[KEY_MAX];
	size_t n = key_of(name, key);
	struct table *t;

	if (n == 0)
		return NULL;
	t = map_get(st->tables, key, n);
	if (t != NULL)
		return t;
	t = find(st, name);
	if (t == NULL)
		return NULL;
	read_rules(st, t);
	read_columns(st, t);
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
	row = first_row(st,
	    "SELECT EXISTS (SELECT 1 FROM sqlite_schema AS m, pragma_foreign_key_list(m.name)"
	    " WHERE m.type = ?1)",
	    "table");
	if (row == NULL)
		return true; /* who knows */
	st->foreign_keys = sqlite3_column_int(row, 0) != 0 ? KEYS_SOME : KEYS_NONE;
	sqlite3_reset(row);
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
