#include "../testing.h"

#include "codec/json.h"

static void good(const char *text)
{
	struct json_error e;
	cJSON *tree = json_parse(text, strlen(text), 100, &e);

	if (tree == NULL)
		fail_msg("%s: %u:%u %s", text, e.line, e.column, e.what);
	cJSON_Delete(tree);
}

static void bad(const char *text, unsigned line, unsigned column, const char *what)
{
	struct json_error e = {0};

	assert_null(json_parse(text, strlen(text), 20, &e));
	assert_string_equal(e.what, what);
	assert_int_equal(e.line, line);
	assert_int_equal(e.column, column);
}

static void values_of_every_kind_parse(void **state)
{
	(void)state;
	good("null");
	good(" true ");
	good("\tfalse\r\n");
	good("0");
	good("-0.5e+10");
	good("1E3");
	good("\"\"");
	good("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00 \xc3\xa9 \xf0\x9f\x98\x80\"");
	good("[]");
	good("[ ]");
	good("{ }");
	good("[1,[2,{\"a\":{}}],\"x\"]");
	good("{\"a\":1,\"A\":2,\"\":3}");
}

static void errors_say_where_and_why(void **state)
{
	static const char value[] =
	    "expected a value: object, array, string, number, true, false, null";

	(void)state;
	bad("", 1, 1, value);
	bad("{\n  \"a\": 1,\n  \"b\" 2\n}", 3, 7, "expected ':'");
	bad("{\"\xc3\xa9\xc3\xa9\": x}", 1, 8, value);
	bad("{\"a\": 1 \"b\": 2}", 1, 9, "expected ',' or '}'");
	bad("[1 2]", 1, 4, "expected ',' or ']'");
	bad("[1,]", 1, 4, value);
	bad("{\"a\":1,}", 1, 8, "expected a member name in double quotes");
	bad("{a:1}", 1, 2, "expected a member name in double quotes");
	bad("[1", 1, 3, "expected ',' or ']'");
	bad("\"abc", 1, 1, "expected '\"' at the end of the string that begins here");
	bad("1 2", 1, 3, "expected the end: nothing may follow the value");
	bad("nul", 1, 1, value);
	bad("01", 1, 1, "a number may not begin with a zero");
	bad("-", 1, 2, "expected a digit");
	bad("1.", 1, 3, "expected a digit");
	bad("1e", 1, 3, "expected a digit");
	bad(".5", 1, 1, value);
	bad("+1", 1, 1, value);
	bad("NaN", 1, 1, value);
	bad("'a'", 1, 1, value);
	bad("a value", 1, 1, value);
	bad("\"a\nb\"", 1, 3, "control characters must be escaped in a string");
	bad("\"\\x41\"", 1, 2, "expected one of \" \\ / b f n r t u after the backslash");
	bad("\"\\", 1, 2, "expected one of \" \\ / b f n r t u after the backslash");
	bad("\"\\u12g4\"", 1, 2, "expected four hex digits after \\u");
	bad("\xef\xbb\xbf{}", 1, 1, value);
	bad("/* */ 1", 1, 1, value);
}

static void what_programs_disagree_about_is_refused(void **state)
{
	(void)state;
	bad("{\"a\":1,\n \"b\":{\"c\":1, \"c\":2}}", 2, 14, "member occurs twice: c");
	bad("{\"a\":1,\"\\u0061\":2}", 1, 8, "member occurs twice: a");
	bad("[{\"x\":0,\"y\":0,\"y\":0,\"x\":0}]", 1, 15, "member occurs twice: y");
	bad("{\"a\":0,\"a\":0,\"b\":0,\"b\":0}", 1, 8, "member occurs twice: a");
	bad("\"a\\u0000b\"", 1, 3, "a string may not hold the zero character");
	bad("\"\\ud83d\"", 1, 2, "first half of a surrogate pair without the second");
	bad("\"\\ud83d\\u0041\"", 1, 2, "first half of a surrogate pair without the second");
	bad("\"\\ude00\"", 1, 2, "second half of a surrogate pair without the first");
	bad("[1, 1e999]", 1, 5, "number out of range");
	bad("\"\xff\"", 1, 2, "expected UTF-8");
	bad("\"\xc0\x80\"", 1, 2, "expected UTF-8");
	bad("\"\xed\xa0\x80\"", 1, 2, "expected UTF-8");
	bad("\"\xc3", 1, 2, "expected UTF-8");
	bad("1000000000000000000000000000000000000000000000000000000000001", 1, 1,
	    "expected a number of at most 60 characters");
}

static void a_zero_byte_does_not_end_the_text(void **state)
{
	struct json_error e;

	(void)state;
	assert_null(json_parse("1\0", 2, 10, &e));
	assert_null(json_parse("\"a\0\"", 4, 10, &e));
	assert_null(json_parse("[1,2]", 4, 10, NULL));
}

static void depth_and_count_are_bounded(void **state)
{
	char text[JSON_DEPTH_MAX * 2 + 3];
	struct json_error e;
	cJSON *tree;

	(void)state;
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	tree = json_parse(text, JSON_DEPTH_MAX * 2, 100, &e);
	assert_non_null(tree);
	cJSON_Delete(tree);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	assert_null(json_parse(text, JSON_DEPTH_MAX + 1, 100, &e));
	assert_string_equal(e.what, "nested too deep: at most 32 levels");
	assert_int_equal(e.column, JSON_DEPTH_MAX + 1);
	tree = json_parse("[1,2]", 5, 3, &e);
	assert_non_null(tree);
	cJSON_Delete(tree);
	assert_null(json_parse("[1,2]", 5, 2, &e));
	assert_string_equal(e.what, "too many values");
	assert_int_equal(e.column, 4);
}

