#include "svc-viewer/data_line.h"

#include "codec/json.h"
#include "tests/unit/testing.h"

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static void test_routes_name_their_ops(void **state)
{
	static const struct {
		const char *path, *method, *op;
	} routes[] = {
	    {"tables", "GET", "tables"},
	    {"tables/create", "POST", "create-table"},
	    {"tables/describe", "POST", "describe"},
	    {"tables/delete", "POST", "delete-table"},
	    {"tables/add-column", "POST", "add-column"},
	    {"tables/drop-column", "POST", "drop-column"},
	    {"tables/rename", "POST", "rename-table"},
	    {"tables/set-policy", "POST", "set-policy"},
	    {"insert", "POST", "insert"},
	    {"query", "POST", "query"},
	    {"update", "POST", "update"},
	    {"delete", "POST", "delete"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct data_line_route *r = data_line_route(routes[i].path);
		assert_non_null(r);
		assert_string_equal(r->method, routes[i].method);
		assert_string_equal(r->op, routes[i].op);
		assert_int_equal(r->own_only, strcmp(routes[i].op, "set-policy") == 0);
	}
	assert_null(data_line_route(""));
	assert_null(data_line_route("tables/"));
	assert_null(data_line_route("insert/x"));
	assert_null(data_line_route("create-table"));
}

static void asks(const char *path, const char *body, const char *expect)
{
	const char *why = NULL;
	size_t n = 0;
	char *line = data_line_ask(data_line_route(path), bytes_of(body), &n, &why);

	if (expect == NULL) {
		assert_null(line);
		assert_non_null(why);
		return;
	}
	assert_non_null(line);
	assert_string_equal(line, expect);
	assert_int_equal(n, strlen(expect));
	free(line);
}

static void test_request_lines(void **state)
{
	(void)state;
	asks("tables", "ignored", "{\"op\":\"tables\"}\n");
	asks("query", "{\"table\":\"t\",\"args\":[1.5,9007199254740991,\"\\n\",null]}",
	    "{\"table\":\"t\",\"args\":[1.5,9007199254740991,\"\\n\",null],\"op\":\"query\"}\n");
	asks("insert", " {}\n", "{\"op\":\"insert\"}\n");
	/* The route decides, not the page. */
	asks("query", "{\"op\":\"delete-table\",\"table\":\"t\"}",
	    "{\"table\":\"t\",\"op\":\"query\"}\n");
	asks("query", "{\"table\":\"t\",\"columns\":[\"a\"]}",
	    "{\"table\":\"t\",\"columns\":[\"a\"],\"op\":\"query\"}\n");
	asks("tables/create", "{\"name\":\"t\",\"columns\":[{\"name\":\"a\"}]}",
	    "{\"name\":\"t\",\"op\":\"create-table\",\"column_defs\":[{\"name\":\"a\"}]}\n");
}

static void test_bad_bodies(void **state)
{
	(void)state;
	asks("delete", "{\"id\":9007199254740993}", NULL);
	asks("insert", "{\"data\":{\"a\":12345678901234567890}}", NULL);
	asks("query", "", NULL);
	asks("query", "[]", NULL);
	asks("query", "null", NULL);
	asks("query", "\"x\"", NULL);
	asks("query", "{", NULL);
	asks("query", "{}{}", NULL);
	asks("query", "table=t", NULL);
}

#define BEGIN "{\"ok\":true,\"data\":"

static void begins(const char *text, enum data_line expect)
{
	size_t used = 0;

	assert_int_equal(data_line_begin(bytes_of(text), &used), expect);
	if (expect == DATA_LINE_VALUE)
		assert_int_equal(used, strlen(BEGIN));
}

static void test_how_answers_begin(void **state)
{
	char text[] = BEGIN;

	(void)state;
	begins(BEGIN, DATA_LINE_VALUE);
	begins(BEGIN "[]}", DATA_LINE_VALUE);
	begins("{\"ok\":false,\"error\":\"x\"}", DATA_LINE_WHOLE);
	begins("{\"ok\":true}", DATA_LINE_WHOLE);
	begins("{ \"ok\":true", DATA_LINE_WHOLE);
	begins("ENC:", DATA_LINE_WHOLE);
	for (size_t n = 0; n < strlen(BEGIN); n++) {
		text[n] = '\0';
		begins(text, DATA_LINE_MORE);
		text[n] = BEGIN[n];
	}
}

static void test_where_values_end(void **state)
{
	(void)state;
	assert_int_equal(data_line_value_end(bytes_of("[]}")), 2);
	assert_int_equal(data_line_value_end(bytes_of("{\"a\":{}}}")), 8);
	assert_int_equal(data_line_value_end(bytes_of("[]} \r")), 2);
	assert_int_equal(data_line_value_end(bytes_of("[]")), -1);
	assert_int_equal(data_line_value_end(bytes_of("}")), 0);
	assert_int_equal(data_line_value_end(bytes_of("")), -1);
}

static void reads(const char *text, const char *expect, bool expect_ok)
{
	bool ok = !expect_ok;
	char *got = data_line_whole(bytes_of(text), &ok);

	if (expect == NULL) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(got, expect);
	assert_int_equal(ok, expect_ok);
	free(got);
}

static void test_whole_answers(void **state)
{
	(void)state;
	reads("{\"ok\":true}", "null", true);
	reads("{\"ok\":true,\"data\":null}", "null", true);
	reads("{\"data\":[{\"a\":1}],\"ok\":true}", "[{\"a\":1}]", true);
	reads("{\"ok\":false,\"error\":\"no such table\"}", "no such table", false);
	reads("{\"ok\":false,\"data\":1,\"error\":\"x\"}", "x", false);
	reads("{\"error\":\"read error\"}", "read error", false);
	reads("{\"ok\":false}", NULL, false);
	reads("{\"ok\":1}", NULL, false);
	reads("[]", NULL, false);
	reads("ENC:AAAA", NULL, false);
	reads("", NULL, false);
}

static void test_what_errors_stand_for(void **state)
{
	(void)state;
	assert_int_equal(data_line_status("own peer id is not known yet"), 503);
	assert_int_equal(data_line_status("no such table"), 400);
	assert_int_equal(data_line_status(""), 400);
}

static void any(const uint8_t *p, size_t n, void *arg)
{
	bool ok;
	size_t used;
	char *text = data_line_whole((struct bytes){p, n}, &ok);

	(void)arg;
	free(text);
	data_line_begin((struct bytes){p, n}, &used);
	assert_true(data_line_value_end((struct bytes){p, n}) < (long)n);
}

static void test_cut_and_flipped_answers(void **state)
{
	static const char line[] = "{\"ok\":true,\"data\":[{\"_id\":1,\"t\":\"x\\u00e9\"}]}";

	(void)state;
	cut_every_length((const uint8_t *)line, sizeof(line) - 1, any, NULL);
	flip_every_bit((const uint8_t *)line, sizeof(line) - 1, any, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_routes_name_their_ops),
	    cmocka_unit_test(test_request_lines),
	    cmocka_unit_test(test_bad_bodies),
	    cmocka_unit_test(test_how_answers_begin),
	    cmocka_unit_test(test_where_values_end),
	    cmocka_unit_test(test_whole_answers),
	    cmocka_unit_test(test_what_errors_stand_for),
	    cmocka_unit_test(test_cut_and_flipped_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
