#include "svc-viewer/site_line.h"

#include "tests/unit/testing.h"

static void asks(const char *line, enum site_line expect, const char *expect_path)
{
	char path[SITE_LINE_REQUEST_MAX] = "";

	assert_int_equal(site_line_request((const uint8_t *)line, strlen(line), path), expect);
	if (expect == SITE_LINE_DONE)
		assert_string_equal(path, expect_path);
}

static void test_requests(void **state)
{
	(void)state;
	asks("GET /index.html\n", SITE_LINE_DONE, "/index.html");
	asks("GET /a b.txt\r\n", SITE_LINE_DONE, "/a b.txt");
	asks("  GET   /x  \n", SITE_LINE_DONE, "/x");
	asks("GET /x\nmore", SITE_LINE_DONE, "/x");
	asks("GET \n", SITE_LINE_DONE, "");
	asks("GET\n", SITE_LINE_DONE, "");
	asks("GET /\xc3\xa9\n", SITE_LINE_DONE, "/\xc3\xa9");
	asks("", SITE_LINE_MORE, NULL);
	asks("GET /x", SITE_LINE_MORE, NULL);
	asks("\n", SITE_LINE_BAD, NULL);
	asks("get /x\n", SITE_LINE_BAD, NULL);
	asks("GET/x\n", SITE_LINE_BAD, NULL);
	asks("GETX\n", SITE_LINE_BAD, NULL);
	asks("POST /x\n", SITE_LINE_BAD, NULL);
	asks("GET /a\tb\n", SITE_LINE_BAD, NULL);
	asks("GET /a\rb\n", SITE_LINE_BAD, NULL);
	asks("ENC:AAAA\n", SITE_LINE_BAD, NULL);
}

static void test_zero_byte_is_bad(void **state)
{
	char path[SITE_LINE_REQUEST_MAX];

	(void)state;
	assert_int_equal(site_line_request((const uint8_t *)"GET /a\0b\n", 9, path), SITE_LINE_BAD);
}

static void test_request_of_4_kib_is_the_longest(void **state)
{
	char line[SITE_LINE_REQUEST_MAX + 2], path[SITE_LINE_REQUEST_MAX];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "GET /", 5);
	line[SITE_LINE_REQUEST_MAX - 1] = '\n';
	assert_int_equal(
	    site_line_request((uint8_t *)line, SITE_LINE_REQUEST_MAX, path), SITE_LINE_DONE);
	assert_int_equal(strlen(path), SITE_LINE_REQUEST_MAX - 5);
	line[SITE_LINE_REQUEST_MAX - 1] = 'x';
	line[SITE_LINE_REQUEST_MAX] = '\n';
	assert_int_equal(
	    site_line_request((uint8_t *)line, SITE_LINE_REQUEST_MAX - 1, path), SITE_LINE_MORE);
	assert_int_equal(
	    site_line_request((uint8_t *)line, SITE_LINE_REQUEST_MAX, path), SITE_LINE_BAD);
	assert_int_equal(
	    site_line_request((uint8_t *)line, SITE_LINE_REQUEST_MAX + 1, path), SITE_LINE_BAD);
}

static void test_asking_round_trip(void **state)
{
	char path[SITE_LINE_REQUEST_MAX + 10], got[SITE_LINE_REQUEST_MAX];
	char *line = site_line_ask("/a b/\xff.html");

	(void)state;
	assert_string_equal(line, "GET /a b/\xff.html\n");
	assert_int_equal(site_line_request((uint8_t *)line, strlen(line), got), SITE_LINE_DONE);
	assert_string_equal(got, "/a b/\xff.html");
	free(line);
	assert_null(site_line_ask("/a\nGET /b"));
	memset(path, 'x', sizeof(path));
	path[SITE_LINE_REQUEST_MAX - 5] = '\0';
	line = site_line_ask(path);
	assert_non_null(line);
	free(line);
	path[SITE_LINE_REQUEST_MAX - 5] = 'x';
	path[SITE_LINE_REQUEST_MAX - 4] = '\0';
	assert_null(site_line_ask(path));
}

static void answers(
    const char *line, enum site_line expect, bool ok, const char *text, uint64_t size)
{
	struct site_line_answer a;
	size_t used = 0;

	assert_int_equal(site_line_answer((const uint8_t *)line, strlen(line), &a, &used), expect);
	if (expect != SITE_LINE_DONE)
		return;
	assert_int_equal(used, (size_t)(strchr(line, '\n') - line) + 1);
	assert_int_equal(a.ok, ok);
	assert_string_equal(a.text, text);
	assert_int_equal(a.size, size);
}

