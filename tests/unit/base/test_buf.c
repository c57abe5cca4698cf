#include "base/buf.h"

#include "tests/unit/testing.h"

static void test_put_and_consume(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_room(&b), 100);
	assert_int_equal(buf_put(&b, "hello", 5), 0);
	assert_int_equal(buf_puts(&b, " world"), 0);
	assert_int_equal(buf_putf(&b, "%d%s", 42, "!"), 0);
	assert_int_equal(buf_len(&b), 14);
	assert_memory_equal(buf_data(&b), "hello world42!", 14);
	buf_consume(&b, 6);
	assert_memory_equal(buf_data(&b), "world42!", 8);
	buf_truncate(&b, 5);
	assert_int_equal(buf_len(&b), 5);
	assert_int_equal(buf_room(&b), 95);
	buf_clear(&b);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_room(&b), 100);
}

static void test_a_zeroed_one_with_a_maximum_is_valid(void **state)
{
	struct buf b = {.max = 2};

	(void)state;
	assert_int_equal(buf_put_u8(&b, 1), 0);
	assert_int_equal(buf_put_u8(&b, 2), 0);
	assert_memory_equal(buf_data(&b), "\x01\x02", 2);
	assert_int_equal(buf_put_u8(&b, 0), -1);
	buf_clear(&b);
}

static void test_the_maximum_holds(void **state)
{
	uint8_t big[1001] = {0};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(buf_put(&b, big, 1001), -1);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_put(&b, big, 1000), 0);
	assert_int_equal(buf_put(&b, big, 1), -1);
	assert_int_equal(buf_puts(&b, "x"), -1);
	assert_int_equal(buf_putf(&b, "%d", 1), -1);
	assert_null(buf_reserve(&b, 1));
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_int_equal(buf_put(&b, big, 0), 0);
	buf_consume(&b, 1);
	assert_int_equal(buf_put(&b, big, 1), 0);
	assert_int_equal(buf_len(&b), 1000);
	buf_clear(&b);
}

static void test_reserve_and_commit(void **state)
{
	struct buf b;
	uint8_t *to;

	(void)state;
	buf_init(&b, 64);
	to = buf_reserve(&b, 64);
	assert_non_null(to);
	memcpy(to, "abc", 3);
	assert_int_equal(buf_len(&b), 0);
	buf_commit(&b, 3);
	assert_memory_equal(buf_data(&b), "abc", 3);
	buf_clear(&b);
}

/* Against a plain array, over many sizes: what is put in front comes out in order. */
static void test_a_queue_of_bytes(void **state)
{
	uint8_t out = 0, in = 0, chunk[700];
	unsigned seed = 1;
	struct buf b;
	size_t n;

	(void)state;
	buf_init(&b, 5000);
	for (int round = 0; round < 20000; round++) {
		seed = seed * 1103515245 + 12345;
		n = (seed >> 16) % sizeof(chunk);
		if (n <= buf_room(&b)) {
			for (size_t i = 0; i < n; i++)
				chunk[i] = in++;
			assert_int_equal(buf_put(&b, chunk, n), 0);
		}
		n = (seed >> 8) % (buf_len(&b) + 1);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(buf_data(&b)[i], out++);
		buf_consume(&b, n);
		assert_true(b.cap <= 5000);
	}
	buf_clear(&b);
}

static void test_take(void **state)
{
	struct buf b;
	size_t n = 9;
	uint8_t *p;

	(void)state;
	buf_init(&b, 64);
	assert_null(buf_take(&b, &n));
	assert_int_equal(n, 0);
	buf_puts(&b, "skip this");
	buf_consume(&b, 5);
	p = buf_take(&b, &n);
	assert_int_equal(n, 4);
	assert_memory_equal(p, "this", 4);
	free(p);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(buf_room(&b), 64);
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_put_and_consume),
	    cmocka_unit_test(test_a_zeroed_one_with_a_maximum_is_valid),
	    cmocka_unit_test(test_the_maximum_holds),
	    cmocka_unit_test(test_reserve_and_commit),
	    cmocka_unit_test(test_a_queue_of_bytes),
	    cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
