/* The database's file, its rows and its transactions. */
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

/* --- rows --- */

static void test_update_and_delete_look_at_the_owner(void **state)
{
	struct place *p = *state;
	struct field title = text_field("title", "changed");
	int64_t id;

	make_notes(p->st);
	id = note(p->st, "a", "one");
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_update(p->st, table_of(p->st, "notes"), id, "b", &title, 1),
	    STORE_REFUSED);
	assert_string_equal(store_why(p->st), "row not found or not owned by caller");
	ASSERT_STORE(p->st, store_delete(p->st, table_of(p->st, "notes"), id, "b"), STORE_REFUSED);
	ASSERT_STORE(
	    p->st, store_delete(p->st, table_of(p->st, "notes"), id + 1, NULL), STORE_REFUSED);
	ASSERT_STORE(
	    p->st, store_update(p->st, table_of(p->st, "notes"), id, "a", &title, 1), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(
	    outside_number(p, "SELECT count(*) FROM notes WHERE title = 'changed'"), 1);
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	ASSERT_STORE(p->st, store_delete(p->st, table_of(p->st, "notes"), id, "a"), STORE_OK);
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
	    p->st, store_update(p->st, table_of(p->st, "notes"), id, NULL, NULL, 0), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	assert_int_equal(
	    outside_number(p, "SELECT count(*) FROM notes WHERE _updated_at > '2002'"), 1);
}

static enum store_code insert_column(struct store *st, struct field f)
{
	struct field fields[] = {text_field("_owner", "a"), text_field("title", "x"), f};
	int64_t id;

	return store_insert(st, table_of(st, "notes"), fields, 3, &id);
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
	    p->st, store_insert(p->st, table_of(p->st, "notes"), &owner, 1, &id), STORE_REFUSED);
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
	    p->st, store_insert(p->st, table_of(p->st, "replies"), fields, 2, &id), STORE_OK);
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
		ASSERT_STORE(
		    p->st, store_insert(p->st, table_of(p->st, "many"), fields, n, &id), STORE_OK);
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
	assert_non_null(table_of(p->st, "other"));
	store_rollback(p->st);
	assert_null(table_of(p->st, "other"));
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

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_new_file),
	    T(test_rows_are_there_after_reopening),
	    T(test_later_version_is_refused),
	    T(test_damaged_file_is_refused),
	    cmocka_unit_test(test_folder_that_cannot_be_written),
	    T(test_update_and_delete_look_at_the_owner),
	    T(test_update_moves_the_stamp),
	    T(test_only_columns_of_the_table),
	    T(test_constraint_spoils_one_request_only),
	    T(test_deferred_foreign_key_spoils_one_request_only),
	    T(test_statements_without_end),
	    T(test_rollback_leaves_nothing),
	    T(test_locked_file_is_busy_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
