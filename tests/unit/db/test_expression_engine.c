/* What passes the check is to SQLite what it is to the check: one expression, without a sub-select
 * and without another table. Random strings of tokens, and SQLite's word on each. */
#include "svc-db/expression.h"

#include <stdbool.h>

#include <sqlite3.h>

#include "tests/unit/testing.h"

#define STRINGS 300000
#define TOKENS  12

static const char *const tokens[] = {"SELECT", "sElEcT", "VALUES", "IN", "NOT", "(", ")", "(", ")",
    "a", "u", "b", "1", "?", "'x'", "\"u\"", "[u]", "`u`", ",", "||", "->", "=", "<>", "AS", "CASE",
    "WHEN", "THEN", "ELSE", "END", "BETWEEN", "AND", "EXISTS", "CAST", "TEXT", "COLLATE", "NOCASE",
    "IS", "NULL", "LIKE", "ESCAPE", "FROM", "main", ".", "*", "count", "FILTER", "WHERE", "OVER",
    "WITH", "UNION", "ALL", "RAISE", "0x1", "1e5", "1.", "x'00'", "'", "\"", "[", "]", "`", "--",
    "/*", "*/", "-", "~", "!=", "MATCH", "DISTINCT", "ORDER", "BY", "LIMIT", "TABLE",
    "\xef\xbb\xbf", "\xef\xbb", "\xc2\xa0", "\x0b", "\f", "\x01", "\x7f", "\xff", ";", ":a", "@a",
    "$a", "#1", "?1", "$", "\\", "{", "!", "%", "_"};
/* The ones that a trick would need. */
static const char *const few[] = {"(", ")", "a", "SELECT 1)", "IN u", "VALUES(1))", "\xef\xbb\xbf"};
static const char *const blanks[] = {
    "", " ", "\n", "\t", "\x0b", "\xef\xbb\xbf", "  ", "\f", " \x0b"};

static struct {
	unsigned selects, others;
} seen;

static int look(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
	(void)arg, (void)b, (void)c, (void)d;
	seen.selects += action == SQLITE_SELECT;
	seen.others += action == SQLITE_READ && strcmp(a, "u") == 0;
	return SQLITE_OK;
}

#define PICK(list) list[random() % (long)(sizeof list / sizeof *list)]

static void make(char text[400])
{
	bool all = random() % 2 == 0;
	size_t n = 0;

	for (long count = 1 + random() % (all ? TOKENS : 4); count > 0; count--)
		n += (size_t)snprintf(
		    text + n, 400 - n, "%s%s", all ? PICK(tokens) : PICK(few), PICK(blanks));
}

/* Returns whether SQLite takes it. */
static bool ask(sqlite3 *db, const struct expression *e)
{
	sqlite3_stmt *stmt = NULL;
	const char *tail = "";
	char sql[500];
	int rc;

	snprintf(sql, sizeof sql, "SELECT (%.*s) FROM t WHERE 1", (int)e->len, e->text);
	memset(&seen, 0, sizeof seen);
	rc = sqlite3_prepare_v2(db, sql, -1, &stmt, &tail);
	if (rc == SQLITE_OK &&
	    (seen.selects != 1 || *tail != '\0' || strstr(sqlite3_sql(stmt), "WHERE 1") == NULL))
		fail_msg("more than an expression: %s", sql);
	if (seen.others != 0)
		fail_msg("another table: %s", sql);
	sqlite3_finalize(stmt);
	return rc == SQLITE_OK;
}

static void test_sqlite_agrees(void **state)
{
	unsigned passed = 0, taken = 0;
	sqlite3 *db;
	char text[400];

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "CREATE TABLE t (a, b); CREATE TABLE u (a, b)", NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_set_authorizer(db, look, NULL);
	for (unsigned i = 0; i < STRINGS; i++) {
		struct expression e;
		make(text);
		if (expression_check(text, EXPRESSION_PLAIN, &e) != NULL)
			continue;
		passed++;
		taken += ask(db, &e);
	}
	sqlite3_close(db);
	assert_true(passed > STRINGS / 10);
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_sqlite_agrees)};

	srandom(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
