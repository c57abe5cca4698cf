/* The replaced SQL functions answer what SQLite's own answer, and stop when the time is over. */
#include "svc-db/store_int.h"

#include "tests/unit/testing.h"

struct pair {
	sqlite3 *own, *plain;
	struct guard guard;
};

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof *p);

	assert_int_equal(sqlite3_open(":memory:", &p->own), SQLITE_OK);
	assert_int_equal(sqlite3_open(":memory:", &p->plain), SQLITE_OK);
	assert_int_equal(functions_attach(&p->guard, p->own), SQLITE_OK);
	guard_start(&p->guard, 1000 * 1000 * 1000);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	sqlite3_close(p->own);
	sqlite3_close(p->plain);
	free(p);
	return 0;
}

/* What an expression of up to three arguments is, as "type:text"; "error" when it fails. */
static char *ask(sqlite3 *db, const char *expression, const char *const args[3])
{
	char sql[128];
	char *answer = NULL;
	sqlite3_stmt *stmt;

	snprintf(sql, sizeof sql, "SELECT %s", expression);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	for (int i = 0; i < sqlite3_bind_parameter_count(stmt); i++)
		if (args[i] != NULL)
			sqlite3_bind_text(stmt, i + 1, args[i], -1, SQLITE_STATIC);
	if (sqlite3_step(stmt) != SQLITE_ROW)
		assert_true(asprintf(&answer, "error") > 0);
	else
		assert_true(asprintf(&answer, "%d:%s", sqlite3_column_type(stmt, 0),
				(const char *)sqlite3_column_text(stmt, 0)) > 0);
	sqlite3_finalize(stmt);
	return answer;
}

static void same_answer(
    struct pair *p, const char *expression, const char *a, const char *b, const char *c)
{
	const char *const args[3] = {a, b, c};
	char *own = ask(p->own, expression, args), *plain = ask(p->plain, expression, args);

	if (strcmp(own, plain) != 0)
		fail_msg(
		    "%s with '%s' '%s' '%s': %s, SQLite says %s", expression, a, b, c, own, plain);
	free(own);
	free(plain);
}

static void test_known_cases(void **state)
{
	struct pair *p = *state;
	static const char *const texts[] = {"", "a", "A", "ab", "aab", "%", "_", "a%", "%a", "_a",
	    "a\\%b", "\\", "%%", "%_%", "\xc3\xa9", "\xc3\xa9t\xc3\xa9", "_t_", "E\xcc\x81", "5",
	    NULL};
	const size_t n = sizeof texts / sizeof *texts;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			same_answer(p, "? LIKE ?", texts[i], texts[k], NULL);
			same_answer(p, "instr(?, ?)", texts[i], texts[k], NULL);
			same_answer(p, "trim(?, ?)", texts[i], texts[k], NULL);
			same_answer(p, "ltrim(?, ?)", texts[i], texts[k], NULL);
			same_answer(p, "rtrim(?, ?)", texts[i], texts[k], NULL);
			same_answer(
			    p, "instr(CAST(? AS BLOB), CAST(? AS BLOB))", texts[i], texts[k], NULL);
			same_answer(p, "instr(?, CAST(? AS BLOB))", texts[i], texts[k], NULL);
			same_answer(p, "CAST(? AS BLOB) LIKE ?", texts[i], texts[k], NULL);
			for (size_t l = 0; l < n; l++) {
				same_answer(p, "? LIKE ? ESCAPE ?", texts[i], texts[k], texts[l]);
				same_answer(p, "replace(?, ?, ?)", texts[i], texts[k], texts[l]);
			}
		}
}

static void test_numbers_and_blobs(void **state)
{
	struct pair *p = *state;

	for (const char **e = (const char *[]){"123 LIKE '1%'", "1.5 LIKE '1_5'", "instr(123, 2)",
		 "replace(1221, 2, 'x')", "instr(x'0102', x'02')", "instr(x'', x'')",
		 "instr('a', x'')", "x'61' LIKE 'a'", "replace(x'6162', 'a', 'c')",
		 "replace('a', '', 'b')", "'a' LIKE 'a' ESCAPE ''", "'a' LIKE 'a' ESCAPE 'ab'",
		 NULL};
	     *e != NULL; e++)
		same_answer(p, *e, NULL, NULL, NULL);
}

/* Short texts over few letters meet every path. */
static void test_random_cases(void **state)
{
	struct pair *p = *state;
	static const char letters[] = "aAb%_\\";
	unsigned seed = 1;

	for (unsigned i = 0; i < 20000; i++) {
		char text[3][8] = {""};
		for (size_t k = 0; k < 3; k++)
			for (size_t l = 0, n = (seed = seed * 1103515245 + 12345) >> 16 & 7; l < n;
			     l++)
				text[k][l] =
				    letters[((seed = seed * 1103515245 + 12345) >> 16) % 6];
		same_answer(p, "? LIKE ?", text[0], text[1], NULL);
		same_answer(p, "? LIKE ? ESCAPE '\\'", text[0], text[1], NULL);
		same_answer(p, "instr(?, ?)", text[0], text[1], NULL);
		same_answer(p, "trim(?, ?)", text[0], text[1], NULL);
		same_answer(p, "replace(?, ?, ?)", text[0], text[1], text[2]);
	}
}

static void test_like_stops(void **state)
{
	struct pair *p = *state;
	char *text = malloc(1 << 20), *pattern = malloc(1 << 16);
	const char *const args[3] = {text, pattern, NULL};
	char *answer;

	memset(text, 'a', (1 << 20) - 1);
	text[(1 << 20) - 1] = '\0';
	memset(pattern, 'a', (1 << 16) - 1);
	pattern[0] = '%';
	memcpy(pattern + (1 << 16) - 3, "b%", 3);
	sqlite3_limit(p->own, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1 << 20);
	guard_start(&p->guard, 1000);
	answer = ask(p->own, "? LIKE ?", args);
	assert_string_equal(answer, "error");
	assert_true(p->guard.late);
	free(answer);
	free(text);
	free(pattern);
}

static void test_replace_does_not_outgrow(void **state)
{
	struct pair *p = *state;
	const char *const args[3] = {"aaaaaaaaaaaaaaaaaaaa", "a", "bbbbbbbbbbbbbbbbbbbb"};
	char *answer;

	sqlite3_limit(p->own, SQLITE_LIMIT_LENGTH, 399);
	answer = ask(p->own, "replace(?, ?, ?)", args);
	assert_string_equal(answer, "error");
	free(answer);
	sqlite3_limit(p->own, SQLITE_LIMIT_LENGTH, 400);
	same_answer(p, "replace(?, ?, ?)", args[0], args[1], args[2]);
}

static void test_trim_takes_few_characters(void **state)
{
	struct pair *p = *state;
	char many[66];
	const char *const args[3] = {"aaa", many, NULL};
	char *answer;

	memset(many, 'b', 65);
	many[65] = '\0';
	answer = ask(p->own, "trim(?, ?)", args);
	assert_string_equal(answer, "error");
	free(answer);
	many[64] = '\0';
	same_answer(p, "trim(?, ?)", args[0], args[1], NULL);
	same_answer(p, "trim('  a ') || ltrim(' b ') || rtrim(' c ')", NULL, NULL, NULL);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_known_cases),
	    T(test_numbers_and_blobs),
	    T(test_random_cases),
	    T(test_like_stops),
	    T(test_replace_does_not_outgrow),
	    T(test_trim_takes_few_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