static void members_are_read_by_type_and_range(void **state)
{
	static const char text[] = "{\"s\":\"x\",\"i\":42,\"n\":-7,\"f\":1.5,\"t\":1700000000000,"
				   "\"big\":9007199254740994,\"S\":1,\"max\":9007199254740992}";
	cJSON *o = json_parse(text, strlen(text), 20, NULL);
	int64_t v = 5;
	char *again;

	(void)state;
	assert_string_equal(json_str(o, "s"), "x");
	assert_null(json_str(o, "i"));
	assert_null(json_str(o, "none"));
	assert_true(json_int(o, "i", 42, 42, &v));
	assert_int_equal(v, 42);
	assert_false(json_int(o, "i", 0, 41, &v));
	assert_false(json_int(o, "i", 43, 50, &v));
	assert_true(json_int(o, "n", INT64_MIN, INT64_MAX, &v));
	assert_int_equal(v, -7);
	assert_false(json_int(o, "f", 0, 10, &v));
	assert_false(json_int(o, "s", 0, 10, &v));
	assert_false(json_int(o, "none", 0, 10, &v));
	assert_false(json_int(o, "big", 0, INT64_MAX, &v));
	assert_int_equal(v, -7);
	assert_true(json_int(o, "max", 0, INT64_MAX, &v));
	again = json_print(o);
	assert_string_equal(again, text);
	free(again);
	cJSON_Delete(o);
}

static void written_text_is_exact(void **state)
{
	static const char text[] =
	    "[null,true,false,0,-1,9007199254740991,-9007199254740992,0.1,1e+300,-2.5e-07,"
	    "0.30000000000000004,\"\",\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001/"
	    "\xc3\xa9\",{},[],{\"k\\n\":[{}]}]";
	cJSON *tree = json_parse(text, strlen(text), 50, NULL);
	char *again = json_print(tree);

	(void)state;
	assert_string_equal(again, text);
	free(again);
	cJSON_Delete(tree);
	tree = cJSON_CreateArray();
	cJSON_AddItemToArray(tree, cJSON_CreateRaw("9223372036854775807"));
	cJSON_AddItemToArray(tree, cJSON_CreateNumber(strtod("inf", NULL)));
	again = json_print(tree);
	assert_string_equal(again, "[9223372036854775807,null]");
	free(again);
	cJSON_Delete(tree);
}

static void a_value_is_found_by_its_number(void **state)
{
	static const char text[] = "{\n \"a\": [1,\n  true], \"b\": 2}";
	static const unsigned places[][2] = {{1, 1}, {2, 2}, {2, 8}, {3, 3}, {3, 10}};
	struct json_error where;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_true(json_where(text, strlen(text), i + 1, &where));
		assert_int_equal(where.line, places[i][0]);
		assert_int_equal(where.column, places[i][1]);
		assert_string_equal(where.what, "");
	}
	assert_false(json_where(text, strlen(text), 6, &where));
}

static void any_outcome(const uint8_t *p, size_t n, void *arg)
{
	struct json_error e = {0};
	cJSON *tree = json_parse((const char *)p, n, 100, &e);

	(void)arg;
	if (tree == NULL)
		assert_true(e.line > 0 && e.column > 0 && e.what[0] != '\0');
	cJSON_Delete(tree);
}

static void must_fail(const uint8_t *p, size_t n, void *arg)
{
	(void)arg;
	assert_null(json_parse((const char *)p, n, 100, NULL));
}

static void cut_and_flipped_text_never_surprises(void **state)
{
	static const char text[] = "{\"a\":[1,-2.5e3,true,null],\"b\\u00e9\":{\"c\":"
				   "\"\\ud83d\\ude00 \xc3\xa9\"},\"d\":\"\"}";

	(void)state;
	good(text);
	cut_every_length((const uint8_t *)text, sizeof(text) - 1, must_fail, NULL);
	flip_every_bit((const uint8_t *)text, sizeof(text) - 1, any_outcome, NULL);
}

static void test_whole_numbers_that_a_double_keeps(void **state)
{
	static const struct {
		const char *text;
		bool exact;
	} rows[] = {{"[9007199254740992,-9007199254740991]", true}, {"9007199254740993", false},
	    {"[1,{\"a\":-9007199254740993}]", false}, {"12345678901234567890", false},
	    {"18446744073709551616", true}, {"\"9007199254740993 \\\" 9007199254740993\"", true},
	    {"{\"9007199254740993\":0.1234567890123456789}", true}, {"90071992547409930e-1", true},
	    {"100000000000000000000000000000000000000", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (json_is_exact(rows[i].text, strlen(rows[i].text)) != rows[i].exact)
			fail_msg("%s", rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_of_every_kind_parse),
	    cmocka_unit_test(errors_say_where_and_why),
	    cmocka_unit_test(what_programs_disagree_about_is_refused),
	    cmocka_unit_test(a_zero_byte_does_not_end_the_text),
	    cmocka_unit_test(depth_and_count_are_bounded),
	    cmocka_unit_test(members_are_read_by_type_and_range),
	    cmocka_unit_test(written_text_is_exact),
	    cmocka_unit_test(a_value_is_found_by_its_number),
	    cmocka_unit_test(cut_and_flipped_text_never_surprises),
	    cmocka_unit_test(test_whole_numbers_that_a_double_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
