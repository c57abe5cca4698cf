#include "svc-db/request.h"

#include "tests/unit/testing.h"

static struct request parsed(const char *line)
{
	struct request r;
	char why[REQUEST_WHY] = "";

	if (request_parse(&r, line, strlen(line), why) != 0)
		fail_msg("%s: %s", line, why);
	return r;
}

static void refused(const char *line, const char *expected)
{
	struct request r;
	char why[REQUEST_WHY] = "";

	if (request_parse(&r, line, strlen(line), why) == 0)
		fail_msg("not refused: %s", line);
	if (strstr(why, expected) == NULL)
		fail_msg("%s: \"%s\", expected \"%s\"", line, why, expected);
}

static void test_query(void **state)
{
	struct request r = parsed("{\"op\":\"query\",\"table\":\"t\",\"columns\":[\"a\",\"b\"],"
				  "\"where\":\"a = ?\",\"args\":[1,2.5,\"x\",true,false,null],"
				  "\"limit\":10,\"offset\":-3}\n");
	const enum value_type types[] = {
	    VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_INTEGER, VALUE_INTEGER, VALUE_NULL};

	(void)state;
	assert_int_equal(r.op, REQUEST_QUERY);
	assert_string_equal(r.table, "t");
	assert_string_equal(r.where, "a = ?");
	assert_int_equal(r.column_count, 2);
	assert_string_equal(r.columns[1], "b");
	assert_int_equal(r.arg_count, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(r.args[i].type, types[i]);
	assert_int_equal(r.args[3].integer, 1);
	assert_int_equal(r.args[4].integer, 0);
	assert_int_equal(r.limit, 10);
	assert_int_equal(r.offset, -3);
	request_clear(&r);
}

static void test_insert(void **state)
{
	struct request r =
	    parsed("{\"op\":\"insert\",\"table\":\"t\",\"data\":{\"a\":\"\",\"b\":-7}}");

	(void)state;
	assert_int_equal(r.field_count, 2);
	assert_string_equal(r.fields[0].column, "a");
	assert_int_equal(r.fields[0].value.type, VALUE_TEXT);
	assert_non_null(r.fields[0].value.bytes.data);
	assert_int_equal(r.fields[1].value.integer, -7);
	request_clear(&r);
}

static void test_column_definitions(void **state)
{
	struct request r =
	    parsed("{\"op\":\"create-table\",\"name\":\"t\",\"column_defs\":[{\"name\":"
		   "\"a\",\"type\":\"TEXT\",\"not_null\":true,\"default\":\"'x'\"}]}");

	(void)state;
	assert_int_equal(r.def_count, 1);
	assert_string_equal(r.defs[0].default_, "'x'");
	assert_true(r.defs[0].not_null);
	request_clear(&r);
	r = parsed("{\"op\":\"create-table\",\"name\":\"t\",\"columns\":[{\"name\":\"a\"}]}");
	assert_int_equal(r.def_count, 1);
	assert_string_equal(r.defs[0].type, "");
	request_clear(&r);
	r = parsed("{\"op\":\"drop-column\",\"table\":\"t\",\"column\":\"a\"}");
	assert_string_equal(r.defs[0].name, "a");
	request_clear(&r);
	r = parsed("{\"op\":\"drop-column\",\"table\":\"t\",\"column\":{\"name\":\"a\"}}");
	assert_string_equal(r.defs[0].name, "a");
	request_clear(&r);
}

static void test_absent_and_null_are_the_same(void **state)
{
	struct request r = parsed("{\"op\":\"query\",\"table\":null,\"args\":null,\"data\":null,"
				  "\"columns\":null,\"limit\":null,\"unknown\":[1]}");

	(void)state;
	assert_string_equal(r.table, "");
	assert_int_equal(r.arg_count + r.field_count + r.column_count + r.def_count, 0);
	assert_int_equal(r.limit, 0);
	request_clear(&r);
}

static void number_is(const char *text, enum value_type type, int64_t integer, double real)
{
	char line[128];
	struct request r;

	snprintf(line, sizeof line, "{\"op\":\"query\",\"args\":[%s]}", text);
	r = parsed(line);
	assert_int_equal(r.args[0].type, type);
	if (type == VALUE_INTEGER)
		assert_true(r.args[0].integer == integer);
	else
		assert_true(r.args[0].real == real);
	request_clear(&r);
}

static void test_numbers_lose_nothing(void **state)
{
	static const char why[] = "more digits than a JSON number keeps";

	(void)state;
	number_is("9007199254740992", VALUE_INTEGER, 9007199254740992, 0);
	number_is("-9007199254740992", VALUE_INTEGER, -9007199254740992, 0);
	number_is("1152921504606846976", VALUE_INTEGER, 1152921504606846976, 0);
	number_is("1e18", VALUE_INTEGER, 1000000000000000000, 0);
	number_is("9223372036854775808", VALUE_REAL, 0, 9223372036854775808.0);
	number_is("1e300", VALUE_REAL, 0, 1e300);
	number_is("0.30000000000000004", VALUE_REAL, 0, 0.30000000000000004);
	number_is("12345678901234567.5", VALUE_INTEGER, 12345678901234568, 0);
	number_is("\"9007199254740993\"", VALUE_TEXT, 0, 0);
	number_is("\"\\\"9007199254740993\"", VALUE_TEXT, 0, 0);
	refused("{\"op\":\"query\",\"args\":[9007199254740993]}", why);
	refused("{\"op\":\"query\",\"args\":[-9007199254740993]}", why);
	refused("{\"op\":\"insert\",\"data\":{\"a\":9223372036854775807}}", why);
	refused("{\"op\":\"update\",\"id\":9223372036854775807}", why);
	refused("{\"op\":\"query\",\"args\":[111111111111111111111111111111111111111111]}", why);
}

static void test_refusals(void **state)
{
	(void)state;
	refused("", "invalid json: ");
	refused("[]", "invalid json: expected an object");
	refused("{\"op\":\"query\"} x", "invalid json: ");
	refused("{}", "unknown op: ");
	refused("{\"op\":\"?\"}", "unknown op: ?");
	refused("{\"op\":\"drop\"}", "unknown op: drop");
	refused("{\"op\":1}", "op: expected text");
	refused("{\"op\":\"query\",\"table\":1}", "table: expected text");
	refused("{\"op\":\"query\",\"where\":[]}", "where: expected text");
	refused("{\"op\":\"query\",\"args\":{}}", "args: expected an array");
	refused("{\"op\":\"query\",\"args\":[[]]}", "args: expected text, a number");
	refused("{\"op\":\"insert\",\"data\":{\"a\":{}}}", "a: expected text, a number");
	refused("{\"op\":\"insert\",\"data\":[]}", "data: expected an object");
	refused("{\"op\":\"query\",\"columns\":[1]}", "columns: expected an array of text");
	refused("{\"op\":\"query\",\"columns\":\"a\"}", "columns: expected an array");
	refused("{\"op\":\"query\",\"limit\":1.5}", "limit: expected a whole number");
	refused("{\"op\":\"query\",\"limit\":1e12}", "limit: expected a whole number");
	refused("{\"op\":\"update\",\"id\":\"1\"}", "id: expected a whole number");
	refused("{\"op\":\"add-column\",\"column\":7}", "column: expected an object");
	refused("{\"op\":\"add-column\",\"column\":{\"not_null\":1}}", "not_null: expected true");
	refused("{\"op\":\"query\",\"table\":\"a\\u0000b\"}", "invalid json: ");
}

static const char full[] =
    "{\"op\":\"query\",\"table\":\"t\",\"name\":\"n\",\"data\":{\"a\":1,\"b\":\"\\u20ac\\\"\"},"
    "\"id\":7,\"where\":\"a=?\",\"args\":[1,-2.5e3,\"x\",true,null],\"columns\":[\"a\"],"
    "\"column_defs\":[{\"name\":\"a\",\"type\":\"TEXT\",\"not_null\":false}],\"limit\":5,"
    "\"offset\":1,\"old_name\":\"o\",\"new_name\":\"n\",\"policy\":\"open\"}";

static void parse_any(const uint8_t *p, size_t n, void *arg)
{
	struct request r;
	char why[REQUEST_WHY] = "";

	if (request_parse(&r, (const char *)p, n, why) == 0) {
		request_clear(&r);
		assert_null(arg);
	} else {
		assert_int_not_equal(why[0], '\0');
	}
}

static void test_damaged_lines(void **state)
{
	(void)state;
	/* No proper prefix is a request. */
	cut_every_length((const uint8_t *)full, sizeof full - 1, parse_any, (void *)1);
	flip_every_bit((const uint8_t *)full, sizeof full - 1, parse_any, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_query),
	    cmocka_unit_test(test_insert),
	    cmocka_unit_test(test_column_definitions),
	    cmocka_unit_test(test_absent_and_null_are_the_same),
	    cmocka_unit_test(test_numbers_lose_nothing),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_damaged_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
