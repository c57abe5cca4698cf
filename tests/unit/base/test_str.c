#include "base/str.h"

#include "tests/unit/testing.h"

static void test_copy(void **state)
{
	char to[4] = "zzz";

	(void)state;
	assert_true(str_copy(to, sizeof(to), "abc"));
	assert_string_equal(to, "abc");
	assert_false(str_copy(to, sizeof(to), "abcd"));
	assert_string_equal(to, "abc");
	assert_false(str_copy(to, 0, "x"));
	assert_string_equal(to, "abc");
	assert_true(str_copy(to, 1, ""));
	assert_string_equal(to, "");
}

static void test_starts_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts("prefix", "pre"));
	assert_true(str_starts("x", ""));
	assert_false(str_starts("pr", "pre"));
	assert_true(str_ends("file.html", ".html"));
	assert_true(str_ends("x", ""));
	assert_false(str_ends("l", ".html"));
	assert_false(str_ends("file.htm", ".html"));
}

static void test_numbers(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(str_to_u64("0", 0, 10, &v));
	assert_int_equal(v, 0);
	assert_true(str_to_u64("18446744073709551615", 0, UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	v = 7;
	assert_false(str_to_u64("18446744073709551616", 0, UINT64_MAX, &v));
	assert_false(str_to_u64("99999999999999999999999", 0, UINT64_MAX, &v));
	assert_false(str_to_u64("", 0, 10, &v));
	assert_false(str_to_u64("11", 0, 10, &v));
	assert_false(str_to_u64("4", 5, 10, &v));
	assert_false(str_to_u64("+4", 0, 10, &v));
	assert_false(str_to_u64("-1", 0, UINT64_MAX, &v));
	assert_false(str_to_u64(" 4", 0, 10, &v));
	assert_false(str_to_u64("4 ", 0, 10, &v));
	assert_false(str_to_u64("0x4", 0, 10, &v));
	assert_int_equal(v, 7);
}

static void assert_utf8(const char *hex, bool good)
{
	size_t n;
	uint8_t *p = unhex(hex, &n);

	if (str_is_utf8(p, n) != good)
		fail_msg("%s", hex);
	free(p);
}

/* The table of the Unicode standard (15.0, table 3-7), each limit from both sides. */
static void test_utf8(void **state)
{
	(void)state;
	assert_utf8("", true);
	assert_utf8("01 7f", true);
	assert_utf8("00", false);
	assert_utf8("80", false);
	assert_utf8("c1 bf", false);
	assert_utf8("c2 80 df bf", true);
	assert_utf8("c2", false);
	assert_utf8("c2 7f", false);
	assert_utf8("c2 c0", false);
	assert_utf8("e0 9f bf", false);
	assert_utf8("e0 a0 80", true);
	assert_utf8("ed 9f bf ee 80 80", true);
	assert_utf8("ed a0 80", false);
	assert_utf8("ef bf bf", true);
	assert_utf8("ef bf", false);
	assert_utf8("ef bf 7f", false);
	assert_utf8("f0 8f bf bf", false);
	assert_utf8("f0 90 80 80 f4 8f bf bf", true);
	assert_utf8("f4 90 80 80", false);
	assert_utf8("f5 80 80 80", false);
	assert_utf8("f0 90 80", false);
	assert_utf8("f0 90 80 c0", false);
	assert_utf8("ff", false);
}

static void test_hex(void **state)
{
	uint8_t bytes[4];
	char text[9];

	(void)state;
	str_to_hex("\x00\x7f\xab\xff", 4, text);
	assert_string_equal(text, "007fabff");
	assert_int_equal(str_from_hex("007fABff", bytes, 4), 4);
	assert_memory_equal(bytes, "\x00\x7f\xab\xff", 4);
	assert_int_equal(str_from_hex("", bytes, 4), 0);
	assert_int_equal(str_from_hex("007fabff00", bytes, 4), -1);
	assert_int_equal(str_from_hex("0", bytes, 4), -1);
	assert_int_equal(str_from_hex("0g", bytes, 4), -1);
	assert_int_equal(str_from_hex("/0", bytes, 4), -1);
}

static void assert_escaped(const char *in, size_t n, size_t size, const char *expected)
{
	char *out = malloc(size);

	str_escape(in, n, out, size);
	assert_string_equal(out, expected);
	free(out);
}

static void test_escape(void **state)
{
	(void)state;
	assert_escaped("plain text", 10, 20, "plain text");
	assert_escaped("a\nb\0c", 5, 40, "a\\x0ab\\x00c");
	assert_escaped("\"'\\\x7f", 4, 40, "\\x22\\x27\\x5c\\x7f");
	assert_escaped("gr\xc3\xbc\xc3\x9f", 6, 40, "gr\xc3\xbc\xc3\x9f");
	/* C1 controls drive terminals too; what is not UTF-8 is spelled out. */
	assert_escaped("\xc2\x9b", 2, 40, "\\xc2\\x9b");
	assert_escaped("\xff\xc3", 2, 40, "\\xff\\xc3");
}

static void test_escape_cuts(void **state)
{
	(void)state;
	assert_escaped("1234567890", 10, 11, "1234567890");
	assert_escaped("1234567890", 10, 10, "123456...");
	assert_escaped("12\n4567890", 10, 10, "12\\x0a...");
	assert_escaped("1\xc3\xbc\xc3\xbc\xc3\xbc", 7, 7, "1\xc3\xbc...");
	assert_escaped("12345", 5, 3, "..");
	assert_escaped("12345", 5, 1, "");
	assert_escaped("", 0, 1, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_copy),
	    cmocka_unit_test(test_starts_and_ends),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_utf8),
	    cmocka_unit_test(test_hex),
	    cmocka_unit_test(test_escape),
	    cmocka_unit_test(test_escape_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
