/* Queries: whose rows they see, in which state, within which limits. */
#include "svc-db/store.h"

#include "tests/unit/db/store_testing.h"

static struct query *query(struct store *st, struct query_spec spec, const char *table)
{
	enum store_code code;
	struct query *q;

	spec.table = table_of(st, table);
	if (spec.where == NULL)
		spec.where = "";
	q = query_open(st, &spec, &code);
	if (q == NULL)
		fail_msg("%s", store_why(st));
	return q;
}

static size_t rows_of(struct query *q)
{
	enum query_step step;
	size_t n = 0;

	while ((step = query_next(q)) == QUERY_ROW)
		n++;
	if (step == QUERY_FAILED)
		fail_msg("%s", query_why(q));
	query_free(q);
	return n;
}

static void test_query_filters_by_owner(void **state)
{
	struct place *p = *state;

	make_notes(p->st);
	note(p->st, "a", "one");
	note(p->st, "b", "two");
	note(p->st, "a", "three");
	assert_int_equal(rows_of(query(p->st, (struct query_spec){0}, "notes")), 3);
	assert_int_equal(rows_of(query(p->st, (struct query_spec){.only_owner = "a"}, "notes")), 2);
	assert_int_equal(
	    rows_of(query(
		p->st, (struct query_spec){.only_owner = "a", .where = "title = 'two'"}, "notes")),
	    0);
	assert_int_equal(
	    rows_of(query(p->st, (struct query_spec){.limit = 2, .offset = 2}, "notes")), 1);
	assert_int_equal(rows_of(query(p->st, (struct query_spec){.offset = 1}, "notes")), 2);
}

static void test_query_columns_and_args(void **state)
{
	struct place *p = *state;
	const char *columns[] = {"TITLE", "count(*) AS \"how many\"", "title || ?", "*"};
	const struct value args[] = {
	    {VALUE_TEXT, 0, 0, {(const uint8_t *)"!", 1}}, {VALUE_INTEGER, 1, 0, {NULL, 0}}};
	struct query *q;
	struct value v;

	make_notes(p->st);
	note(p->st, "a", "one");
	q = query(p->st,
	    (struct query_spec){.columns = columns,
		.column_count = 4,
		.only_owner = "a",
		.where = "_id = ?",
		.args = args,
		.arg_count = 2},
	    "notes");
	assert_int_equal(query_columns(q), 3 + 7);
	assert_string_equal(query_column(q, 0), "title");
	assert_string_equal(query_column(q, 1), "how many");
	assert_string_equal(query_column(q, 2), "title || ?");
	assert_string_equal(query_column(q, 3), "_id");
	assert_int_equal(query_next(q), QUERY_ROW);
	v = query_value(q, 1);
	assert_int_equal(v.type, VALUE_INTEGER);
	assert_int_equal(v.integer, 1);
	v = query_value(q, 2);
	assert_int_equal(v.type, VALUE_TEXT);
	assert_memory_equal(v.bytes.data, "one!", 4);
	assert_int_equal(query_next(q), QUERY_END);
	query_free(q);
}

static void test_number_of_args_must_fit(void **state)
{
	struct place *p = *state;
	struct query_spec spec = {.only_owner = "a", .where = "_id = ?"};
	enum store_code code;

	make_notes(p->st);
	spec.table = table_of(p->st, "notes");
	assert_null(query_open(p->st, &spec, &code));
	assert_int_equal(code, STORE_REFUSED);
	assert_string_equal(store_why(p->st), "expected 1 args for the ? given, got 0");
}

static void test_query_sees_one_state_while_others_write(void **state)
{
	struct place *p = *state;
	struct query *q;

	make_notes(p->st);
	for (int i = 0; i < 10; i++)
		note(p->st, "a", "old");
	q = query(p->st, (struct query_spec){0}, "notes");
	assert_int_equal(query_next(q), QUERY_ROW);
	for (int i = 0; i < 10; i++)
		note(p->st, "a", "new");
	assert_int_equal(rows_of(query(p->st, (struct query_spec){0}, "notes")), 20);
	assert_int_equal(rows_of(q), 9);
}

static void test_readers_are_bounded_and_some_are_the_owners(void **state)
{
	struct place *p = *state;
	struct query *q[STORE_READERS];
	struct query_spec spec = {.where = ""};
	enum store_code code;
	size_t others = STORE_READERS - STORE_READERS_OWNER;

	make_notes(p->st);
	for (size_t i = 0; i < others; i++)
		q[i] = query(p->st, (struct query_spec){0}, "notes");
	spec.table = table_of(p->st, "notes");
	assert_null(query_open(p->st, &spec, &code));
	assert_int_equal(code, STORE_BUSY);
	for (size_t i = others; i < STORE_READERS; i++)
		q[i] = query(p->st, (struct query_spec){.trusted = true}, "notes");
	spec.trusted = true;
	assert_null(query_open(p->st, &spec, &code));
	assert_int_equal(code, STORE_BUSY);
	query_free(q[0]);
	q[0] = query(p->st, (struct query_spec){.trusted = true}, "notes");
	for (size_t i = 0; i < STORE_READERS; i++)
		query_free(q[i]);
}

static void test_query_has_a_time_limit(void **state)
{
	struct place *p = *state;
	struct query *q;

	make_notes(p->st);
	/* A view that takes for ever: only the owner reaches it, his time is bounded too. */
	outside(p, "CREATE VIEW forever AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
		   " FROM n) SELECT i FROM n WHERE i < 0");
	store_refresh(p->st);
	q = query(p->st, (struct query_spec){.trusted = true}, "forever");
	assert_int_equal(query_next(q), QUERY_FAILED);
	assert_string_equal(query_why(q), "took too long: ask for less");
	query_free(q);
	assert_int_equal(rows_of(query(p->st, (struct query_spec){.trusted = true}, "notes")), 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_query_filters_by_owner),
	    T(test_query_columns_and_args),
	    T(test_number_of_args_must_fit),
	    T(test_query_sees_one_state_while_others_write),
	    T(test_readers_are_bounded_and_some_are_the_owners),
	    T(test_query_has_a_time_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
