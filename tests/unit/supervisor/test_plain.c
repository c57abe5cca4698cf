#include "tests/unit/testing.h"

#include "supervisor/plain.h"

static void expect(const char *text, size_t size, const char *want)
{
	char out[64];

	memset(out, 'Z', sizeof(out));
	assert_int_equal(plain_copy(out, size, text, strlen(text)), strlen(want));
	assert_string_equal(out, want);
}

static void control_characters_become_question_marks(void **unused)
{
	(void)unused;
	expect("plain", 64, "plain");
	expect("\033[31mred\a\r\n", 64, "?[31mred???");
	expect("a\tb\177c", 64, "a b?c");
	expect("\xc2\x9b"
	       "31m",
	    64, "?31m"); /* CSI in one character */
	expect("gnp\u202etxt.exe\u2066", 64, "gnp?txt.exe?");
	expect("\u2027\u202f", 64, "\u2027\u202f");
	expect("\xc2\xa0näme", 64, "\xc2\xa0näme");
	expect("\xc2", 64, "?");
	expect("a\xff\xe2\x82z\xed\xa0\x80", 64, "a???z???");
	expect("", 64, "");
}

static void what_does_not_fit_is_cut_between_characters(void **unused)
{
	(void)unused;
	expect("123456789", 10, "123456789");
	expect("1234567890", 10, "123456...");
	expect("12345ä890", 10, "12345...");
	expect("1234ä7890", 10, "1234ä...");
	expect("123456789ä", 10, "123456...");
	expect("12345678😀", 12, "12345678...");
	expect("1234567😀", 12, "1234567😀");
	expect("12😀", 4, "...");
	expect("äääää", 4, "...");
	expect("abcd", 4, "...");
}

static void columns_are_those_of_a_terminal(void **unused)
{
	(void)unused;
	assert_int_equal(plain_columns(""), 0);
	assert_int_equal(plain_columns("abc"), 3);
	assert_int_equal(plain_columns("äöü€"), 4);
	assert_int_equal(plain_columns("日本語"), 6);
	assert_int_equal(plain_columns("e\u0301"), 1);
	assert_int_equal(plain_columns("😀!"), 3);
	assert_int_equal(plain_columns("\xe2\x82"), 1);
}

static void cut(const char *text, size_t columns, const char *want)
{
	char out[64];

	strcpy(out, text);
	plain_cut(out, columns);
	assert_string_equal(out, want);
}

static void cut_to_columns(void **unused)
{
	(void)unused;
	cut("abc", 3, "abc");
	cut("abc", 2, "ab");
	cut("日本語", 5, "日本");
	cut("e\u0301x", 1, "e\u0301");
	cut("", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(control_characters_become_question_marks),
	    cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
	    cmocka_unit_test(cut_to_columns),
	    cmocka_unit_test(columns_are_those_of_a_terminal),
	};

	return cmocka_run_group_tests_name("plain", tests, NULL, NULL);
}
