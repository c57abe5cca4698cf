#include "svc-db/answer.h"

#include <math.h>

#include "codec/json.h"
#include "tests/unit/testing.h"

static void value_is(struct value v, const char *expected)
{
	struct buf out;

	buf_init(&out, 1 << 16);
	assert_int_equal(answer_value(&out, &v), 0);
	buf_put(&out, "", 1);
	assert_string_equal((const char *)buf_data(&out), expected);
	buf_clear(&out);
}

static struct value text(const char *s)
{
	return (struct value){VALUE_TEXT, 0, 0, {(const uint8_t *)s, strlen(s)}};
}

static struct value blob(const char *s, size_t n)
{
	return (struct value){VALUE_BLOB, 0, 0, {(const uint8_t *)s, n}};
}

static struct value real(double d)
{
	return (struct value){VALUE_REAL, 0, d, {NULL, 0}};
}

static struct value integer(int64_t i)
{
	return (struct value){VALUE_INTEGER, i, 0, {NULL, 0}};
}

static void test_numbers(void **state)
{
	(void)state;
	value_is(integer(INT64_MIN), "-9223372036854775808");
	value_is(integer(INT64_MAX), "9223372036854775807");
	value_is(real(0.1), "0.1");
	value_is(real(1), "1");
	value_is(real(1.0 / 3), "0.3333333333333333");
	value_is(real(1e300), "1e+300");
	value_is(real(INFINITY), "null");
	value_is((struct value){VALUE_NULL, 0, 0, {NULL, 0}}, "null");
}

static void test_text(void **state)
{
	(void)state;
	value_is(text(""), "\"\"");
	value_is(text("a\"b\\c\n\x01\x7f"), "\"a\\\"b\\\\c\\n\\u0001\x7f\"");
	value_is(text("\xe2\x82\xac \xf0\x9f\x98\x80"), "\"\xe2\x82\xac \xf0\x9f\x98\x80\"");
}

#define FFFD "\xef\xbf\xbd"

static void test_broken_utf8_is_replaced(void **state)
{
	(void)state;
	value_is(text("a\xff"
		      "b"),
	    "\"a" FFFD "b\"");
	value_is(text("\xc0\x80"), "\"" FFFD FFFD "\"");
	value_is(text("\xe2\x82"), "\"" FFFD FFFD "\"");
	value_is(text("\xed\xa0\x80"), "\"" FFFD FFFD FFFD "\"");
	value_is(text("\xf4\x90\x80\x80"), "\"" FFFD FFFD FFFD FFFD "\"");
	value_is(text("\xe0\x9f\xbf"), "\"" FFFD FFFD FFFD "\"");
}

static void test_zero_byte_in_text(void **state)
{
	struct value v = {VALUE_TEXT, 0, 0, {(const uint8_t *)"a\0b", 3}};

	(void)state;
	value_is(v, "\"a\\u0000b\"");
}

/* Vectors of RFC 4648, section 10. */
static void test_base64(void **state)
{
	(void)state;
	value_is(blob("", 0), "\"\"");
	value_is(blob("f", 1), "\"Zg==\"");
	value_is(blob("fo", 2), "\"Zm8=\"");
	value_is(blob("foo", 3), "\"Zm9v\"");
	value_is(blob("foob", 4), "\"Zm9vYg==\"");
	value_is(blob("\xff\xfe\xfd", 3), "\"//79\"");
}

static void test_error_line(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 256);
	assert_int_equal(answer_error(&out, "no \"such\""), 0);
	buf_put(&out, "", 1);
	assert_string_equal(
	    (const char *)buf_data(&out), "{\"ok\":false,\"error\":\"no \\\"such\\\"\"}\n");
	buf_clear(&out);
}

static void test_full_buffer_is_told(void **state)
{
	struct value long_text = text("0123456789abcdef");
	struct value long_blob = blob("0123456789abcdef", 16);
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	assert_int_not_equal(answer_value(&out, &long_text), 0);
	buf_clear(&out);
	assert_int_not_equal(answer_value(&out, &long_blob), 0);
	buf_clear(&out);
	assert_int_not_equal(answer_error(&out, "x"), 0);
	buf_clear(&out);
}

/* Whatever bytes a text has, the line stays JSON. */
static void any_text_is_json(const uint8_t *p, size_t n, void *arg)
{
	struct value v = {VALUE_TEXT, 0, 0, {p, n}};
	struct buf out;
	cJSON *tree;

	(void)arg;
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0)
			return; /* JSON could say it, json_parse() does not take it */
	buf_init(&out, 1 << 16);
	assert_int_equal(answer_value(&out, &v), 0);
	tree = json_parse((const char *)buf_data(&out), buf_len(&out), 8, NULL);
	assert_non_null(tree);
	cJSON_Delete(tree);
	buf_clear(&out);
}

static void test_damaged_text_stays_json(void **state)
{
	const char *sample = "a\"\\\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";

	(void)state;
	cut_every_length((const uint8_t *)sample, strlen(sample), any_text_is_json, NULL);
	flip_every_bit((const uint8_t *)sample, strlen(sample), any_text_is_json, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_broken_utf8_is_replaced),
	    cmocka_unit_test(test_zero_byte_in_text),
	    cmocka_unit_test(test_base64),
	    cmocka_unit_test(test_error_line),
	    cmocka_unit_test(test_full_buffer_is_told),
	    cmocka_unit_test(test_damaged_text_stays_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
