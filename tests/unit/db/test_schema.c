#include "svc-db/schema.h"

#include "tests/unit/testing.h"

static char *created(const char *table, const struct column_def *columns, size_t n, char *why)
{
	struct buf sql;
	size_t len;

	buf_init(&sql, 1 << 20);
	if (schema_create(&sql, table, columns, n, why) != 0) {
		buf_clear(&sql);
		return NULL;
	}
	buf_put(&sql, "", 1);
	return (char *)buf_take(&sql, &len);
}

static void test_names(void **state)
{
	char long_name[66];

	(void)state;
	memset(long_name, 'a', 65);
	long_name[65] = '\0';
	assert_false(schema_name_ok(long_name));
	long_name[64] = '\0';
	assert_true(schema_name_ok(long_name));
	assert_true(schema_name_ok("_x9"));
	assert_false(schema_name_ok(""));
	assert_false(schema_name_ok("9x"));
	assert_false(schema_name_ok("a b"));
	assert_false(schema_name_ok("a\"b"));
	assert_false(schema_name_ok("caf\xc3\xa9"));
	assert_true(schema_name_is_system("_tables"));
	assert_false(schema_name_is_system("tables_"));
}

static void test_create_has_system_columns_first(void **state)
{
	const struct column_def columns[] = {
	    {"title", "TEXT", "", true}, {"count", "INTEGER", "0", false}};
	char why[SCHEMA_WHY];
	char *sql = created("items", columns, 2, why);

	(void)state;
	assert_non_null(sql);
	assert_non_null(strstr(sql, "CREATE TABLE \"items\" (\n\t_id INTEGER PRIMARY KEY "
				    "AUTOINCREMENT,\n\t_owner TEXT NOT NULL,"));
	assert_true(strstr(sql, "_updated_at") < strstr(sql, "\"title\" TEXT NOT NULL"));
	assert_non_null(strstr(sql, "\"count\" INTEGER DEFAULT 0"));
	free(sql);
}

static void refused(const char *table, struct column_def def, const char *expected)
{
	char why[SCHEMA_WHY] = "";
	char *sql = created(table, &def, 1, why);

	if (sql != NULL)
		fail_msg("not refused: %s", sql);
	assert_string_equal(why, expected);
}

static void test_refuses_what_could_leave_its_column(void **state)
{
	(void)state;
	refused("a b", (struct column_def){"x", "TEXT", "", false}, "invalid table name: a b");
	refused("_t", (struct column_def){"x", "TEXT", "", false}, "invalid table name: _t");
	refused("t", (struct column_def){"x y", "TEXT", "", false}, "invalid column name: x y");
	refused(
	    "t", (struct column_def){"_owner", "TEXT", "", false}, "invalid column name: _owner");
	refused("t", (struct column_def){"", "TEXT", "", false}, "invalid column name: ");
	for (const char **type = (const char *[]){"TEXT, evil TEXT", "TEXT); DROP TABLE t", "TEXT'",
		 "TEXT--", "TEXT CHECK (a > 1)", "TEXT((1))", "TEXT)", "TEXT(", NULL};
	     *type != NULL; type++)
		refused(
		    "t", (struct column_def){"x", *type, "", false}, "invalid type of column: x");
	for (const char **value = (const char *[]){"0, evil TEXT", "'a' evil", "'a", "a b", "0x",
		 "(1) , (2)", "(SELECT 1)", "(1", "1)", "(1;2)", "(1 -- )", "1e", NULL};
	     *value != NULL; value++)
		refused("t", (struct column_def){"x", "TEXT", *value, false},
		    "invalid default of column: x");
}

static void accepts(const char *type, const char *value, const char *part)
{
	struct column_def def = {"x", type, value, false};
	char why[SCHEMA_WHY] = "";
	char *sql = created("t", &def, 1, why);

	if (sql == NULL)
		fail_msg("%s", why);
	if (strstr(sql, part) == NULL)
		fail_msg("%s is not in %s", part, sql);
	free(sql);
}

static void test_types_and_defaults(void **state)
{
	(void)state;
	accepts("", "", "\"x\"\n)");
	accepts("VARCHAR(20)", "'it''s'", "\"x\" VARCHAR(20) DEFAULT 'it''s'\n");
	accepts("DECIMAL(10,2)", "-1.5e3", "DEFAULT -1.5e3\n");
	accepts("TEXT UNIQUE", "draft", "TEXT UNIQUE DEFAULT 'draft'\n");
	accepts("INTEGER REFERENCES posts(_id)", "null", "posts(_id) DEFAULT null\n");
	accepts("DATETIME", "CURRENT_TIMESTAMP", "DEFAULT CURRENT_TIMESTAMP\n");
	accepts("TEXT", "(datetime('now', '+1 day'))", "DEFAULT (datetime('now', '+1 day'))\n");
	accepts("TEXT", "nan", "DEFAULT 'nan'\n");
}

static void test_refuses_the_same_name_twice(void **state)
{
	const struct column_def columns[] = {{"a", "TEXT", "", false}, {"A", "TEXT", "", false}};
	char why[SCHEMA_WHY];

	(void)state;
	assert_null(created("t", columns, 2, why));
	assert_string_equal(why, "column given twice: A");
}

static void adds(const char *type, const char *value, const char *expected)
{
	struct column_def def = {"x", type, value, true};
	char why[SCHEMA_WHY];
	struct buf sql;

	buf_init(&sql, 4096);
	assert_int_equal(schema_add_column(&sql, "t", &def, why), 0);
	buf_put(&sql, "", 1);
	assert_string_equal((const char *)buf_data(&sql), expected);
	buf_clear(&sql);
}

static void test_added_column_has_a_default_for_old_rows(void **state)
{
	(void)state;
	adds("INTEGER", "", "ALTER TABLE \"t\" ADD COLUMN \"x\" INTEGER NOT NULL DEFAULT 0");
	adds("TEXT", "", "ALTER TABLE \"t\" ADD COLUMN \"x\" TEXT NOT NULL DEFAULT ''");
	adds("TEXT", "'a'", "ALTER TABLE \"t\" ADD COLUMN \"x\" TEXT NOT NULL DEFAULT 'a'");
}

static void test_quotes_in_names_are_doubled(void **state)
{
	struct buf sql;

	(void)state;
	buf_init(&sql, 64);
	assert_int_equal(schema_put_name(&sql, "a\"b"), 0);
	buf_put(&sql, "", 1);
	assert_string_equal((const char *)buf_data(&sql), "\"a\"\"b\"");
	buf_clear(&sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_create_has_system_columns_first),
	    cmocka_unit_test(test_refuses_what_could_leave_its_column),
	    cmocka_unit_test(test_types_and_defaults),
	    cmocka_unit_test(test_refuses_the_same_name_twice),
	    cmocka_unit_test(test_added_column_has_a_default_for_old_rows),
	    cmocka_unit_test(test_quotes_in_names_are_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
