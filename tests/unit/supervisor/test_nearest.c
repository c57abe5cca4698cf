#include "tests/unit/testing.h"

#include "supervisor/nearest.h"

static void counts_slips(void **unused)
{
	static const struct {
		const char *a, *b;
		size_t slips;
	} words[] = {
	    {"", "", 0}, {"", "abc", 3}, {"status", "status", 0}, {"satus", "status", 1},
	    {"statuss", "status", 1}, {"stetus", "status", 1},
	    {"sattus", "status", 1}, /* two letters swapped */
	    {"kitten", "sitting", 3},
	    {"ca", "abc", 3}, /* optimal string alignment, not full Damerau (2) */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_equal(nearest_slips(words[i].a, words[i].b), words[i].slips);
		assert_int_equal(nearest_slips(words[i].b, words[i].a), words[i].slips);
	}
}

static void long_words_are_cut(void **unused)
{
	char *a = malloc(5001), *b = malloc(5001);

	(void)unused;
	memset(a, 'a', 5000);
	memset(b, 'b', 5000);
	a[5000] = b[5000] = '\0';
	assert_int_equal(nearest_slips(a, b), 96);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_slips),
	    cmocka_unit_test(long_words_are_cut),
	};

	return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
