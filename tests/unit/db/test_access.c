#include "svc-db/access.h"

#include "tests/unit/testing.h"

static const struct caller owner = {true, "me", ""};
static const struct caller nameless = {false, "p", ""};
static const struct caller named = {false, "p", "p@example.org"};

static const char *refusal(enum access_op op, const struct caller *c, const char *policy)
{
	struct access_rules rules = access_by_policy(policy);
	enum access_rows rows;

	return access_refusal(op, c, &rules, &rows);
}

static enum access_rows read_rows(const char *policy)
{
	struct access_rules rules = access_by_policy(policy);
	enum access_rows rows = ROWS_NONE;

	assert_null(access_refusal(ACCESS_READ, &named, &rules, &rows));
	return rows;
}

static void test_inserting(void **state)
{
	(void)state;
	assert_string_equal(refusal(ACCESS_INSERT, &named, "owner"),
	    "insert not allowed: this table only accepts data from the site owner");
	assert_string_equal(refusal(ACCESS_INSERT, &nameless, "email"),
	    "insert not allowed: your peer must have an email address configured");
	assert_null(refusal(ACCESS_INSERT, &named, "email"));
	assert_null(refusal(ACCESS_INSERT, &nameless, "open"));
	assert_null(refusal(ACCESS_INSERT, &nameless, "public"));
	assert_non_null(refusal(ACCESS_INSERT, &named, "group"));
	assert_non_null(refusal(ACCESS_INSERT, &named, "local"));
	assert_non_null(refusal(ACCESS_INSERT, &named, "Open"));
	assert_non_null(refusal(ACCESS_INSERT, &named, ""));
}

static void test_reading(void **state)
{
	(void)state;
	assert_int_equal(read_rows("owner"), ROWS_ALL);
	assert_int_equal(read_rows("email"), ROWS_OWN);
	assert_int_equal(read_rows("open"), ROWS_OWN);
	assert_int_equal(read_rows("what"), ROWS_OWN);
	assert_int_equal(read_rows("public"), ROWS_ALL);
	assert_int_equal(read_rows("group"), ROWS_ALL);
}

static void test_changing_own_rows_only(void **state)
{
	static const char *const policies[] = {"owner", "email", "open", "public", "group", "x"};

	(void)state;
	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
		struct access_rules rules = access_by_policy(policies[i]);
		enum access_rows rows = ROWS_ALL;
		assert_null(access_refusal(ACCESS_UPDATE, &named, &rules, &rows));
		assert_int_equal(rows, ROWS_OWN);
		rows = ROWS_ALL;
		assert_null(access_refusal(ACCESS_DELETE, &named, &rules, &rows));
		assert_int_equal(rows, ROWS_OWN);
	}
}

static void test_schema_is_the_owners(void **state)
{
	enum access_rows rows;

	(void)state;
	assert_string_equal(access_refusal(ACCESS_SCHEMA, &named, NULL, &rows),
	    "schema operations not allowed for remote peers");
	assert_null(access_refusal(ACCESS_SCHEMA, &owner, NULL, &rows));
	assert_null(access_refusal(ACCESS_TABLES, &nameless, NULL, &rows));
	assert_null(refusal(ACCESS_DESCRIBE, &nameless, "email"));
}

static void test_owner_may_everything(void **state)
{
	struct access_rules rules = access_by_policy("group");

	(void)state;
	access_refine(&rules, "local", "local", "local", "local");
	for (enum access_op op = ACCESS_TABLES; op <= ACCESS_SCHEMA; op++) {
		enum access_rows rows = ROWS_NONE;
		assert_null(access_refusal(op, &owner, &rules, &rows));
		assert_int_equal(rows, ROWS_ALL);
	}
}

static void test_explicit_rules(void **state)
{
	struct access_rules rules = access_by_policy("owner");
	enum access_rows rows;

	(void)state;
	access_refine(&rules, NULL, "", NULL, NULL);
	assert_int_equal(rules.read, ROWS_ALL);
	assert_int_equal(rules.insert, INSERT_OWNER);
	access_refine(&rules, "owner", "open", "open", "group");
	assert_int_equal(rules.read, ROWS_OWN);
	assert_int_equal(rules.insert, INSERT_OPEN);
	assert_int_equal(rules.update, ROWS_OWN);
	assert_int_equal(rules.delete_, ROWS_NONE);
	access_refine(&rules, "local", NULL, "owner", NULL);
	assert_non_null(access_refusal(ACCESS_READ, &named, &rules, &rows));
	assert_non_null(access_refusal(ACCESS_UPDATE, &named, &rules, &rows));
	access_refine(&rules, "open", NULL, NULL, NULL);
	assert_int_equal(rules.read, ROWS_ALL);
	access_refine(&rules, "nonsense", NULL, NULL, NULL);
	assert_int_equal(rules.read, ROWS_NONE);
}

static void test_policies_to_set(void **state)
{
	(void)state;
	assert_true(access_policy_ok("owner"));
	assert_true(access_policy_ok("email"));
	assert_true(access_policy_ok("open"));
	assert_false(access_policy_ok("group"));
	assert_false(access_policy_ok(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_inserting),
	    cmocka_unit_test(test_reading),
	    cmocka_unit_test(test_changing_own_rows_only),
	    cmocka_unit_test(test_schema_is_the_owners),
	    cmocka_unit_test(test_owner_may_everything),
	    cmocka_unit_test(test_explicit_rules),
	    cmocka_unit_test(test_policies_to_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
