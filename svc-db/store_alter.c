/* Making and changing tables, and their rows in the registry. */
#include "svc-db/store_int.h"

#define DDL_MAX (256 * 1024)

/* Runs what was built and forgets it, and what is known about tables. */
static enum store_code run_built(struct store *st, struct buf *sql)
{
	enum store_code code;

	if (buf_put(sql, "", 1) != 0)
		code = store_say(st, STORE_REFUSED, "definition too long");
	else
		code = store_exec(st, (const char *)buf_data(sql));
	buf_clear(sql);
	store_forget_tables(st);
	return code;
}

/* A statement of the registry with up to two texts. */
static enum store_code registry(struct store *st, const char *sql, const char *a, const char *b)
{
	enum store_code code;
	sqlite3_stmt *stmt = store_prepare(st, sql, &code);

	if (stmt == NULL)
		return code;
	sqlite3_bind_text(stmt, 1, a, -1, SQLITE_STATIC);
	if (b != NULL)
		sqlite3_bind_text(stmt, 2, b, -1, SQLITE_STATIC);
	store_forget_tables(st);
	return store_run(st, stmt);
}

/* The definition as it now stands. */
static enum store_code note_definition(struct store *st, const char *table)
{
	return registry(st,
	    "UPDATE _tables SET schema = (SELECT sql FROM sqlite_schema WHERE type = 'table' AND"
	    " name = ?1 COLLATE NOCASE) WHERE name = ?1 COLLATE NOCASE",
	    table, NULL);
}

/* Tables of a site only: neither the system's own nor what somebody keeps beside them. */
static enum store_code wants_own(struct store *st, const char *name)
{
	const struct table *t;
	enum store_code code;

	if (!schema_name_ok(name) || schema_name_is_system(name))
		return store_say(
		    st, STORE_REFUSED, "invalid table name: %.*s", SCHEMA_NAME_MAX, name);
	t = store_table(st, name, &code);
	if (code == STORE_OK && (t == NULL || !t->registered))
		return store_say(st, STORE_REFUSED, "no such table: %s", name);
	return code;
}

static enum store_code wants_free(struct store *st, const char *name)
{
	enum store_code code;

	if (!schema_name_ok(name) || schema_name_is_system(name))
		return store_say(
		    st, STORE_REFUSED, "invalid table name: %.*s", SCHEMA_NAME_MAX, name);
	if (store_table(st, name, &code) != NULL)
		return store_say(st, STORE_REFUSED, "table \"%s\" already exists", name);
	return code;
}

enum store_code store_create_table(
    struct store *st, const char *name, const struct column_def *columns, size_t count)
{
	enum store_code code = wants_free(st, name);
	char why[SCHEMA_WHY];
	struct buf sql;

	if (code != STORE_OK)
		return code;
	buf_init(&sql, DDL_MAX);
	if (schema_create(&sql, name, columns, count, why) != 0) {
		buf_clear(&sql);
		return store_say(st, STORE_REFUSED, "%s", why);
	}
	code = run_built(st, &sql);
	/* A row may be left of a table that somebody dropped behind the registry's back. */
	if (code == STORE_OK)
		code = registry(st, "INSERT OR REPLACE INTO _tables (name, schema) VALUES (?1, '')",
		    name, NULL);
	return code == STORE_OK ? note_definition(st, name) : code;
}

enum store_code store_add_column(
    struct store *st, const char *table, const struct column_def *column)
{
	enum store_code code = wants_own(st, table);
	char why[SCHEMA_WHY];
	struct buf sql;

	if (code != STORE_OK)
		return code;
	buf_init(&sql, DDL_MAX);
	if (schema_add_column(&sql, table, column, why) != 0) {
		buf_clear(&sql);
		return store_say(st, STORE_REFUSED, "%s", why);
	}
	code = run_built(st, &sql);
	return code == STORE_OK ? note_definition(st, table) : code;
}

enum store_code store_drop_column(struct store *st, const char *table, const char *column)
{
	enum store_code code = wants_own(st, table);
	struct buf sql;

	if (code != STORE_OK)
		return code;
	if (!schema_name_ok(column) || schema_name_is_system(column))
		return store_say(
		    st, STORE_REFUSED, "invalid column name: %.*s", SCHEMA_NAME_MAX, column);
	buf_init(&sql, DDL_MAX);
	buf_puts(&sql, "ALTER TABLE ");
	schema_put_name(&sql, table);
	buf_puts(&sql, " DROP COLUMN ");
	schema_put_name(&sql, column);
	code = run_built(st, &sql);
	return code == STORE_OK ? note_definition(st, table) : code;
}

enum store_code store_rename_table(struct store *st, const char *from, const char *to)
{
	enum store_code code = wants_own(st, from);
	struct buf sql;

	if (code == STORE_OK)
		code = wants_free(st, to);
	if (code != STORE_OK)
		return code;
	buf_init(&sql, DDL_MAX);
	buf_puts(&sql, "ALTER TABLE ");
	schema_put_name(&sql, from);
	buf_puts(&sql, " RENAME TO ");
	schema_put_name(&sql, to);
	code = run_built(st, &sql);
	if (code == STORE_OK)
		code = registry(
		    st, "UPDATE _tables SET name = ?2 WHERE name = ?1 COLLATE NOCASE", from, to);
	if (code == STORE_OK)
		code = registry(st,
		    "UPDATE _orm_schemas SET table_name = ?2, schema_json = CASE WHEN"
		    " json_valid(schema_json) THEN json_set(schema_json, '$.name', ?2)"
		    " ELSE schema_json END WHERE table_name = ?1 COLLATE NOCASE",
		    from, to);
	return code == STORE_OK ? note_definition(st, to) : code;
}

enum store_code store_delete_table(struct store *st, const char *table)
{
	enum store_code code = wants_own(st, table);
	struct buf sql;

	if (code != STORE_OK)
		return code;
	buf_init(&sql, DDL_MAX);
	buf_puts(&sql, "DROP TABLE ");
	schema_put_name(&sql, table);
	code = run_built(st, &sql);
	if (code == STORE_OK)
		code =
		    registry(st, "DELETE FROM _tables WHERE name = ?1 COLLATE NOCASE", table, NULL);
	if (code == STORE_OK)
		code = registry(st, "DELETE FROM _orm_schemas WHERE table_name = ?1 COLLATE NOCASE",
		    table, NULL);
	return code;
}

enum store_code store_set_policy(struct store *st, const char *table, const char *policy)
{
	enum store_code code = wants_own(st, table);

	if (code == STORE_OK && !access_policy_ok(policy))
		code = store_say(st, STORE_REFUSED, "policy must be owner, email or open");
	if (code == STORE_OK)
		code = registry(st,
		    "UPDATE _tables SET insert_policy = ?2 WHERE name = ?1 COLLATE NOCASE", table,
		    policy);
	/* Where a deployed peer wrote explicit rules, they are what counts. */
	if (code == STORE_OK)
		code = registry(st,
		    "UPDATE _orm_schemas SET schema_json = json_set(schema_json, '$.access.insert',"
		    " ?2) WHERE table_name = ?1 COLLATE NOCASE"
		    " AND json_type(schema_json, '$.access') = 'object'",
		    table, policy);
	return store_is_no_json(st, code) ? STORE_OK : code;
}
