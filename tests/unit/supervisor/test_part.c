/* What a service is told of goop.json, and whether a new process would be told anything else; its
 * facts. */
#include "tests/unit/testing.h"

#include "supervisor/facts.h"
#include "supervisor/part.h"

static const char *const keys[] = {"profile.label", "viewer.theme", NULL};
static const struct roster_row row = {SERVICE_VIEWER, 2, .keys = keys};

static struct config *config(const char *text)
{
	struct config *c = config_parse("goop.json", text, strlen(text));

	assert_true(config_good(c));
	return c;
}

static bool news(const struct part *p, const char *text)
{
	struct config *c = config(text);
	bool yes = part_has_news(p, &row, c);

	config_free(c);
	return yes;
}

static void only_its_own_settings_are_news(void **unused)
{
	struct config *c = config("{\"profile\":{\"label\":\"a\"}}");
	struct part p;
	struct msg m, in;
	char text[64];

	(void)unused;
	part_init(&p);
	assert_true(part_has_news(&p, &row, c));
	part_tell(&p, &row, c, 7, &m);
	assert_int_equal(msg_open(&in, m.base, m.size), 0);
	assert_int_equal(in.type, MSG_CONFIG);
	assert_int_equal(msg_get_u16(&in), 4);
	static const char *const fields[] = {
	    "generation", "7", "profile.label", "a", "viewer.theme", "dark"};
	for (size_t i = 0; i < 6; i++) {
		msg_get_cstr(&in, text, sizeof(text));
		assert_string_equal(text, fields[i]);
	}
	msg_get_cstr(&in, text, sizeof(text));
	assert_string_equal(text, "walls");
	assert_true(msg_get_str(&in).len > 0);
	assert_true(msg_end(&in));
	msg_drop(&m);

	assert_false(part_has_news(&p, &row, c));
	/* What the default says, a setting of others, another order. */
	assert_false(news(&p, "{\"viewer\":{\"theme\":\"dark\",\"debug\":true},\"profile\":{"
			      "\"label\":\"a\"}}"));
	assert_true(news(&p, "{\"viewer\":{\"theme\":\"light\"},\"profile\":{\"label\":\"a\"}}"));
	assert_true(news(&p, "{\"profile\":{\"label\":\"ab\"}}"));
	assert_true(news(&p, "{}"));
	config_free(c);
	part_clear(&p);
}

static void facts_are_few_and_short(void **unused)
{
	struct facts f = {0};
	char key[FACTS_KEY_MAX + 1], long_value[FACTS_VALUE_MAX];

	(void)unused;
	assert_null(facts_get(&f, "a"));
	assert_int_equal(facts_set(&f, "a", "1"), 0);
	assert_int_equal(facts_set(&f, "a", "2"), 0);
	assert_string_equal(facts_get(&f, "a"), "2");
	assert_int_equal(f.count, 1);
	assert_int_equal(facts_set(&f, "", "2"), -1);
	memset(key, 'k', sizeof(key) - 1);
	key[FACTS_KEY_MAX] = '\0';
	assert_int_equal(facts_set(&f, key, "2"), -1);
	key[FACTS_KEY_MAX - 1] = '\0';
	memset(long_value, 'v', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	assert_int_equal(facts_set(&f, key, long_value), 0);
	assert_string_equal(facts_get(&f, key), long_value);
	for (char c = 'b'; f.count < FACTS_MAX; c++)
		assert_int_equal(facts_set(&f, (char[]){c, '\0'}, "x"), 0);
	assert_int_equal(facts_set(&f, "one more", "x"), -1);
	assert_int_equal(facts_set(&f, "a", "3"), 0);
	facts_clear(&f);
	assert_null(facts_get(&f, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_its_own_settings_are_news),
	    cmocka_unit_test(facts_are_few_and_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
