#include "../testing.h"

#include "svc-discovery/gossip_cache.h"

static struct bytes id_of(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct bytes numbered(char room[16], unsigned n)
{
	snprintf(room, 16, "%u", n);
	return id_of(room);
}

static struct gossip_frame *frame_of(size_t len)
{
	struct buf b;
	struct gossip_frame *f;

	buf_init(&b, len);
	buf_commit(&b, buf_reserve(&b, len) != NULL ? len : 0);
	memset((uint8_t *)(uintptr_t)buf_data(&b), 'x', len);
	f = gossip_frame_new(&b);
	assert_int_equal(f->len, len);
	return f;
}

static void ids_are_new_once_until_their_time_is_over(void **state)
{
	struct gossip_seen *s = gossip_seen_new(100, 10, 1 << 20);

	(void)state;
	assert_false(gossip_seen_has(s, id_of("a"), 0));
	assert_true(gossip_seen_add(s, id_of("a"), 0));
	assert_false(gossip_seen_add(s, id_of("a"), 50));
	assert_true(gossip_seen_has(s, id_of("a"), 99));
	/* Counted from the first sight. */
	assert_false(gossip_seen_has(s, id_of("a"), 100));
	assert_true(gossip_seen_add(s, id_of("a"), 100));
	gossip_seen_expire(s, 200);
	assert_int_equal(gossip_seen_count(s), 0);
	gossip_seen_free(s);
}

static void a_full_set_forgets_the_oldest(void **state)
{
	struct gossip_seen *s = gossip_seen_new(1000, 3, 1 << 20);
	char room[16];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_true(gossip_seen_add(s, numbered(room, i), i));
	assert_int_equal(gossip_seen_count(s), 3);
	assert_false(gossip_seen_has(s, id_of("1"), 5));
	assert_true(gossip_seen_has(s, id_of("2"), 5));
	gossip_seen_free(s);
	/* The same by bytes. */
	s = gossip_seen_new(1000, 1000, 1000);
	for (unsigned i = 0; i < 100; i++)
		gossip_seen_add(s, numbered(room, i), i);
	assert_in_range(gossip_seen_count(s), 1, 8);
	assert_true(gossip_seen_has(s, id_of("99"), 100));
	gossip_seen_free(s);
}

static void windows_show_three_and_keep_five(void **state)
{
	struct gossip_cache *c = gossip_cache_new(100, 1 << 20);
	struct gossip_frame *f = frame_of(10);
	struct peer_id nobody = {.len = 1};
	struct bytes ids[10];
	static const char *const names[] = {"0", "1", "2", "3", "4", "5"};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		gossip_cache_add(c, id_of(names[i]), 1, f);
		if (i < 4)
			gossip_cache_shift(c);
	}
	assert_int_equal(gossip_cache_ids(c, 1, ids, 10), 3);
	assert_memory_equal(ids[0].data, "4", 1);
	assert_memory_equal(ids[2].data, "2", 1);
	assert_int_equal(gossip_cache_ids(c, 1, ids, 2), 2);
	assert_int_equal(gossip_cache_ids(c, 0, ids, 10), 0);
	assert_int_equal(gossip_cache_count(c), 5);
	assert_ptr_equal(gossip_cache_serve(c, id_of("0"), &nobody), f);
	gossip_cache_shift(c);
	assert_null(gossip_cache_serve(c, id_of("0"), &nobody));
	assert_ptr_equal(gossip_cache_serve(c, id_of("1"), &nobody), f);
	assert_int_equal(gossip_cache_ids(c, 1, ids, 10), 2);
	gossip_frame_unref(f);
	gossip_cache_free(c);
}

static void each_peer_is_served_three_times(void **state)
{
	struct gossip_cache *c = gossip_cache_new(100, 1 << 20);
	struct gossip_frame *f = frame_of(10);
	struct peer_id a = {.len = 1, .bytes = {1}}, b = {.len = 1, .bytes = {2}};

	(void)state;
	gossip_cache_add(c, id_of("m"), 0, f);
	gossip_frame_unref(f);
	for (int i = 0; i < GOSSIP_SERVED_MAX; i++)
		assert_non_null(gossip_cache_serve(c, id_of("m"), &a));
	assert_null(gossip_cache_serve(c, id_of("m"), &a));
	assert_non_null(gossip_cache_serve(c, id_of("m"), &b));
	assert_null(gossip_cache_serve(c, id_of("n"), &b));
	gossip_cache_free(c);
}

static void a_full_cache_forgets_the_oldest(void **state)
{
	struct gossip_cache *c = gossip_cache_new(3, 1 << 20);
	struct gossip_frame *f = frame_of(1000);
	struct bytes ids[10];
	char room[16];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		gossip_cache_add(c, numbered(room, i), 0, f);
	assert_int_equal(gossip_cache_ids(c, 0, ids, 10), 3);
	assert_memory_equal(ids[2].data, "2", 1);
	assert_int_equal(f->refs, 4);
	gossip_cache_add(c, id_of("4"), 0, f);
	assert_int_equal(f->refs, 4);
	gossip_cache_free(c);
	assert_int_equal(f->refs, 1);
	/* By bytes; one that is larger than all the room is not taken. */
	c = gossip_cache_new(100, 3000);
	for (unsigned i = 0; i < 5; i++)
		gossip_cache_add(c, numbered(room, i), 0, f);
	assert_int_equal(gossip_cache_count(c), 2);
	gossip_cache_free(c);
	c = gossip_cache_new(100, 1000);
	gossip_cache_add(c, id_of("m"), 0, f);
	assert_int_equal(gossip_cache_count(c), 0);
	gossip_cache_free(c);
	gossip_frame_unref(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_are_new_once_until_their_time_is_over),
	    cmocka_unit_test(a_full_set_forgets_the_oldest),
	    cmocka_unit_test(windows_show_three_and_keep_five),
	    cmocka_unit_test(each_peer_is_served_three_times),
	    cmocka_unit_test(a_full_cache_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
