#include "svc-db/data_call.h"

#include "tests/unit/db/call_testing.h"

#define QUERY "{\"op\":\"query\",\"table\":\"notes\""

static void test_life_of_a_table(void **state)
{
	struct store *st = ((struct place *)*state)->st;

	answers(st, &the_owner,
	    "{\"op\":\"create-table\",\"name\":\"notes\",\"column_defs\":[{\"name\":\"title\","
	    "\"type\":\"TEXT\",\"not_null\":true}]}",
	    "{\"ok\":true,\"data\":{\"status\":\"created\",\"table\":\"notes\"}}");
	errs(st, &the_owner,
	    "{\"op\":\"create-table\",\"name\":\"notes\",\"column\":{\"name\":\"a\"}}",
	    "table \\\"notes\\\" already exists");
	answers(st, &the_owner,
	    "{\"op\":\"add-column\",\"table\":\"notes\",\"column\":{\"name\":\"n\",\"type\":"
	    "\"INTEGER\",\"default\":\"7\"}}",
	    "{\"ok\":true,\"data\":{\"status\":\"added\"}}");
	answers(st, &the_owner,
	    "{\"op\":\"rename-table\",\"old_name\":\"notes\",\"new_name\":\"letters\"}",
	    "{\"ok\":true,\"data\":{\"status\":\"renamed\",\"new_name\":\"letters\"}}");
	answers(st, &the_owner,
	    "{\"op\":\"drop-column\",\"table\":\"letters\",\"column\":{\"name\":\"n\"}}",
	    "{\"ok\":true,\"data\":{\"status\":\"dropped\"}}");
	answers(st, &the_owner,
	    "{\"op\":\"set-policy\",\"table\":\"letters\",\"policy\":\"email\"}",
	    "{\"ok\":true,\"data\":{\"status\":\"updated\",\"policy\":\"email\"}}");
	answers(st, &the_owner, "{\"op\":\"delete-table\",\"table\":\"letters\"}",
	    "{\"ok\":true,\"data\":{\"status\":\"deleted\",\"table\":\"letters\"}}");
	answers(st, &alice, "{\"op\":\"tables\"}", "{\"ok\":true,\"data\":[]}");
}

static void test_what_is_missing(void **state)
{
	struct store *st = ((struct place *)*state)->st;

	make_notes(st);
	errs(st, &the_owner, "{\"op\":\"create-table\"}", "table name required");
	errs(st, &the_owner, "{\"op\":\"create-table\",\"name\":\"t\"}",
	    "at least one column required");
	errs(st, &the_owner, "{\"op\":\"add-column\",\"table\":\"notes\"}",
	    "column definition required");
	errs(
	    st, &the_owner, "{\"op\":\"drop-column\",\"table\":\"notes\"}", "column name required");
	errs(st, &the_owner, "{\"op\":\"rename-table\",\"old_name\":\"notes\"}",
	    "old and new name required");
	errs(st, &the_owner, "{\"op\":\"delete-table\"}", "table name required");
	errs(st, &alice, "{\"op\":\"query\"}", "table name required");
	errs(st, &alice, "{\"op\":\"describe\"}", "table name required");
	errs(st, &alice, "{\"op\":\"insert\",\"data\":{}}", "table name required");
	errs(st, &alice, "{\"op\":\"update\",\"table\":\"notes\"}", "valid row id required");
	errs(st, &alice, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":-1}",
	    "valid row id required");
	errs(st, &alice, "{\"op\":\"query\",\"table\":\"none\"}", "no such table: none");
	errs(st, &alice, "{\"op\":\"sing\"}", "unknown op: sing");
	errs(st, &alice, "{", "invalid json: ");
}

static void test_lua_is_not_there(void **state)
{
	struct store *st = ((struct place *)*state)->st;

	answers(st, &alice, "{\"op\":\"lua-call\",\"function\":\"f\"}",
	    "{\"ok\":false,\"error\":\"lua scripting not enabled\"}");
	answers(st, &alice, "{\"op\":\"lua-list\"}", "{\"ok\":true,\"data\":{\"functions\":[]}}");
}

