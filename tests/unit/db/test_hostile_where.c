#include "svc-db/data_call.h"

#include "tests/unit/db/hostile.h"

/* What is allowed, with the ids that alice sees by it. */
static const struct {
	const char *where;
	const char *answer;
} honest[] = {
    {"1=1 OR 1=1", "[{\"_id\":1},{\"_id\":3}]"},
    {"_owner = 'bob-peer'", "[]"},
    {"_owner <> 'alice-peer' OR 1", "[{\"_id\":1},{\"_id\":3}]"},
    {"title LIKE '%A' AND n IN (1, 3)", "[{\"_id\":1}]"},
    {"CASE WHEN n > 1 THEN 1 ELSE 0 END", "[{\"_id\":3}]"},
    {"length(upper(title)) BETWEEN 1 AND 99 AND typeof(n) = 'integer'",
	"[{\"_id\":1},{\"_id\":3}]"},
    {"notes.title IS NOT NULL AND \"notes\".n = 3", "[{\"_id\":3}]"},
    {"instr(title, 'third') = 1", "[{\"_id\":3}]"},
    {"title = 'a;--/*) OR (' OR n = 1", "[{\"_id\":1}]"},
    {"_created_at <= datetime('now', '+1 day')", "[{\"_id\":1},{\"_id\":3}]"},
};

static void test_honest_texts_work(void **state)
{
	struct store *st = ((struct place *)*state)->st;

	for (size_t i = 0; i < sizeof honest / sizeof *honest; i++) {
		char *line = request(honest[i].where, "_id", 0);
		char *expected;
		assert_true(asprintf(&expected, "{\"ok\":true,\"data\":%s}", honest[i].answer) > 0);
		answers(st, &alice, line, expected);
		free(expected);
		free(line);
	}
}

/* --- work without end --- */

static void errs_late(struct store *st, const char *where)
{
	char *line = request(where, NULL, 0);
	char *answer = answer_to(st, &alice, line);

	if (strstr(answer, "{\"ok\":false,") != answer)
		fail_msg("%s\nanswers %.200s", line, answer);
	free(answer);
	free(line);
}

static void test_bounded_work(void **state)
{
	struct place *p = *state;

	/* Alice has written long texts herself. */
	outside(p, "UPDATE notes SET title = replace(hex(zeroblob(250000)), '0', 'a')"
		   " WHERE _owner = 'alice-peer'");
	errs_late(p->st, "hex(hex(hex(hex(title)))) = ''");
	errs_late(p->st, "replace(replace(title, 'a', title), 'a', title) = ''");
	errs_late(p->st, "title || title || title || title || title || title || title || title ||"
			 " title = ''");
	errs_late(p->st, "title LIKE '%' || replace(substr(title, 1, 100000), 'a', 'a') || 'b%'");
	/* Linear, however it looks: an answer, no error. */
	ok(p->st, &alice,
	    "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"_id\"],\"where\":"
	    "\"instr(title, substr(title, 1, 200000) || 'b') > 0\"}");
}

static char *nested(const char *open, const char *inner, const char *close, size_t times)
{
	char *text = calloc(1, (strlen(open) + strlen(close)) * times + strlen(inner) + 1);

	for (size_t i = 0; i < times; i++)
		strcat(text, open);
	strcat(text, inner);
	for (size_t i = 0; i < times; i++)
		strcat(text, close);
	return text;
}

static void test_bounded_depth_and_size(void **state)
{
	struct store *st = ((struct place *)*state)->st;
	char *texts[] = {nested("abs(", "1", ")", 65), nested("NOT ", "1", "", 400),
	    nested("1 OR ", "1", "", 1000), nested("(", "1", ")", 9000),
	    nested("1 + ", "'", "", 4000), nested("coalesce(", "1", ",1)", 1000)};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		errs_late(st, texts[i]);
		free(texts[i]);
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, hostile_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_texts_of_strangers),
	    T(test_no_oracle),
	    T(test_honest_texts_work),
	    T(test_functions_with_power),
	    T(test_sub_selects),
	    T(test_columns_together),
	    T(test_bounded_work),
	    T(test_bounded_depth_and_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
