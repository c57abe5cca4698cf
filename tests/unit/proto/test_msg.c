#include "proto/msg.h"

#include "tests/unit/testing.h"

static void test_every_field(void **state)
{
	struct msg m, r;
	struct bytes b;
	char text[8];

	(void)state;
	msg_begin(&m, MSG_STREAM_DATA, 0);
	msg_put_u8(&m, 0x01);
	msg_put_u16(&m, 0x0203);
	msg_put_u32(&m, 0x04050607);
	msg_put_u64(&m, 0x08090a0b0c0d0e0f);
	msg_put_i64(&m, -2);
	msg_put_str(&m, "gr\xc3\xbcn");
	msg_put_strn(&m, "abcdef", 3);
	msg_put_bytes(&m, "\x00\xff", 2);
	msg_put_str(&m, NULL);
	msg_put_rest(&m, "rest", 4);
	assert_false(m.bad);
	/* The type is big endian, as everything. */
	assert_memory_equal(m.base, "\x00\x20\x01\x02\x03\x04\x05\x06\x07", 9);
	assert_int_equal(msg_open(&r, m.base, m.size), 0);
	assert_int_equal(r.type, MSG_STREAM_DATA);
	assert_int_equal(msg_get_u8(&r), 0x01);
	assert_int_equal(msg_get_u16(&r), 0x0203);
	assert_int_equal(msg_get_u32(&r), 0x04050607);
	assert_true(msg_get_u64(&r) == 0x08090a0b0c0d0e0f);
	assert_true(msg_get_i64(&r) == -2);
	msg_get_cstr(&r, text, sizeof(text));
	assert_string_equal(text, "gr\xc3\xbcn");
	b = msg_get_str(&r);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "abc", 3);
	b = msg_get_bytes(&r);
	assert_int_equal(b.len, 2);
	assert_memory_equal(b.data, "\x00\xff", 2);
	assert_int_equal(msg_get_str(&r).len, 0);
	assert_false(msg_end(&r));
	b = msg_get_rest(&r);
	assert_int_equal(b.len, 4);
	assert_true(msg_end(&r));
	/* Nothing more is there. */
	assert_int_equal(msg_get_u8(&r), 0);
	assert_true(r.bad);
	assert_false(msg_end(&r));
	msg_drop(&m);
}

static void read_open(const uint8_t *p, size_t n, void *arg)
{
	struct msg m;
	char peer[64];

	(void)arg;
	if (msg_open(&m, p, n) != 0)
		return;
	msg_get_u32(&m);
	for (size_t i = msg_get_u16(&m); i > 0 && !m.bad; i--)
		msg_get_u8(&m);
	msg_get_cstr(&m, peer, sizeof(peer));
	msg_get_str(&m);
	msg_get_bytes(&m);
	msg_get_u32(&m);
	/* Cut anywhere it does not count as a message. */
	if (arg != NULL)
		assert_false(msg_end(&m));
}

static void test_cut_and_flipped(void **state)
{
	struct msg m;
	bool cut = true;

	(void)state;
	msg_begin(&m, MSG_STREAM_OPEN, 0);
	msg_put_u32(&m, 1);
	msg_put_u16(&m, 2);
	msg_put_u8(&m, 7);
	msg_put_u8(&m, 8);
	msg_put_str(&m, "12D3KooW");
	msg_put_str(&m, "/ip4/1.2.3.4/tcp/5");
	msg_put_bytes(&m, "\x01\x02\x03", 3);
	msg_put_u32(&m, 10000);
	cut_every_length(m.base, m.size, read_open, &cut);
	flip_every_bit(m.base, m.size, read_open, NULL);
	msg_drop(&m);
}

