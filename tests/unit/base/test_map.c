#include "base/map.h"

#include "tests/unit/testing.h"

static void test_set_get_remove(void **state)
{
	struct map *m = map_new();
	int a, b;

	(void)state;
	assert_null(map_gets(m, "a"));
	assert_null(map_sets(m, "a", &a));
	assert_ptr_equal(map_gets(m, "a"), &a);
	assert_ptr_equal(map_sets(m, "a", &b), &a);
	assert_int_equal(map_count(m), 1);
	/* An empty key, a key with a zero in it, a prefix: all different. */
	assert_null(map_set(m, NULL, 0, &a));
	assert_null(map_set(m, "a\0", 2, &a));
	assert_int_equal(map_count(m), 3);
	assert_ptr_equal(map_get(m, "", 0), &a);
	assert_ptr_equal(map_get(m, "a\0", 2), &a);
	assert_null(map_removes(m, "b"));
	assert_ptr_equal(map_removes(m, "a"), &b);
	assert_null(map_removes(m, "a"));
	assert_int_equal(map_count(m), 2);
	map_free(m);
	map_free(NULL);
}

static void test_the_key_is_copied(void **state)
{
	char key[] = "first";
	struct map *m = map_new();

	(void)state;
	map_sets(m, key, key);
	key[0] = 'F';
	assert_non_null(map_gets(m, "first"));
	assert_null(map_gets(m, key));
	map_free(m);
}

/* Adding and removing for long, against an array. */
static void test_many(void **state)
{
	static int value[5000];
	static int there[5000];
	struct map *m = map_new();
	unsigned seed = 1;
	size_t count = 0;

	(void)state;
	for (int round = 0; round < 300000; round++) {
		uint32_t i;

		seed = seed * 1103515245 + 12345;
		i = (seed >> 8) % 5000;
		if (there[i])
			assert_ptr_equal(map_removen(m, i), &value[i]);
		else
			assert_null(map_setn(m, i, &value[i]));
		there[i] = !there[i];
		count += there[i] ? 1 : (size_t)-1;
		assert_int_equal(map_count(m), count);
	}
	for (uint32_t i = 0; i < 5000; i++)
		assert_ptr_equal(map_getn(m, i), there[i] ? &value[i] : NULL);
	map_free(m);
}

static void test_walk(void **state)
{
	struct map *m = map_new();
	int seen[1000] = {0}, values[1000], *v;
	size_t at = 0, len;
	const void *key;
	uint32_t i;

	(void)state;
	MAP_FOREACH (m, none, v)
		fail();
	for (i = 0; i < 1000; i++)
		map_setn(m, i, &values[i]);
	while ((v = map_next(m, &at, &key, &len)) != NULL) {
		assert_int_equal(len, 4);
		memcpy(&i, key, 4);
		assert_ptr_equal(v, &values[i]);
		seen[i]++;
		/* What was just returned may go. */
		if (i % 2 == 0)
			map_removen(m, i);
	}
	for (i = 0; i < 1000; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(map_count(m), 500);
	at = 0;
	MAP_FOREACH (m, again, v)
		at++;
	assert_int_equal(at, 500);
	map_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_set_get_remove),
	    cmocka_unit_test(test_the_key_is_copied),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