static void test_tables_and_describe(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	outside(p, "UPDATE _tables SET created_at = '2026-01-31 23:59:59'");
	answers(p->st, &alice, "{\"op\":\"tables\"}",
	    "{\"ok\":true,\"data\":[{\"name\":\"notes\",\"insert_policy\":\"owner\","
	    "\"created_at\":\"2026-01-31 23:59:59\"}]}");
	answers(p->st, &alice, "{\"op\":\"describe\",\"table\":\"notes\"}",
	    "{\"ok\":true,\"data\":["
	    "{\"cid\":0,\"name\":\"_id\",\"type\":\"INTEGER\",\"not_null\":false,\"default\":null,"
	    "\"pk\":true},"
	    "{\"cid\":1,\"name\":\"_owner\",\"type\":\"TEXT\",\"not_null\":true,\"default\":null,"
	    "\"pk\":false},"
	    "{\"cid\":2,\"name\":\"_owner_email\",\"type\":\"TEXT\",\"not_null\":false,\"default\":"
	    "\"''\",\"pk\":false},"
	    "{\"cid\":3,\"name\":\"_created_at\",\"type\":\"DATETIME\",\"not_null\":false,"
	    "\"default\":\"CURRENT_TIMESTAMP\",\"pk\":false},"
	    "{\"cid\":4,\"name\":\"_updated_at\",\"type\":\"DATETIME\",\"not_null\":false,"
	    "\"default\":\"CURRENT_TIMESTAMP\",\"pk\":false},"
	    "{\"cid\":5,\"name\":\"title\",\"type\":\"TEXT\",\"not_null\":true,\"default\":null,"
	    "\"pk\":false},"
	    "{\"cid\":6,\"name\":\"n\",\"type\":\"INTEGER\",\"not_null\":false,\"default\":\"0\","
	    "\"pk\":false}]}");
}

static void test_insert_says_who_it_is_from(void **state)
{
	struct place *p = *state;
	struct store *st = p->st;

	notes_with(st, "open");
	answers(st, &alice,
	    "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"hi\",\"n\":true}}",
	    "{\"ok\":true,\"data\":{\"status\":\"inserted\",\"id\":1}}");
	answers(st, &alice, QUERY ",\"columns\":[\"_owner\",\"_owner_email\",\"title\",\"n\"]}",
	    "{\"ok\":true,\"data\":[{\"_owner\":\"alice-peer\",\"_owner_email\":"
	    "\"alice@example.org\",\"title\":\"hi\",\"n\":1}]}");
	assert_int_equal(outside_number(p, "SELECT _created_at LIKE '____-__-__ __:__:__'"
					   " AND _updated_at = _created_at FROM notes"),
	    1);
	ok(st, &the_owner, "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"own\"}}");
	answers(st, &the_owner, QUERY ",\"columns\":[\"_owner\"],\"where\":\"_id = 2\"}",
	    "{\"ok\":true,\"data\":[{\"_owner\":\"owner-peer\"}]}");
}

static void test_system_columns_are_not_for_remote_callers(void **state)
{
	struct place *p = *state;
	struct store *st = p->st;

	notes_with(st, "open");
	ok(st, &alice, "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"hi\"}}");
	for (const char **name = (const char *[]){"_id", "_owner", "_OWNER", "_owner_email",
		 "_created_at", "_updated_at", "_rowid_", "_anything", NULL};
	     *name != NULL; name++) {
		char line[128];
		snprintf(line, sizeof line,
		    "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\",\"%s\":5}}",
		    *name);
		errs(st, &alice, line, "system columns cannot be written: ");
		snprintf(line, sizeof line,
		    "{\"op\":\"update\",\"table\":\"notes\",\"id\":1,\"data\":{\"%s\":5}}", *name);
		errs(st, &alice, line, "system columns cannot be written: ");
	}
	errs(st, &alice,
	    "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\",\"rowid\":5}}",
	    "no column named rowid");
	errs(st, &alice, "{\"op\":\"update\",\"table\":\"notes\",\"id\":1,\"data\":{\"oid\":5}}",
	    "no column named oid");
	ok(st, &the_owner,
	    "{\"op\":\"update\",\"table\":\"notes\",\"id\":1,\"data\":{\"_owner\":\"bob-peer\"}}");
	ok(st, &the_owner,
	    "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\",\"_owner\":\"y\"}}");
	assert_int_equal(outside_number(p, "SELECT count(*) FROM notes WHERE _owner IN"
					   " ('bob-peer', 'y')"),
	    2);
}

