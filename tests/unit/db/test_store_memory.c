/* A stranger's query has little memory of its own, and takes none of the owner's. */
#include "svc-db/store.h"

#include "tests/unit/db/store_testing.h"

#define STRANGERS (STORE_READERS - STORE_READERS_OWNER)
#define MIB       (1024 * 1024)

static struct query *begin(
    struct store *st, bool trusted, const char *const *columns, size_t count, int64_t limit)
{
	const struct query_spec spec = {.table = table_of(st, "notes"),
	    .trusted = trusted,
	    .columns = columns,
	    .column_count = count,
	    .where = "",
	    .limit = limit};
	enum store_code code;

	return query_open(st, &spec, &code);
}

/* One row that is computed from as many columns; NULL when the store refuses it. */
static struct query *row_of(struct store *st, const char *column, size_t count)
{
	const char *columns[64];
	struct query *q;

	for (size_t i = 0; i < count; i++)
		columns[i] = column;
	q = begin(st, false, columns, count, 0);
	assert_non_null(q);
	if (query_next(q) == QUERY_ROW)
		return q;
	assert_string_equal(query_why(q), "needs too much memory: ask for less");
	query_free(q);
	return NULL;
}

/* Rows that differ at their beginning: nothing takes its time to compare them. */
static void fill(struct place *p, unsigned rows, unsigned size)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
	    " INSERT INTO notes (_owner, title) SELECT 'a', printf('%%04d%%0%ud', i, 0) FROM n",
	    rows, size - 4);
	outside(p, sql);
}

static void count_distinct(struct store *st, bool trusted, const char *why)
{
	static const char *const columns[] = {"count(DISTINCT title)"};
	struct query *q = begin(st, trusted, columns, 1, 0);

	assert_non_null(q);
	if (why == NULL) {
		if (query_next(q) != QUERY_ROW)
			fail_msg("%s", query_why(q));
	} else {
		assert_int_equal(query_next(q), QUERY_FAILED);
		assert_string_equal(query_why(q), why);
	}
	query_free(q);
}

static void test_aggregates_of_strangers_are_bounded(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	fill(p, 600, 40000); /* 24 MB, all different */
	count_distinct(p->st, false, "needs too much memory: ask for less");
	count_distinct(p->st, true, NULL);
	/* It is over with the query. */
	outside(p, "DELETE FROM notes WHERE _id > 20");
	count_distinct(p->st, false, NULL);
}

/* What our own functions make counts as what SQLite's make. */
static void test_functions_count(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	fill(p, 1, 3 * MIB);
	query_free(row_of(p->st, "replace(title, 'x', 'y')", 1));
	assert_null(row_of(p->st, "replace(title, '0', 'y')", 3));
	assert_null(row_of(p->st, "upper(title)", 3));
	assert_null(row_of(p->st, "trim(title, 'x')", 3));
}

/* The same limit holds from the first row to the last. */
static void test_all_steps_together_are_bounded(void **state)
{
	static const char *const columns[] = {"upper(title)"};
	struct place *p = *state;
	struct query *q;

	make_notes(p->st);
	fill(p, 40, MIB);
	q = begin(p->st, false, columns, 1, 0);
	assert_non_null(q);
	for (unsigned i = 0; i < 40; i++)
		if (query_next(q) != QUERY_ROW)
			fail_msg("row %u: %s", i, query_why(q));
	assert_int_equal(query_next(q), QUERY_END);
	query_free(q);
}

/* Fourteen take as much as they get, and keep it. */
static void test_the_owner_has_his_own(void **state)
{
	struct place *p = *state;
	struct query *q[STRANGERS] = {NULL};
	char *long_text = malloc(4 * MIB);
	int64_t before, id;

	make_notes(p->st);
	fill(p, 1, 3 * MIB);
	before = sqlite3_memory_used();
	for (size_t i = 0; i < STRANGERS; i++)
		for (size_t columns = 60; columns > 0 && q[i] == NULL; columns /= 2)
			q[i] = row_of(p->st, "upper(title)", columns);
	assert_true(sqlite3_memory_used() - before > STRANGERS * 3 * MIB);
	assert_true(sqlite3_memory_used() - before < STRANGERS * 9 * MIB);
	memset(long_text, 'x', 4 * MIB);
	long_text[4 * MIB - 1] = '\0';
	ASSERT_STORE(p->st, store_begin(p->st), STORE_OK);
	for (int i = 0; i < 12; i++)
		ASSERT_STORE(p->st, put_note(p->st, "owner", long_text, &id), STORE_OK);
	ASSERT_STORE(p->st, store_commit(p->st), STORE_OK);
	outside(p, "UPDATE notes SET title = _id || substr(title, 1, 2000000) WHERE _id > 1");
	count_distinct(p->st, true, NULL);
	for (size_t i = 0; i < STRANGERS; i++)
		query_free(q[i]);
	free(long_text);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_aggregates_of_strangers_are_bounded),
	    T(test_functions_count),
	    T(test_all_steps_together_are_bounded),
	    T(test_the_owner_has_his_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
