#include "tests/unit/testing.h"

#include <time.h>

#include "supervisor/logline.h"

static void what_the_house_writes_is_understood(void **unused)
{
	struct logline l;

	(void)unused;
	assert_true(logline_parse("2026-01-31T23:59:59.123Z error svc-db store: disk is full", &l));
	assert_string_equal(l.stamp, "2026-01-31T23:59:59.123Z");
	assert_int_equal(l.level, LOG_LEVEL_ERROR);
	assert_string_equal(l.service, "svc-db");
	assert_string_equal(l.text, "store: disk is full");
	assert_true(logline_parse("2026-01-31T23:59:59.123Z warn  svc-db a", &l));
	assert_int_equal(l.level, LOG_LEVEL_WARN);
	assert_string_equal(l.text, "a");
	assert_true(logline_parse("2026-01-31T23:59:59.123Z info  svc-db ", &l));
	assert_string_equal(l.text, "");
	assert_true(logline_parse("2026-01-31T23:59:59.123Z debug svc-db x", &l));
	assert_int_equal(l.level, LOG_LEVEL_DEBUG);
}

static void what_others_write_is_not(void **unused)
{
	static const char *const other[] = {"", "plain", "2026-01-31T23:59:59.123Z",
	    "2026-01-31T23:59:59.123Z ", "2026-01-31T23:59:59.123Z loud svc-db x",
	    "2026-01-31T23:59:59.123Z info", "2026-01-31T23:59:59.123Z info ",
	    "2026-01-31T23:59:59.123Z info  svc-db", "2026-01-31 23:59:59.123Z info  svc-db x",
	    "2026-01-31T23:59:59.12xZ info  svc-db x",
	    "2026-01-31T23:59:59.123Z info  a-name-that-is-longer-than-any-service x"};
	struct logline l;

	(void)unused;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_false(logline_parse(other[i], &l));
}

static void cut(const uint8_t *p, size_t n, void *arg)
{
	char *text = malloc(n + 1);
	struct logline l;

	(void)arg;
	memcpy(text, p, n);
	text[n] = '\0';
	logline_parse(text, &l);
	free(text);
}

static void cut_anywhere_it_is_read_to_its_end_at_most(void **unused)
{
	static const char line[] = "2026-01-31T23:59:59.123Z info  svc-db x";

	(void)unused;
	cut_every_length((const uint8_t *)line, sizeof(line), cut, NULL);
	flip_every_bit((const uint8_t *)line, sizeof(line) - 1, cut, NULL);
}

static void written_and_parsed_again(void **unused)
{
	char line[128];
	struct logline l;

	(void)unused;
	logline_write(line, sizeof(line), LOG_LEVEL_WARN, "svc-viewer", "some words");
	assert_true(logline_parse(line, &l));
	assert_int_equal(l.level, LOG_LEVEL_WARN);
	assert_string_equal(l.service, "svc-viewer");
	assert_string_equal(l.text, "some words");
}

static void shown(const char *line, bool colour, size_t size, const char *want)
{
	struct logline l;
	char out[128];

	assert_true(logline_parse(line, &l));
	logline_show(&l, colour, out, size);
	assert_string_equal(out, want);
}

static void shown_to_people(void **unused)
{
	(void)unused;
	setenv("TZ", "UTC-2", 1);
	tzset();
	shown("2026-01-31T22:01:59.123Z info  svc-db store: ready", false, 128,
	    "00:01:59 db         store: ready");
	shown("2026-01-31T22:01:59.123Z error goop-supervisor svc-db died", false, 128,
	    "00:01:59 supervisor error: svc-db died");
	shown("2026-01-31T22:01:59.123Z warn  svc-db x", true, 128,
	    "\033[2m00:01:59\033[0m \033[36mdb        \033[0m \033[33mwarning: x\033[0m");
	/* However short the line is cut, the colour ends with it. */
	shown("2026-01-31T22:01:59.123Z error svc-db 12345678901234567890", true, 50,
	    "\033[2m00:01:59\033[0m \033[36mdb        \033[0m \033[31merr\033[0m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_house_writes_is_understood),
	    cmocka_unit_test(what_others_write_is_not),
	    cmocka_unit_test(cut_anywhere_it_is_read_to_its_end_at_most),
	    cmocka_unit_test(written_and_parsed_again),
	    cmocka_unit_test(shown_to_people),
	};

	return cmocka_run_group_tests_name("logline", tests, NULL, NULL);
}
