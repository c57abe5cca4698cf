#include "svc-db/store_int.h"
#include "tests/unit/db/store_testing.h"

static int rows(sqlite3 *db)
{
	sqlite3_stmt *stmt;
	int n = -1;

	assert_int_equal(
	    sqlite3_prepare_v2(db, "SELECT count(*) FROM notes", -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* The folder goes away, so no path works any more. */
static void test_no_path_is_used(void **state)
{
	struct place *p = *state;
	char away[80], wal[100];
	sqlite3 *reader;
	struct stat st;

	make_notes(p->st);
	assert_int_equal(note(p->st, "a", "one"), 1);
	assert_int_equal(store_keep_files(p->st), STORE_OK);
	snprintf(away, sizeof away, "%s.away", p->folder);
	assert_int_equal(rename(p->folder, away), 0);

	reader = store_connect(p->st);
	assert_non_null(reader);
	assert_int_equal(rows(reader), 1);
	assert_int_equal(note(p->st, "b", "two"), 2);
	assert_int_equal(rows(reader), 2);
	sqlite3_close(reader);
	store_close(p->st);

	/* All is in the file, the log is empty. */
	assert_int_equal(rename(away, p->folder), 0);
	store_drop_files();
	snprintf(wal, sizeof wal, "%s-wal", p->file);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_size, 0);
	place_open(p);
	assert_int_equal(note(p->st, "c", "three"), 3);
}

static void test_another_file_is_not_there(void **state)
{
	struct place *p = *state;
	sqlite3 *db = NULL;

	assert_int_equal(store_keep_files(p->st), STORE_OK);
	assert_int_not_equal(sqlite3_open_v2("/dev/shm/another.db", &db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	store_drop_files();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_no_path_is_used, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(
		test_another_file_is_not_there, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
