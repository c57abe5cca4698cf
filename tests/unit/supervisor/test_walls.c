/* From a row and settings to rules; files that take the place of others. */
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/walls.h"
#include "tests/unit/testing.h"

static const char *const reads[] = {"/etc/hosts", "paths.site_root", NULL};
static const char *const dials[] = {"presence.rendezvous_wan", NULL};
static const struct roster_row row = {.id = SERVICE_VIEWER,
    .may = SANDBOX_OPEN,
    .reads = reads,
    .dials = dials,
    .memory_mb = 3,
    .descriptors = 9};

static struct sandbox_rules rules(const char *json)
{
	struct config *c = config_parse("goop.json", json, strlen(json));
	char *text = walls_of(&row, c);
	struct sandbox_rules r = {0};

	assert_true(config_good(c));
	assert_int_equal(sandbox_parse(text, &r), 0);
	free(text);
	config_free(c);
	return r;
}

static bool dials_port(const struct sandbox_rules *r, unsigned port)
{
	for (size_t i = 0; i < r->connect_count; i++)
		if (r->connect[i] == port)
			return true;
	return false;
}

static void a_row_becomes_rules(void **unused)
{
	struct sandbox_rules r =
	    rules("{\"paths\":{\"site_root\":\"my site\"},\"isolation\":{\"required\":true}}");

	(void)unused;
	assert_int_equal(r.may, SANDBOX_OPEN);
	assert_int_equal(r.read_count, 2);
	assert_string_equal(r.read[0], "/etc/hosts");
	assert_string_equal(r.read[1], "my site");
	assert_int_equal(r.memory, 3 << 20);
	assert_int_equal(r.descriptors, 9);
	assert_true(r.required);
	sandbox_clear(&r);
}

static void ports_are_those_of_the_urls(void **unused)
{
	struct sandbox_rules r =
	    rules("{\"presence\":{\"rendezvous_wan\":[\"http://a.example:8787/x:1\","
		  "\"https://[fd00::2]:9443\",\"http://[fd00::1]/\",\"http://b.example?q=:7\"]}}");

	(void)unused;
	assert_true(dials_port(&r, 8787) && dials_port(&r, 9443));
	assert_true(dials_port(&r, 53) && dials_port(&r, 80) && dials_port(&r, 443));
	assert_int_equal(r.connect_count, 5);
	sandbox_clear(&r);
}

static void users_are_for_root_in_an_open_folder(void **unused)
{
	char folder[] = "/tmp/goop-rules-XXXXXX";
	struct sandbox_rules r;

	(void)unused;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	r = rules("{}");
	assert_int_equal(r.user, 0);
	assert_int_equal(r.no_user[0] != '\0', geteuid() == 0);
	sandbox_clear(&r);
	assert_int_equal(chmod(folder, 0711), 0);
	r = rules("{\"isolation\":{\"user_base\":5000}}");
	assert_int_equal(r.user, geteuid() == 0 ? 5000 + SERVICE_VIEWER : 0);
	assert_string_equal(r.no_user, "");
	sandbox_clear(&r);
	r = rules("{\"isolation\":{\"user_base\":0}}");
	assert_int_equal(r.user, 0);
	sandbox_clear(&r);
	assert_int_equal(chdir("/"), 0);
	rmdir(folder);
}

static void what_is_replaced_is_seen(void **unused)
{
	char folder[] = "/tmp/goop-rules-XXXXXX", text[64], site[48], other[48];
	struct walls_seen seen = {0};

	(void)unused;
	assert_non_null(mkdtemp(folder));
	snprintf(site, sizeof(site), "%s/site", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	snprintf(text, sizeof(text), "read %s\n", site);
	walls_look(&seen, text);
	assert_null(walls_replaced(&seen));
	assert_int_equal(mkdir(site, 0755), 0);
	assert_string_equal(walls_replaced(&seen), site);
	walls_look(&seen, text);
	assert_null(walls_replaced(&seen));
	/* One that goes and comes back is the same. */
	assert_int_equal(rename(site, other), 0);
	assert_null(walls_replaced(&seen));
	assert_int_equal(mkdir(site, 0755), 0);
	assert_string_equal(walls_replaced(&seen), site);
	walls_forget(&seen);
	rmdir(site);
	rmdir(other);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_row_becomes_rules),
	    cmocka_unit_test(ports_are_those_of_the_urls),
	    cmocka_unit_test(users_are_for_root_in_an_open_folder),
	    cmocka_unit_test(what_is_replaced_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