static void test_answers(void **state)
{
	(void)state;
	answers("OK text/html; charset=utf-8 13\n<h1>", SITE_LINE_DONE, true,
	    "text/html; charset=utf-8", 13);
	answers("OK image/png 0\n", SITE_LINE_DONE, true, "image/png", 0);
	answers("OK a/x 9223372036854775807\r\n", SITE_LINE_DONE, true, "a/x", INT64_MAX);
	answers("OK a\tb 5\n", SITE_LINE_DONE, true, "application/octet-stream", 5);
	answers("OK caf\xc3\xa9 5\n", SITE_LINE_DONE, true, "application/octet-stream", 5);
	answers("ERR not found\n", SITE_LINE_DONE, false, "not found", 0);
	answers("ERR\n", SITE_LINE_DONE, false, "", 0);
	answers("", SITE_LINE_MORE, false, NULL, 0);
	answers("OK text/html 13", SITE_LINE_MORE, false, NULL, 0);
	answers("OK\n", SITE_LINE_BAD, false, NULL, 0);
	answers("OK 13\n", SITE_LINE_BAD, false, NULL, 0);
	answers("OK text/html\n", SITE_LINE_BAD, false, NULL, 0);
	answers("OK text/html -1\n", SITE_LINE_BAD, false, NULL, 0);
	answers("OK text/html 1x\n", SITE_LINE_BAD, false, NULL, 0);
	answers("OK text/html 9223372036854775808\n", SITE_LINE_BAD, false, NULL, 0);
	answers("OK text/html 99999999999999999999999999\n", SITE_LINE_BAD, false, NULL, 0);
	answers("EOK text/html 13\n", SITE_LINE_BAD, false, NULL, 0);
	answers("ERR a\x01\n", SITE_LINE_BAD, false, NULL, 0);
	answers("\n", SITE_LINE_BAD, false, NULL, 0);
}

static void test_endless_answer_line_is_bad(void **state)
{
	uint8_t line[SITE_LINE_ANSWER_MAX];
	struct site_line_answer a;
	size_t used;

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(site_line_answer(line, sizeof(line) - 1, &a, &used), SITE_LINE_MORE);
	assert_int_equal(site_line_answer(line, sizeof(line), &a, &used), SITE_LINE_BAD);
}

static void any_request(const uint8_t *p, size_t n, void *arg)
{
	char path[SITE_LINE_REQUEST_MAX];

	if (site_line_request(p, n, path) == SITE_LINE_DONE)
		assert_null(strpbrk(path, "\r\n"));
	/* Without its line break it is never complete. */
	if (arg != NULL)
		assert_int_equal(site_line_request(p, n, path), SITE_LINE_MORE);
}

static void any_answer(const uint8_t *p, size_t n, void *arg)
{
	struct site_line_answer a;
	size_t used = 0;

	if (site_line_answer(p, n, &a, &used) == SITE_LINE_DONE) {
		assert_in_range(used, 1, n);
		assert_null(strpbrk(a.text, "\r\n"));
		assert_true(a.size <= INT64_MAX);
	}
	if (arg != NULL)
		assert_int_equal(site_line_answer(p, n, &a, &used), SITE_LINE_MORE);
}

static void test_cut_and_flipped_lines(void **state)
{
	static const char request[] = "GET /a/b c.html\r\n";
	static const char answer[] = "OK text/html; charset=utf-8 1234567\n";
	static char cut[] = "cut";

	(void)state;
	cut_every_length((const uint8_t *)request, sizeof(request) - 1, any_request, cut);
	flip_every_bit((const uint8_t *)request, sizeof(request) - 1, any_request, NULL);
	cut_every_length((const uint8_t *)answer, sizeof(answer) - 1, any_answer, cut);
	flip_every_bit((const uint8_t *)answer, sizeof(answer) - 1, any_answer, NULL);
}

/* Parts with headers of their own go round those that we set. */
static void test_types_that_bring_headers_are_bytes(void **state)
{
	static const char *const bytes[] = {"multipart/x-mixed-replace; boundary=x",
	    "MultiPart/related", "message/rfc822", "Message/http",
	    "text/plain, multipart/x-mixed-replace", "text/plain;a=\",multipart/x-mixed-replace\"",
	    "text", "text/", "/html", "text/html/x", "text /html", "\"text/html\"", "text/ht(ml)"};
	static const char *const types[] = {"text/html; charset=utf-8", "image/svg+xml",
	    "application/vnd.ms-excel.sheet.macroEnabled.12", "text/html ;charset=utf-8",
	    "multi/part", "messages/x"};
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
		snprintf(line, sizeof(line), "OK %s 5\n", bytes[i]);
		answers(line, SITE_LINE_DONE, true, "application/octet-stream", 5);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		snprintf(line, sizeof(line), "OK %s 5\n", types[i]);
		answers(line, SITE_LINE_DONE, true, types[i], 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_types_that_bring_headers_are_bytes),
	    cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_zero_byte_is_bad),
	    cmocka_unit_test(test_request_of_4_kib_is_the_longest),
	    cmocka_unit_test(test_asking_round_trip),
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_endless_answer_line_is_bad),
	    cmocka_unit_test(test_cut_and_flipped_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
