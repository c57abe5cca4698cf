#include "tests/unit/testing.h"

#include "proto/links.h"
#include "supervisor/config.h"
#include "supervisor/roster.h"

static const struct roster_row *row_of(enum service_id id)
{
	for (size_t i = 0; i < roster_size; i++)
		if (roster[i].id == id)
			return &roster[i];
	return NULL;
}

/* Whoever connects is started no earlier than whoever it connects to. */
static void start_order_agrees_with_the_links(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < link_places(); i++) {
		const struct roster_row *connects = row_of(link_place(i)->connects);
		const struct roster_row *binds = row_of(link_place(i)->binds);

		assert_non_null(connects);
		assert_non_null(binds);
		assert_true(connects->level >= binds->level);
	}
	assert_int_equal(row_of(SERVICE_TRANSPORT)->level, 0);
	assert_int_equal(roster_levels(), row_of(SERVICE_VIEWER)->level + 1);
}

static void every_level_has_somebody(void **unused)
{
	(void)unused;
	for (unsigned level = 0; level < roster_levels(); level++) {
		size_t n = 0;

		for (size_t i = 0; i < roster_size; i++)
			n += roster[i].level == level;
		assert_true(n > 0);
	}
}

/* config_get() panics for a key that is not in the table. */
static void every_key_is_a_setting(void **unused)
{
	struct config *c = config_parse("goop.json", "{}", 2);

	(void)unused;
	for (size_t i = 0; i < roster_size; i++)
		for (const char *const *key = roster[i].keys; *key != NULL; key++)
			assert_non_null(config_get(c, *key));
	config_free(c);
}

static void every_path_and_url_of_walls_is_a_setting(void **unused)
{
	struct config *c = config_parse("goop.json", "{}", 2);

	(void)unused;
	for (size_t i = 0; i < roster_size; i++) {
		const char *const *key;

		for (key = roster[i].reads; key != NULL && *key != NULL; key++)
			assert_true(**key == '/' || config_get(c, *key) != NULL);
		for (key = roster[i].dials; key != NULL && *key != NULL; key++)
			assert_non_null(config_get(c, *key));
	}
	config_free(c);
}

static void the_key_and_passwords_are_for_few(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < roster_size; i++)
		for (const char *const *key = roster[i].keys; *key != NULL; key++) {
			if (roster[i].id != SERVICE_TRANSPORT)
				assert_string_not_equal(*key, "identity.key_file");
			if (roster[i].id != SERVICE_RENDEZVOUS)
				assert_string_not_equal(*key, "presence.admin_password");
		}
}

static void a_program_that_is_not_there(void **unused)
{
	char *looked, *path = roster_program(SERVICE_VIEWER, &looked);

	(void)unused;
	assert_null(path);
	assert_non_null(strstr(looked, "/test/unit/supervisor/svc-viewer nor "));
	assert_non_null(strstr(looked, "/test/unit/supervisor/../libexec/goop/svc-viewer"));
	free(looked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(start_order_agrees_with_the_links),
	    cmocka_unit_test(every_level_has_somebody),
	    cmocka_unit_test(every_key_is_a_setting),
	    cmocka_unit_test(every_path_and_url_of_walls_is_a_setting),
	    cmocka_unit_test(the_key_and_passwords_are_for_few),
	    cmocka_unit_test(a_program_that_is_not_there),
	};

	return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