static void test_policies(void **state)
{
	static const char insert[] =
	    "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\"}}";
	struct store *st = ((struct place *)*state)->st;

	make_notes(st);
	errs(st, &alice, insert,
	    "insert not allowed: this table only accepts data from the site owner");
	ok(st, &the_owner, insert);
	answers(st, &bob, QUERY ",\"columns\":[\"_id\"]}", "{\"ok\":true,\"data\":[{\"_id\":1}]}");
	ok(st, &the_owner, "{\"op\":\"set-policy\",\"table\":\"notes\",\"policy\":\"email\"}");
	errs(st, &bob, insert,
	    "insert not allowed: your peer must have an email address configured");
	ok(st, &alice, insert);
	answers(st, &bob, QUERY "}", "{\"ok\":true,\"data\":[]}");
	answers(
	    st, &alice, QUERY ",\"columns\":[\"_id\"]}", "{\"ok\":true,\"data\":[{\"_id\":2}]}");
	answers(st, &the_owner, QUERY ",\"columns\":[\"_id\"]}",
	    "{\"ok\":true,\"data\":[{\"_id\":1},{\"_id\":2}]}");
}

static void test_own_rows_only(void **state)
{
	static const char other[] = "row not found or not owned by caller";
	struct place *p = *state;
	struct store *st = p->st;

	notes_with(st, "open");
	ok(st, &alice, "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"a\"}}");
	errs(st, &bob,
	    "{\"op\":\"update\",\"table\":\"notes\",\"id\":1,\"data\":{\"title\":\"b\"}}", other);
	errs(st, &bob, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":1}", other);
	errs(st, &bob, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":9}", other);
	answers(st, &alice,
	    "{\"op\":\"update\",\"table\":\"notes\",\"id\":1,\"data\":{\"title\":\"c\"}}",
	    "{\"ok\":true,\"data\":{\"status\":\"updated\"}}");
	assert_int_equal(outside_number(p, "SELECT count(*) FROM notes WHERE title = 'c'"), 1);
	answers(st, &alice, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":1}",
	    "{\"ok\":true,\"data\":{\"status\":\"deleted\"}}");
	ok(st, &alice, "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"a\"}}");
	ok(st, &the_owner, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":2}");
	errs(st, &the_owner, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":2}", other);
}

static void test_schema_is_the_owners(void **state)
{
	static const char *const lines[] = {
	    "{\"op\":\"create-table\",\"name\":\"x\",\"column\":{\"name\":\"a\"}}",
	    "{\"op\":\"add-column\",\"table\":\"notes\",\"column\":{\"name\":\"a\"}}",
	    "{\"op\":\"drop-column\",\"table\":\"notes\",\"name\":\"n\"}",
	    "{\"op\":\"rename-table\",\"old_name\":\"notes\",\"new_name\":\"x\"}",
	    "{\"op\":\"delete-table\",\"table\":\"notes\"}",
	    "{\"op\":\"set-policy\",\"table\":\"notes\",\"policy\":\"open\"}"};
	struct store *st = ((struct place *)*state)->st;

	make_notes(st);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		errs(st, &alice, lines[i], "schema operations not allowed for remote peers");
}

