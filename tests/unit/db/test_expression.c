#include "svc-db/expression.h"

#include "tests/unit/testing.h"

static void passes(const char *text, unsigned flags)
{
	struct expression e;
	const char *why = expression_check(text, flags, &e);

	if (why != NULL)
		fail_msg("%s: %s", text, why);
}

static void refused(const char *text, unsigned flags, const char *expected)
{
	struct expression e;
	const char *why = expression_check(text, flags, &e);

	if (why == NULL)
		fail_msg("not refused: %s", text);
	if (strcmp(why, expected) != 0)
		fail_msg("%s: %s, expected: %s", text, why, expected);
}

static void test_expressions_pass(void **state)
{
	static const char *const texts[] = {"1", "a = ?", "a IN (?, ?, 'x')", "name LIKE '%;--%'",
	    "a = 'it''s (' AND b = \"x)\" OR [c(] = `d)`", "x -> '$.a'", "a - -1",
	    "CAST(a AS TEXT)", "CASE WHEN a THEN ')' ELSE 2 END", "x'00ff' = y", "\tcount ( * )\n",
	    "a NOT IN (1)", "caf\xc3\xa9 = 1", "min(a, b)", "selected = 1", "a / b * c"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		passes(texts[i], EXPRESSION_PLAIN);
}

static void test_parentheses_must_balance(void **state)
{
	(void)state;
	refused("1=1) OR (1=1", 0, "unbalanced parentheses");
	refused("(1", 0, "unbalanced parentheses");
	refused("1)", 0, "unbalanced parentheses");
	refused("')' )", 0, "unbalanced parentheses");
	refused("[)](", 0, "unbalanced parentheses");
}

static void test_nothing_may_swallow_the_rest(void **state)
{
	(void)state;
	refused("1 --", 0, "comments are not allowed");
	refused("1 /* ", 0, "comments are not allowed");
	refused("1 /**/ OR 1", 0, "comments are not allowed");
	refused("a = 'x", 0, "unfinished quote");
	refused("a = \"x", 0, "unfinished quote");
	refused("a = `x", 0, "unfinished quote");
	refused("[x", 0, "unfinished quote");
	refused("'it''", 0, "unfinished quote");
	refused("1; DROP TABLE t", 0, "one expression only");
	refused("1, 2", 0, "one expression only");
	refused("", 0, "empty expression");
	refused(" \n", 0, "empty expression");
}

static void test_parameters_are_question_marks(void **state)
{
	static const char why[] = "named parameters are not allowed: use ?";

	(void)state;
	refused("a = :x", 0, why);
	refused("a = @x", 0, why);
	refused("a = $x", 0, why);
	refused("a = $x::y(1)", 0, why);
	refused("a = #1", 0, why);
	refused("a = ?1", 0, "numbered parameters are not allowed: use ?");
}

static void test_plain_reaches_no_table(void **state)
{
	(void)state;
	refused("(SELECT 1)", EXPRESSION_PLAIN, "sub-selects are not allowed");
	refused("EXISTS (seLect 1)", EXPRESSION_PLAIN, "sub-selects are not allowed");
	refused("(VALUES(1))", EXPRESSION_PLAIN, "sub-selects are not allowed");
	refused("a IN t", EXPRESSION_PLAIN, "IN takes a list in parentheses");
	refused("a IN \"t\"", EXPRESSION_PLAIN, "IN takes a list in parentheses");
	refused("a in main.t", EXPRESSION_PLAIN, "IN takes a list in parentheses");
	passes("\"select\" = 'values'", EXPRESSION_PLAIN);
	passes("a IN (SELECT b FROM t)", 0);
}

/* SQLite skips the mark where a token begins, and finds a keyword behind it. */
static void test_marks_hide_no_keyword(void **state)
{
	static const char why[] = "byte order marks are not allowed";

	(void)state;
	refused("(\xef\xbb\xbfSELECT 1)", EXPRESSION_PLAIN, why);
	refused("a \xef\xbb\xbfIN t", EXPRESSION_PLAIN, why);
	refused("\xef\xbb\xbf", 0, why);
	refused("a \xef\xbb\xbf"
		"AS b",
	    EXPRESSION_ALIAS, why);
	passes("'\xef\xbb\xbfSELECT' = \"\xef\xbb\xbf\"", EXPRESSION_PLAIN);
	/* These are parts of names, or other characters that begin with the same bytes. */
	passes("a\xef\xbb\xbf = \xef\xbb\xbe", EXPRESSION_PLAIN);
}

static void alias_is(const char *text, const char *expression, const char *alias)
{
	struct expression e;

	assert_null(expression_check(text, EXPRESSION_ALIAS, &e));
	assert_int_equal(e.len, strlen(expression));
	assert_memory_equal(e.text, expression, e.len);
	if (alias == NULL) {
		assert_null(e.alias);
		return;
	}
	assert_int_equal(e.alias_len, strlen(alias));
	assert_memory_equal(e.alias, alias, e.alias_len);
}

static void test_alias(void **state)
{
	(void)state;
	alias_is(" count(*) as n ", "count(*)", "n");
	alias_is("a AS \"b c\"", "a", "b c");
	alias_is("CAST(a AS TEXT)", "CAST(a AS TEXT)", NULL);
	alias_is("CAST(a AS TEXT) AS t", "CAST(a AS TEXT)", "t");
	refused("a AS", EXPRESSION_ALIAS, "AS takes one name");
	refused("a AS b c", EXPRESSION_ALIAS, "AS takes one name");
	refused("a AS b FROM t", EXPRESSION_ALIAS, "AS takes one name");
	refused("a AS 'b'", EXPRESSION_ALIAS, "AS takes one name");
	refused("AS b", EXPRESSION_ALIAS, "empty expression");
}

static void test_length_is_bounded(void **state)
{
	char *text = malloc(EXPRESSION_MAX + 2);

	(void)state;
	memset(text, '1', EXPRESSION_MAX + 1);
	text[EXPRESSION_MAX + 1] = '\0';
	refused(text, 0, "expression too long");
	text[EXPRESSION_MAX] = '\0';
	passes(text, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_expressions_pass),
	    cmocka_unit_test(test_parentheses_must_balance),
	    cmocka_unit_test(test_nothing_may_swallow_the_rest),
	    cmocka_unit_test(test_parameters_are_question_marks),
	    cmocka_unit_test(test_plain_reaches_no_table),
	    cmocka_unit_test(test_marks_hide_no_keyword),
	    cmocka_unit_test(test_alias),
	    cmocka_unit_test(test_length_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
