#include "http/http_text.h"

#include "tests/unit/testing.h"

static void decodes(const char *target, const char *path)
{
	char *got = http_text_path(target);

	if (path == NULL)
		assert_null(got);
	else {
		assert_non_null(got);
		assert_string_equal(got, path);
	}
	free(got);
}

static void test_path_is_unescaped_and_loses_its_query(void **state)
{
	(void)state;
	decodes("/", "/");
	decodes("/a/b.html?x=%zz", "/a/b.html");
	decodes("/a%20b%C3%A9", "/a b\xc3\xa9");
	decodes("/%2e%2E/x", "/../x");
	decodes("/a+b", "/a+b");
	decodes("/x#y", "/x");
}

static void test_malformed_paths_are_refused(void **state)
{
	static const char *bad[] = {"", "a", "http://a/b", "*", "/%", "/%4", "/%zz", "/%00",
	    "/a%0ab", "/a%0d", "/a\tb", "/%7f", "?/", "/%4?1"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		decodes(bad[i], NULL);
}

static void decode_any(const uint8_t *p, size_t n, void *arg)
{
	char text[64];
	char *path;

	(void)arg;
	memcpy(text, p, n);
	text[n] = '\0';
	path = http_text_path(text);
	for (const char *c = path; c != NULL && *c != '\0'; c++)
		assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
	free(path);
}

static void test_cut_or_flipped_paths_never_hold_control_characters(void **state)
{
	static const char path[] = "/p/12D3%4b%20oo/%2f..%2e?a=b%";

	(void)state;
	cut_every_length((const uint8_t *)path, sizeof(path) - 1, decode_any, NULL);
	flip_every_bit((const uint8_t *)path, sizeof(path) - 1, decode_any, NULL);
}

static void put(int (*fn)(struct buf *, const char *), const char *text, const char *expect)
{
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(fn(&out, text), 0);
	assert_int_equal(buf_len(&out), strlen(expect));
	assert_memory_equal(buf_data(&out), expect, strlen(expect));
	buf_clear(&out);
}

static void test_escaping(void **state)
{
	(void)state;
	put(http_text_put_html, "a<b>&\"c'd", "a&lt;b&gt;&amp;&quot;c&#39;d");
}

static void test_page_values_are_escaped(void **state)
{
	const struct http_text_value values[] = {
	    {"label", "<me>"}, {"lab", "x"}, {"other", ""}, {NULL, NULL}};
	static const char page[] = "<p>{{label}}{{other}}</p> {{lab}} { {{label}} }} {{";
	static const char expect[] = "<p>&lt;me&gt;</p> x { &lt;me&gt; }} {{";
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(http_text_put_page(&out, page, sizeof(page) - 1, values), 0);
	assert_int_equal(buf_len(&out), sizeof(expect) - 1);
	assert_memory_equal(buf_data(&out), expect, sizeof(expect) - 1);
	buf_clear(&out);
}

static void test_full_buffer_is_an_error(void **state)
{
	const struct http_text_value values[] = {{"v", "123456"}, {NULL, NULL}};
	struct buf out;

	(void)state;
	buf_init(&out, 5);
	assert_int_equal(http_text_put_html(&out, "123456"), -1);
	buf_clear(&out);
	assert_int_equal(http_text_put_page(&out, "{{v}}", 5, values), -1);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_path_is_unescaped_and_loses_its_query),
	    cmocka_unit_test(test_malformed_paths_are_refused),
	    cmocka_unit_test(test_cut_or_flipped_paths_never_hold_control_characters),
	    cmocka_unit_test(test_escaping),
	    cmocka_unit_test(test_page_values_are_escaped),
	    cmocka_unit_test(test_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