static void test_what_is_beside_the_sites_tables(void **state)
{
	struct place *p = *state;
	struct store *st = p->st;

	make_notes(st);
	outside(p, "CREATE TABLE aside (_id INTEGER PRIMARY KEY, _owner TEXT, a);"
		   "INSERT INTO aside VALUES (1, 'alice-peer', 2);"
		   "INSERT INTO _tables (name, schema) VALUES ('_secret', 'x');"
		   "CREATE TABLE _secret (a);");
	store_refresh(st);
	for (const char **name = (const char *[]){"aside", "_tables", "_secret", "sqlite_schema",
		 "sqlite_master", "pragma_table_info", "none", "notes\\\" --", NULL};
	     *name != NULL; name++) {
		char line[128];
		snprintf(line, sizeof line, "{\"op\":\"query\",\"table\":\"%s\"}", *name);
		errs(st, &alice, line, "no such table: ");
		snprintf(line, sizeof line, "{\"op\":\"describe\",\"table\":\"%s\"}", *name);
		errs(st, &alice, line, "no such table: ");
		snprintf(line, sizeof line, "{\"op\":\"insert\",\"table\":\"%s\"}", *name);
		errs(st, &alice, line, "no such table: ");
		errs(st, &the_owner, line, "no such table: ");
		snprintf(line, sizeof line, "{\"op\":\"delete\",\"table\":\"%s\",\"id\":1}", *name);
		errs(st, &alice, line, "no such table: ");
		errs(st, &the_owner, line, "no such table: ");
	}
	answers(st, &the_owner, "{\"op\":\"query\",\"table\":\"aside\",\"columns\":[\"a\"]}",
	    "{\"ok\":true,\"data\":[{\"a\":2}]}");
	answers(st, &the_owner,
	    "{\"op\":\"query\",\"table\":\"_tables\",\"columns\":[\"name\"],\"where\":\"name = "
	    "?\",\"args\":[\"notes\"]}",
	    "{\"ok\":true,\"data\":[{\"name\":\"notes\"}]}");
}

static void test_values_go_in_and_out(void **state)
{
	struct place *p = *state;
	struct store *st = p->st;

	ok(st, &the_owner,
	    "{\"op\":\"create-table\",\"name\":\"v\",\"column_defs\":[{\"name\":\"i\",\"type\":"
	    "\"INTEGER\"},{\"name\":\"r\",\"type\":\"REAL\"},{\"name\":\"t\",\"type\":\"TEXT\"},"
	    "{\"name\":\"b\",\"type\":\"BLOB\"}]}");
	ok(st, &the_owner,
	    "{\"op\":\"insert\",\"table\":\"v\",\"data\":{\"i\":\"9223372036854775807\",\"r\":0.1,"
	    "\"t\":\"\\u20ac\\\"\",\"b\":null}}");
	outside(p, "UPDATE v SET b = x'fffefd'");
	answers(st, &the_owner,
	    "{\"op\":\"query\",\"table\":\"v\",\"columns\":[\"i\",\"r\",\"t\",\"b\",\"1e999 AS "
	    "inf\"]}",
	    "{\"ok\":true,\"data\":[{\"i\":9223372036854775807,\"r\":0.1,\"t\":"
	    "\"\xe2\x82\xac\\\"\",\"b\":\"//79\",\"inf\":null}]}");
}

static void test_limit_and_offset(void **state)
{
	struct store *st = ((struct place *)*state)->st;

	make_notes(st);
	for (int i = 0; i < 5; i++)
		note(st, "a", "x");
	answers(st, &bob, QUERY ",\"columns\":[\"_id\"],\"limit\":2,\"offset\":3}",
	    "{\"ok\":true,\"data\":[{\"_id\":4},{\"_id\":5}]}");
	answers(st, &bob, QUERY ",\"columns\":[\"_id\"],\"limit\":-1,\"offset\":4}",
	    "{\"ok\":true,\"data\":[{\"_id\":5}]}");
	answers(st, &bob, QUERY ",\"columns\":[\"count(*) as n\"]}",
	    "{\"ok\":true,\"data\":[{\"n\":5}]}");
}

/* `rows` rows of about a kilobyte. */
static void fill(const struct place *p, unsigned rows)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
	    " INSERT INTO notes (_owner, title, n) SELECT 'a', printf('%%01000d', i), i FROM n",
	    rows);
	outside(p, sql);
}

static void test_large_answer_comes_in_chunks(void **state)
{
	struct place *p = *state;
	struct buf out;
	struct data_call *c;
	enum data_state s;
	size_t total = 0, largest = 0;
	char last[3];

	make_notes(p->st);
	fill(p, 2000);
	buf_init(&out, DATA_CALL_OUT);
	c = data_call_new(QUERY "}", strlen(QUERY "}"), &bob, &out);
	do {
		s = data_call_run(c, p->st, &out);
		if (s == DATA_MORE)
			continue;
		largest = buf_len(&out) > largest ? buf_len(&out) : largest;
		total += buf_len(&out);
		memcpy(last, buf_data(&out) + buf_len(&out) - 3, 3);
		buf_consume(&out, buf_len(&out));
	} while (s == DATA_FLOW || s == DATA_MORE);
	assert_int_equal(s, DATA_DONE);
	assert_true(total > 2000 * 1000);
	assert_true(largest < DATA_CALL_CHUNK + 2000);
	assert_memory_equal(last, "]}\n", 3);
	data_call_free(c);
	buf_clear(&out);
}

