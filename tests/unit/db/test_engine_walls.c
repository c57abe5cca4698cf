#include "svc-db/data_call.h"

#include "svc-db/expression.h"
#include "tests/unit/db/hostile.h"

/* In the place of the real one: everything is an expression. */
const char *expression_check(const char *text, unsigned flags, struct expression *e)
{
	(void)flags;
	*e = (struct expression){text, strlen(text), NULL, 0};
	return NULL;
}

/* The same with what would stop it at the door if it were written as above. */
static void test_without_parentheses(void **state)
{
	static const char *const texts[] = {"1) FROM diary WHERE (1",
	    "title) FROM main.notes WHERE (1", "1) FROM diary --", "title) FROM main.diary; --",
	    "1) UNION SELECT title FROM diary --", "title) FROM main.notes AS x, notes WHERE (1",
	    "(SELECT group_concat(title) FROM main.notes)",
	    "1) FROM notes AS n JOIN main.notes AS m WHERE (m.title",
	    "1)) SELECT title FROM main.notes --", "title) FROM main.notes NOT INDEXED WHERE (1"};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		try(p->st, texts[i], NULL);
		try(p->st, NULL, texts[i]);
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, hostile_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_texts_of_strangers),
	    T(test_no_oracle),
	    T(test_functions_with_power),
	    T(test_sub_selects),
	    T(test_columns_together),
	    T(test_without_parentheses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