static void test_types_and_sizes(void **state)
{
	uint8_t big[100] = {0, MSG_START};
	struct msg m;

	(void)state;
	assert_int_equal(msg_open(&m, big, msg_max(MSG_START)), 0);
	assert_int_equal(msg_open(&m, big, msg_max(MSG_START) + 1), -1);
	assert_int_equal(msg_open(&m, "\xff\xff", 2), -1);
	assert_int_equal(msg_open(&m, "\x00\x13", 2), -1); /* 19 is a gap in the list */
	assert_int_equal(msg_open(&m, "\x00\x00", 2), -1);
	assert_int_equal(msg_open(&m, "\x00", 1), -1);
	assert_int_equal(msg_open(&m, "", 0), -1);
}

static void assert_bad_str(const char *hex, size_t size)
{
	size_t n;
	uint8_t *p = unhex(hex, &n);
	char text[64];
	struct msg m;

	assert_int_equal(msg_open(&m, p, n), 0);
	if (size == 0)
		assert_int_equal(msg_get_str(&m).len, 0);
	else
		msg_get_cstr(&m, text, size);
	assert_true(m.bad);
	if (size > 0)
		assert_string_equal(text, "");
	assert_false(msg_end(&m));
	free(p);
}

static void test_bad_strings(void **state)
{
	(void)state;
	assert_bad_str("0003 0004 616263", 0); /* longer than what is there */
	assert_bad_str("0003 0001 ff", 0);     /* not UTF-8 */
	assert_bad_str("0003 0003 610062", 0); /* a zero inside */
	assert_bad_str("0003 0003 616263", 3); /* no place for it */
	assert_bad_str("0003 00", 0);          /* half a length */
	assert_bad_str("0003 0003 610062", 64);
}

static void test_a_huge_length_of_bytes(void **state)
{
	struct msg m;

	(void)state;
	assert_int_equal(msg_open(&m, "\x00\x03\xff\xff\xff\xffx", 7), 0);
	assert_int_equal(msg_get_bytes(&m).len, 0);
	assert_true(m.bad);
}

/* Strangers choose their names: the other side must not take them for a bad message. */
static void test_text_that_is_not_utf8_travels_escaped(void **state)
{
	struct msg m, r;
	char text[32];

	(void)state;
	msg_begin(&m, MSG_LINK_DOWN, 0);
	msg_put_strn(&m, "a\xff\0b", 4);
	assert_false(m.bad);
	assert_int_equal(msg_open(&r, m.base, m.size), 0);
	msg_get_cstr(&r, text, sizeof(text));
	assert_true(msg_end(&r));
	assert_string_equal(text, "a\\xff\\x00b");
	msg_drop(&m);
}

static void test_text_that_is_too_long_is_marked(void **state)
{
	static char text[70000];
	struct msg m;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	msg_begin(&m, MSG_CONFIG, 0);
	msg_put_str(&m, text);
	assert_true(m.bad);
	msg_drop(&m);
}

static void test_room_in_place(void **state)
{
	struct msg m, r;
	struct bytes b;

	(void)state;
	msg_begin(&m, MSG_STREAM_DATA, 5 + 1000);
	msg_put_u32(&m, 9);
	msg_put_u8(&m, 0);
	memset(msg_put_room(&m, 1000), 'x', 1000);
	msg_trim_room(&m, 1000, 10);
	assert_int_equal(msg_open(&r, m.base, m.size), 0);
	msg_get_u32(&r);
	msg_get_u8(&r);
	b = msg_get_rest(&r);
	assert_int_equal(b.len, 10);
	assert_memory_equal(b.data, "xxxxxxxxxx", 10);
	assert_true(msg_end(&r));
	msg_drop(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_field),
	    cmocka_unit_test(test_cut_and_flipped),
	    cmocka_unit_test(test_types_and_sizes),
	    cmocka_unit_test(test_bad_strings),
	    cmocka_unit_test(test_a_huge_length_of_bytes),
	    cmocka_unit_test(test_text_that_is_not_utf8_travels_escaped),
	    cmocka_unit_test(test_text_that_is_too_long_is_marked),
	    cmocka_unit_test(test_room_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
