#include "svc-db/store.h"

#include "tests/unit/db/store_testing.h"

/* --- the file --- */

static void test_new_file(void **state)
{
	struct place *p = *state;
	struct stat s;

	assert_int_equal(stat(p->file, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	assert_int_equal(outside_number(p, "PRAGMA user_version"), STORE_VERSION);
	assert_int_equal(outside_number(p, "SELECT count(*) FROM pragma_journal_mode "
					   "WHERE journal_mode = 'wal'"),
	    1);
	assert_int_equal(store_table_count(p->st), 0);
}

static void test_rows_are_there_after_reopening(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	assert_int_equal(note(p->st, "a", "one"), 1);
	store_close(p->st);
	place_open(p);
	assert_int_equal(store_table_count(p->st), 1);
	assert_int_equal(note(p->st, "a", "two"), 2);
}

static void refused_to_open(struct place *p, const char *expected)
{
	char why[STORE_WHY] = "";

	assert_null(store_open(p->file, why));
	if (strstr(why, expected) == NULL || strstr(why, p->file) != why)
		fail_msg("\"%s\", expected the file and \"%s\"", why, expected);
}

static void test_later_version_is_refused(void **state)
{
	struct place *p = *state;

	store_close(p->st);
	outside(p, "PRAGMA user_version = 7");
	refused_to_open(p, "written by a later version (schema 7, this program knows 1)");
	assert_int_equal(outside_number(p, "PRAGMA user_version"), 7);
	p->st = NULL;
}

static void overwrite(const struct place *p, long at, const char *bytes, size_t n)
{
	FILE *f = fopen(p->file, "r+b");

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void test_damaged_file_is_refused(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	for (int i = 0; i < 200; i++)
		note(p->st, "a", "something long enough to fill a page or two of the file");
	store_close(p->st);
	p->st = NULL;
	/* The cell pointers of the last pages. */
	for (long page = 5; page < 9; page++)
		overwrite(p, page * 4096 + 8, "\xff\xff\xff\xff\xff\xff", 6);
	refused_to_open(p, "damaged");
	overwrite(p, 0, "this is no database", 19);
	refused_to_open(p, "damaged");
}

static void test_folder_that_cannot_be_written(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	rmdir(p.folder);
	refused_to_open(&p, "cannot be written");
}

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
	t = store_table(p->st, "posts");
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
	    p->st, store_insert(p->st, store_table(p->st, "Posts"), fields, 2, &id), STORE_OK);
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
	assert_string_equal(store_table(p->st, "t")->policy, "owner");
}

static void test_explicit_rules_of_deployed_peers(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	outside(p, "INSERT INTO _orm_schemas (table_name, schema_json) VALUES ('notes',"
		   "'{\"name\":\"notes\",\"access\":{\"read\":\"local\",\"insert\":\"group\"}}')");
	store_refresh(p->st);
	assert_int_equal(store_table(p->st, "notes")->rules.read, ROWS_NONE);
	assert_int_equal(store_table(p->st, "notes")->rules.insert, INSERT_GROUP);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_set_policy(p->st, "notes", "open"), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(store_table(p->st, "notes")->rules.insert, INSERT_OPEN);
	assert_int_equal(store_table(p->st, "notes")->rules.read, ROWS_NONE);
	outside(p, "UPDATE _orm_schemas SET schema_json = 'nonsense'");
	store_refresh(p->st);
	assert_int_equal(store_table(p->st, "notes")->rules.read, ROWS_OWN);
}

/* --- rows --- */

static void test_update_and_delete_look_at_the_owner(void **state)
{
	struct place *p = *state;
	struct field title = text_field("title", "changed");
	int64_t id;

	make_notes(p->st);
	id = note(p->st, "a", "one");
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_update(p->st, store_table(p->st, "notes"), id, "b", &title, 1),
	    STORE_REFUSED);
	assert_string_equal(store_why(p->st), "row not found or not owned by caller");
	ASSERT_STORE(
	    p->st, store_delete(p->st, store_table(p->st, "notes"), id, "b"), STORE_REFUSED);
	ASSERT_STORE(
	    p->st, store_delete(p->st, store_table(p->st, "notes"), id + 1, NULL), STORE_REFUSED);
	ASSERT_STORE(
	    p->st, store_update(p->st, store_table(p->st, "notes"), id, "a", &title, 1), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(
	    outside_number(p, "SELECT count(*) FROM notes WHERE title = 'changed'"), 1);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_delete(p->st, store_table(p->st, "notes"), id, "a"), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(outside_number(p, "SELECT count(*) FROM notes"), 0);
}

static void test_update_moves_the_stamp(void **state)
{
	struct place *p = *state;
	int64_t id;

	make_notes(p->st);
	id = note(p->st, "a", "one");
	outside(p, "UPDATE notes SET _updated_at = '2001-01-01 00:00:00'");
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(
	    p->st, store_update(p->st, store_table(p->st, "notes"), id, NULL, NULL, 0), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(
	    outside_number(p, "SELECT count(*) FROM notes WHERE _updated_at > '2002'"), 1);
}

static enum store_code insert_column(struct store *st, struct field f)
{
	struct field fields[] = {text_field("_owner", "a"), text_field("title", "x"), f};
	int64_t id;

	return store_insert(st, store_table(st, "notes"), fields, 3, &id);
}

static void test_only_columns_of_the_table(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	for (const char **name =
		 (const char *[]){"rowid", "oid", "_rowid_", "none", "", "n\"", NULL};
	     *name != NULL; name++)
		ASSERT_STORE(p->st, insert_column(p->st, number_field(*name, 99)), STORE_REFUSED);
	ASSERT_STORE(p->st, insert_column(p->st, text_field("TITLE", "x")), STORE_REFUSED);
	assert_string_equal(store_why(p->st), "column given twice: TITLE");
	ASSERT_STORE(p->st, insert_column(p->st, number_field("N", 3)), STORE_OK);
	store_rollback(p->st);
}

static void test_constraint_spoils_one_request_only(void **state)
{
	struct place *p = *state;
	struct field owner = text_field("_owner", "a");
	int64_t id;

	make_notes(p->st);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_save(p->st, false), STORE_OK);
	ASSERT_STORE(p->st, put_note(p->st, "a", "good", &id), STORE_OK);
	ASSERT_STORE(p->st, store_release(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_save(p->st, false), STORE_OK);
	ASSERT_STORE(
	    p->st, store_insert(p->st, store_table(p->st, "notes"), &owner, 1, &id), STORE_REFUSED);
	assert_string_equal(store_why(p->st), "NOT NULL constraint failed: notes.title");
	ASSERT_STORE(p->st, store_undo(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_save(p->st, false), STORE_OK);
	ASSERT_STORE(p->st, put_note(p->st, "a", "taken back", &id), STORE_OK);
	ASSERT_STORE(p->st, store_undo(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(outside_number(p, "SELECT count(*) FROM notes"), 1);
}

static void test_deferred_foreign_key_spoils_one_request_only(void **state)
{
	struct place *p = *state;
	const struct column_def column = {
	    "note", "INTEGER REFERENCES notes(_id) DEFERRABLE INITIALLY DEFERRED", "", false};
	struct field fields[] = {text_field("_owner", "a"), number_field("note", 99)};
	int64_t id;

	make_notes(p->st);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_create_table(p->st, "replies", &column, 1), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_save(p->st, true), STORE_OK);
	ASSERT_STORE(
	    p->st, store_insert(p->st, store_table(p->st, "replies"), fields, 2, &id), STORE_OK);
	ASSERT_STORE(p->st, store_release(p->st), STORE_REFUSED);
	assert_string_equal(store_why(p->st), "FOREIGN KEY constraint failed");
	ASSERT_STORE(p->st, put_note(p->st, "a", "good", &id), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(outside_number(p, "SELECT count(*) FROM notes"), 1);
	assert_int_equal(outside_number(p, "SELECT count(*) FROM replies"), 0);
}

static void test_statements_without_end(void **state)
{
	struct place *p = *state;
	const char *names[] = {"a", "b", "c", "d", "e", "f", "g"};
	struct column_def columns[7];

	for (size_t i = 0; i < 7; i++)
		columns[i] = (struct column_def){names[i], "INTEGER", "", false};
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_create_table(p->st, "many", columns, 7), STORE_OK);
	/* Each set of columns is a statement of its own: more than are kept. */
	for (unsigned set = 0; set < 128; set++) {
		struct field fields[8] = {text_field("_owner", "a")};
		size_t n = 1;
		int64_t id;
		for (size_t i = 0; i < 7; i++)
			if (set >> i & 1)
				fields[n++] = number_field(names[i], set);
		ASSERT_STORE(p->st, store_insert(p->st, store_table(p->st, "many"), fields, n, &id),
		    STORE_OK);
	}
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(outside_number(p, "SELECT sum(a) FROM many"), 64 * 64);
}

/* --- transactions --- */

static void test_rollback_leaves_nothing(void **state)
{
	struct place *p = *state;
	const struct column_def column = {"a", "TEXT", "", false};
	int64_t id;

	make_notes(p->st);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, put_note(p->st, "a", "x", &id), STORE_OK);
	ASSERT_STORE(p->st, store_create_table(p->st, "other", &column, 1), STORE_OK);
	assert_non_null(store_table(p->st, "other"));
	store_rollback(p->st);
	assert_null(store_table(p->st, "other"));
	assert_int_equal(outside_number(p, "SELECT count(*) FROM notes"), 0);
}

static void test_locked_file_is_busy_at_once(void **state)
{
	struct place *p = *state;
	sqlite3 *db;

	make_notes(p->st);
	assert_int_equal(sqlite3_open(p->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_BUSY);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	note(p->st, "a", "later");
}

static void test_tables_changed_by_another_program(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	assert_int_equal(store_table(p->st, "notes")->rules.insert, INSERT_OWNER);
	outside(p, "UPDATE _tables SET insert_policy = 'open'");
	store_refresh(p->st);
	assert_int_equal(store_table(p->st, "notes")->rules.insert, INSERT_OPEN);
}

/* --- tables --- */

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
	assert_null(store_table(p->st, "notes"));
	assert_int_equal(table_column(store_table(p->st, "letters"), "extra"), 6);
	assert_int_equal(table_column(store_table(p->st, "letters"), "n"), -1);
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
	assert_null(store_table(p->st, "notes"));
	make_notes(p->st);
	assert_int_equal(store_table_count(p->st), 1);
}

/* --- queries --- */

static struct query *query(struct store *st, struct query_spec spec, const char *table)
{
	enum store_code code;
	struct query *q;

	spec.table = store_table(st, table);
	if (spec.where == NULL)
		spec.where = "";
	q = query_open(st, &spec, &code);
	if (q == NULL)
		fail_msg("%s", store_why(st));
	return q;
}

static size_t rows_of(struct query *q)
{
	enum query_step step;
	size_t n = 0;

	while ((step = query_next(q)) == QUERY_ROW)
		n++;
	if (step == QUERY_FAILED)
		fail_msg("%s", query_why(q));
	query_free(q);
	return n;
}

static void test_query_filters_by_owner(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	note(p->st, "a", "one");
	note(p->st, "b", "two");
	note(p->st, "a", "three");
	assert_int_equal(rows_of(query(p->st, (struct query_spec){0}, "notes")), 3);
	assert_int_equal(rows_of(query(p->st, (struct query_spec){.only_owner = "a"}, "notes")), 2);
	assert_int_equal(
	    rows_of(query(
		p->st, (struct query_spec){.only_owner = "a", .where = "title = 'two'"}, "notes")),
	    0);
	assert_int_equal(
	    rows_of(query(p->st, (struct query_spec){.limit = 2, .offset = 2}, "notes")), 1);
	assert_int_equal(rows_of(query(p->st, (struct query_spec){.offset = 1}, "notes")), 2);
}

static void test_query_columns_and_args(void **state)
{
	struct place *p = *state;
	const char *columns[] = {"TITLE", "count(*) AS \"how many\"", "title || ?", "*"};
	const struct value args[] = {
	    {VALUE_TEXT, 0, 0, {(const uint8_t *)"!", 1}}, {VALUE_INTEGER, 1, 0, {NULL, 0}}};
	struct query *q;
	struct value v;

	make_notes(p->st);
	note(p->st, "a", "one");
	q = query(p->st,
	    (struct query_spec){.columns = columns,
		.column_count = 4,
		.only_owner = "a",
		.where = "_id = ?",
		.args = args,
		.arg_count = 2},
	    "notes");
	assert_int_equal(query_columns(q), 3 + 7);
	assert_string_equal(query_column(q, 0), "title");
	assert_string_equal(query_column(q, 1), "how many");
	assert_string_equal(query_column(q, 2), "title || ?");
	assert_string_equal(query_column(q, 3), "_id");
	assert_int_equal(query_next(q), QUERY_ROW);
	v = query_value(q, 1);
	assert_int_equal(v.type, VALUE_INTEGER);
	assert_int_equal(v.integer, 1);
	v = query_value(q, 2);
	assert_int_equal(v.type, VALUE_TEXT);
	assert_memory_equal(v.bytes.data, "one!", 4);
	assert_int_equal(query_next(q), QUERY_END);
	query_free(q);
}

static void test_number_of_args_must_fit(void **state)
{
	struct place *p = *state;
	struct query_spec spec = {.only_owner = "a", .where = "_id = ?"};
	enum store_code code;

	make_notes(p->st);
	spec.table = store_table(p->st, "notes");
	assert_null(query_open(p->st, &spec, &code));
	assert_int_equal(code, STORE_REFUSED);
	assert_string_equal(store_why(p->st), "expected 1 args for the ? given, got 0");
}

static void test_query_sees_one_state_while_others_write(void **state)
{
	struct place *p = *state;
	struct query *q;

	make_notes(p->st);
	for (int i = 0; i < 10; i++)
		note(p->st, "a", "old");
	q = query(p->st, (struct query_spec){0}, "notes");
	assert_int_equal(query_next(q), QUERY_ROW);
	for (int i = 0; i < 10; i++)
		note(p->st, "a", "new");
	assert_int_equal(rows_of(query(p->st, (struct query_spec){0}, "notes")), 20);
	assert_int_equal(rows_of(q), 9);
}

static void test_readers_are_bounded_and_some_are_the_owners(void **state)
{
	struct place *p = *state;
	struct query *q[STORE_READERS];
	struct query_spec spec = {.where = ""};
	enum store_code code;
	size_t others = STORE_READERS - STORE_READERS_OWNER;

	make_notes(p->st);
	for (size_t i = 0; i < others; i++)
		q[i] = query(p->st, (struct query_spec){0}, "notes");
	spec.table = store_table(p->st, "notes");
	assert_null(query_open(p->st, &spec, &code));
	assert_int_equal(code, STORE_BUSY);
	for (size_t i = others; i < STORE_READERS; i++)
		q[i] = query(p->st, (struct query_spec){.trusted = true}, "notes");
	spec.trusted = true;
	assert_null(query_open(p->st, &spec, &code));
	assert_int_equal(code, STORE_BUSY);
	query_free(q[0]);
	q[0] = query(p->st, (struct query_spec){.trusted = true}, "notes");
	for (size_t i = 0; i < STORE_READERS; i++)
		query_free(q[i]);
}

static void test_query_has_a_time_limit(void **state)
{
	struct place *p = *state;
	struct query *q;

	make_notes(p->st);
	/* A view that takes for ever: only the owner reaches it, his time is bounded too. */
	outside(p, "CREATE VIEW forever AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
		   " FROM n) SELECT i FROM n WHERE i < 0");
	store_refresh(p->st);
	q = query(p->st, (struct query_spec){.trusted = true}, "forever");
	assert_int_equal(query_next(q), QUERY_FAILED);
	assert_string_equal(query_why(q), "took too long: ask for less");
	query_free(q);
	assert_int_equal(rows_of(query(p->st, (struct query_spec){.trusted = true}, "notes")), 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_new_file),
	    T(test_rows_are_there_after_reopening),
	    T(test_later_version_is_refused),
	    T(test_damaged_file_is_refused),
	    cmocka_unit_test(test_folder_that_cannot_be_written),
	    T(test_deployed_database),
	    T(test_early_deployed_registry_gets_a_policy),
	    T(test_explicit_rules_of_deployed_peers),
	    T(test_update_and_delete_look_at_the_owner),
	    T(test_update_moves_the_stamp),
	    T(test_only_columns_of_the_table),
	    T(test_constraint_spoils_one_request_only),
	    T(test_deferred_foreign_key_spoils_one_request_only),
	    T(test_statements_without_end),
	    T(test_rollback_leaves_nothing),
	    T(test_locked_file_is_busy_at_once),
	    T(test_tables_changed_by_another_program),
	    T(test_columns_and_names),
	    T(test_refused_changes),
	    T(test_owner_of_a_table_dropped_behind_our_back),
	    T(test_query_filters_by_owner),
	    T(test_query_columns_and_args),
	    T(test_number_of_args_must_fit),
	    T(test_query_sees_one_state_while_others_write),
	    T(test_readers_are_bounded_and_some_are_the_owners),
	    T(test_query_has_a_time_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
