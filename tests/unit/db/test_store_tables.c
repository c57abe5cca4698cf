/* What is known about tables, and how they are made and changed. */
#include "svc-db/store.h"

#include "tests/unit/db/store_testing.h"

/* --- databases of deployed peers --- */

/* As such a peer leaves it: its registry, a table with the columns it makes, no user_version. */
static const char deployed[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE _meta (key TEXT PRIMARY KEY, value TEXT);"
    "CREATE TABLE _tables (name TEXT PRIMARY KEY, schema TEXT NOT NULL,"
    " insert_policy TEXT DEFAULT 'owner', created_at DATETIME DEFAULT CURRENT_TIMESTAMP);"
    "CREATE TABLE _orm_schemas (table_name TEXT PRIMARY KEY, schema_json TEXT NOT NULL,"
    " created_at DATETIME DEFAULT CURRENT_TIMESTAMP);"
    "CREATE TABLE Posts (_id INTEGER PRIMARY KEY AUTOINCREMENT, _owner TEXT NOT NULL,"
    " _owner_email TEXT DEFAULT '', _created_at DATETIME DEFAULT CURRENT_TIMESTAMP,"
    " _updated_at DATETIME DEFAULT CURRENT_TIMESTAMP, title TEXT NOT NULL);"
    "INSERT INTO _tables (name, schema, insert_policy) VALUES ('Posts', 'x', 'open');"
    "INSERT INTO Posts (_owner, title) VALUES ('p1', 'old');";

static void test_deployed_database(void **state)
{
	struct place *p = *state;
	struct field fields[] = {text_field("_owner", "p2"), text_field("title", "new")};
	const struct table *t;
	int64_t id;

	store_close(p->st);
	place_remove(p);
	place_make(p);
	outside(p, deployed);
	place_open(p);
	t = table_of(p->st, "posts");
	assert_non_null(t);
	assert_string_equal(t->name, "Posts");
	assert_true(t->registered);
	assert_int_equal(t->rules.insert, INSERT_OPEN);
	assert_int_equal(t->count, 6);
	assert_string_equal(t->columns[5].name, "title");
	assert_true(t->columns[5].not_null);
	assert_true(t->columns[0].pk);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(
	    p->st, store_insert(p->st, table_of(p->st, "Posts"), fields, 2, &id), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(id, 2);
}

static void test_early_deployed_registry_gets_a_policy(void **state)
{
	struct place *p = *state;

	store_close(p->st);
	place_remove(p);
	place_make(p);
	outside(p, "CREATE TABLE _tables (name TEXT PRIMARY KEY, schema TEXT NOT NULL, created_at"
		   " DATETIME DEFAULT CURRENT_TIMESTAMP); CREATE TABLE t (_id INTEGER PRIMARY KEY,"
		   " _owner TEXT); INSERT INTO _tables (name, schema) VALUES ('t', 'x');");
	place_open(p);
	assert_string_equal(table_of(p->st, "t")->policy, "owner");
}

static void test_explicit_rules_of_deployed_peers(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	outside(p, "INSERT INTO _orm_schemas (table_name, schema_json) VALUES ('notes',"
		   "'{\"name\":\"notes\",\"access\":{\"read\":\"local\",\"insert\":\"group\"}}')");
	store_refresh(p->st);
	assert_int_equal(table_of(p->st, "notes")->rules.read, ROWS_NONE);
	assert_int_equal(table_of(p->st, "notes")->rules.insert, INSERT_GROUP);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_set_policy(p->st, "notes", "open"), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(table_of(p->st, "notes")->rules.insert, INSERT_OPEN);
	assert_int_equal(table_of(p->st, "notes")->rules.read, ROWS_NONE);
	for (const char **json = (const char *[]){"nonsense", "{\"access\":\"open\"}", NULL};
	     *json != NULL; json++) {
		char sql[128];
		snprintf(sql, sizeof sql, "UPDATE _orm_schemas SET schema_json = '%s'", *json);
		outside(p, sql);
		store_refresh(p->st);
		assert_int_equal(table_of(p->st, "notes")->rules.read, ROWS_OWN);
		ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
		ASSERT_STORE(p->st, store_set_policy(p->st, "notes", "email"), STORE_OK);
		ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
		assert_int_equal(table_of(p->st, "notes")->rules.insert, INSERT_EMAIL);
	}
}

/* Who cannot read the rules does not say that there are none. */
static void test_rules_that_cannot_be_read(void **state)
{
	struct place *p = *state;
	enum store_code code;

	make_notes(p->st);
	outside(p, "ALTER TABLE _orm_schemas RENAME COLUMN schema_json TO other");
	store_refresh(p->st);
	assert_null(store_table(p->st, "notes", &code));
	assert_int_equal(code, STORE_REFUSED);
	assert_string_equal(store_why(p->st), "no such column: schema_json");
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_set_policy(p->st, "notes", "open"), STORE_REFUSED);
	assert_string_equal(store_why(p->st), "no such column: schema_json");
	store_rollback(p->st);
	outside(p, "ALTER TABLE _orm_schemas RENAME COLUMN other TO schema_json");
	store_refresh(p->st);
	assert_non_null(table_of(p->st, "notes"));
}

/* --- tables --- */

static void test_tables_changed_by_another_program(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	assert_int_equal(table_of(p->st, "notes")->rules.insert, INSERT_OWNER);
	outside(p, "UPDATE _tables SET insert_policy = 'open'");
	store_refresh(p->st);
	assert_int_equal(table_of(p->st, "notes")->rules.insert, INSERT_OPEN);
}

static void test_columns_and_names(void **state)
{
	struct place *p = *state;
	const struct column_def extra = {"extra", "REAL", "", true};

	make_notes(p->st);
	note(p->st, "a", "x");
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_add_column(p->st, "NOTES", &extra), STORE_OK);
	ASSERT_STORE(p->st, store_drop_column(p->st, "notes", "n"), STORE_OK);
	ASSERT_STORE(p->st, store_rename_table(p->st, "notes", "Letters"), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_null(table_of(p->st, "notes"));
	assert_int_equal(table_column(table_of(p->st, "letters"), "extra"), 6);
	assert_int_equal(table_column(table_of(p->st, "letters"), "n"), -1);
	assert_int_equal(outside_number(p, "SELECT extra FROM Letters"), 0);
	assert_int_equal(outside_number(p, "SELECT instr(schema, '\"extra\"') > 0 FROM _tables"
					   " WHERE name = 'Letters'"),
	    1);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_rename_table(p->st, "Letters", "LETTERS"), STORE_REFUSED);
	ASSERT_STORE(p->st, store_delete_table(p->st, "letters"), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(store_table_count(p->st), 0);
}

static void test_refused_changes(void **state)
{
	struct place *p = *state;
	const struct column_def column = {"a", "TEXT", "", false};

	make_notes(p->st);
	outside(p, "CREATE TABLE aside (a)");
	store_refresh(p->st);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_create_table(p->st, "Notes", &column, 1), STORE_REFUSED);
	assert_string_equal(store_why(p->st), "table \"Notes\" already exists");
	ASSERT_STORE(p->st, store_create_table(p->st, "aside", &column, 1), STORE_REFUSED);
	ASSERT_STORE(p->st, store_create_table(p->st, "_x", &column, 1), STORE_REFUSED);
	ASSERT_STORE(p->st, store_create_table(p->st, "sqlite_x", &column, 1), STORE_REFUSED);
	ASSERT_STORE(p->st, store_delete_table(p->st, "_tables"), STORE_REFUSED);
	ASSERT_STORE(p->st, store_delete_table(p->st, "aside"), STORE_REFUSED);
	ASSERT_STORE(p->st, store_delete_table(p->st, "none"), STORE_REFUSED);
	assert_string_equal(store_why(p->st), "no such table: none");
	ASSERT_STORE(p->st, store_rename_table(p->st, "notes", "aside"), STORE_REFUSED);
	ASSERT_STORE(p->st, store_rename_table(p->st, "notes", "_meta"), STORE_REFUSED);
	ASSERT_STORE(p->st, store_rename_table(p->st, "_tables", "tables"), STORE_REFUSED);
	ASSERT_STORE(p->st, store_drop_column(p->st, "notes", "_owner"), STORE_REFUSED);
	ASSERT_STORE(p->st, store_drop_column(p->st, "notes", "none"), STORE_REFUSED);
	ASSERT_STORE(p->st, store_set_policy(p->st, "notes", "everybody"), STORE_REFUSED);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(store_table_count(p->st), 1);
}

static void test_owner_of_a_table_dropped_behind_our_back(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	outside(p, "DROP TABLE notes");
	store_refresh(p->st);
	assert_null(table_of(p->st, "notes"));
	make_notes(p->st);
	assert_int_equal(store_table_count(p->st), 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_deployed_database),
	    T(test_early_deployed_registry_gets_a_policy),
	    T(test_explicit_rules_of_deployed_peers),
	    T(test_rules_that_cannot_be_read),
	    T(test_tables_changed_by_another_program),
	    T(test_columns_and_names),
	    T(test_refused_changes),
	    T(test_owner_of_a_table_dropped_behind_our_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