static void test_error_after_a_part_was_sent(void **state)
{
	struct place *p = *state;
	struct buf out;
	struct data_call *c;
	const char *line = QUERY ",\"columns\":[\"title\",\"abs(n)\"]}";
	enum data_state s;

	make_notes(p->st);
	fill(p, 500);
	outside(p, "UPDATE notes SET n = -9223372036854775807 - 1 WHERE _id = 400");
	buf_init(&out, DATA_CALL_OUT);
	c = data_call_new(line, strlen(line), &bob, &out);
	do {
		s = data_call_run(c, p->st, &out);
		if (s == DATA_FLOW)
			buf_consume(&out, buf_len(&out));
	} while (s == DATA_FLOW || s == DATA_MORE);
	assert_int_equal(s, DATA_BROKEN);
	assert_string_equal(data_call_why(c), "integer overflow");
	data_call_free(c);
	buf_clear(&out);
	/* Before that, it is an answer like any other. */
	errs(p->st, &bob, QUERY ",\"columns\":[\"abs(n)\"],\"where\":\"_id = 400\"}",
	    "integer overflow");
}

static void test_answers_have_a_limit(void **state)
{
	struct place *p = *state;
	struct buf out;
	struct data_call *c;
	enum data_state s;

	make_notes(p->st);
	outside(p,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001)"
	    " INSERT INTO notes (_owner, title, n) SELECT 'a', '', i FROM n");
	buf_init(&out, DATA_CALL_OUT);
	c = data_call_new(QUERY "}", strlen(QUERY "}"), &bob, &out);
	do {
		s = data_call_run(c, p->st, &out);
		if (s == DATA_FLOW)
			buf_consume(&out, buf_len(&out));
	} while (s == DATA_FLOW || s == DATA_MORE);
	assert_int_equal(s, DATA_BROKEN);
	assert_string_equal(data_call_why(c), "answer too large: use limit and offset");
	data_call_free(c);
	buf_clear(&out);
	ok(p->st, &bob, QUERY ",\"columns\":[\"_id\"],\"limit\":100000}");
}

static void test_row_too_large(void **state)
{
	struct place *p = *state;
	struct buf out;
	struct data_call *c;
	const char *line = QUERY "}";

	make_notes(p->st);
	outside(p, "INSERT INTO notes (_owner, title) VALUES ('a', replace(hex(zeroblob(1000000)),"
		   " '0', char(1)))");
	buf_init(&out, DATA_CALL_OUT);
	c = data_call_new(line, strlen(line), &bob, &out);
	assert_int_equal(run_to_end(p->st, c, &out), DATA_DONE);
	assert_memory_equal(buf_data(&out), "{\"ok\":false,\"error\":\"row too large\"}\n", 37);
	data_call_free(c);
	buf_clear(&out);
}

static void test_owner_unknown_yet(void **state)
{
	const struct caller unknown = {true, "", ""};
	struct store *st = ((struct place *)*state)->st;

	make_notes(st);
	errs(st, &unknown, "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\"}}",
	    "own peer id is not known yet");
	ok(st, &unknown, QUERY "}");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_life_of_a_table),
	    T(test_what_is_missing),
	    T(test_lua_is_not_there),
	    T(test_tables_and_describe),
	    T(test_insert_says_who_it_is_from),
	    T(test_system_columns_are_not_for_remote_callers),
	    T(test_policies),
	    T(test_own_rows_only),
	    T(test_schema_is_the_owners),
	    T(test_what_is_beside_the_sites_tables),
	    T(test_values_go_in_and_out),
	    T(test_limit_and_offset),
	    T(test_large_answer_comes_in_chunks),
	    T(test_error_after_a_part_was_sent),
	    T(test_answers_have_a_limit),
	    T(test_row_too_large),
	    T(test_owner_unknown_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
