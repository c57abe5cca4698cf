/* Which services a goop.json asks for. */
#include "tests/unit/testing.h"

#include "supervisor/mode.h"

#define HOST "\"presence\":{\"rendezvous_host\":true}"
#define ONLY "\"presence\":{\"rendezvous_host\":true,\"rendezvous_only\":true}"

static struct config *parse(const char *text)
{
	struct config *c = config_parse("goop.json", text, strlen(text));

	assert_true(config_good(c));
	return c;
}

/* The names of those that run, each with a blank behind it. */
static void expect(const char *text, const char *mode, const char *services)
{
	struct config *c = parse(text);
	char found[256] = "";

	assert_string_equal(mode_name(mode_of(c)), mode);
	for (size_t i = 0; i < roster_size; i++)
		if (mode_runs(mode_of(c), c, &roster[i])) {
			strcat(found, service_name(roster[i].id) + 4);
			strcat(found, " ");
		}
	assert_string_equal(found, services);
	config_free(c);
}

static void the_table_of_modes(void **unused)
{
	(void)unused;
	expect("{}", "peer", "transport discovery db viewer ");
	expect("{\"presence\":{\"rendezvous_wan\":\"http://meet.example\"}}", "peer",
	    "transport discovery db viewer ");
	expect("{" HOST "}", "host", "transport discovery db viewer rendezvous ");
	expect("{" ONLY "}", "rendezvous", "rendezvous ");
	expect("{" ONLY ",\"viewer\":{\"theme\":\"light\"}}", "rendezvous", "rendezvous ");
	expect("{" ONLY ",\"viewer\":{\"http_addr\":\"127.0.0.1:8080\"}}", "rendezvous",
	    "viewer rendezvous ");
}

/* `goop-supervisor rendezvous` in the folder of a peer. */
static void the_command_overrules_the_file(void **unused)
{
	struct config *c = parse("{}");

	(void)unused;
	for (size_t i = 0; i < roster_size; i++)
		assert_int_equal(
		    mode_runs(MODE_RENDEZVOUS, c, &roster[i]), roster[i].id == SERVICE_RENDEZVOUS);
	config_free(c);
}

static void own_url(enum mode mode, const char *host, const char *want)
{
	struct config *c = parse("{}");

	mode_set_own_url(mode, c, host, "8787");
	assert_string_equal(config_get(c, "rendezvous.own_url"), want);
	config_free(c);
}

static void a_host_joins_its_own_server(void **unused)
{
	(void)unused;
	own_url(MODE_HOST, "0.0.0.0", "http://127.0.0.1:8787");
	own_url(MODE_HOST, "::", "http://[::1]:8787");
	own_url(MODE_HOST, "192.0.2.7", "http://192.0.2.7:8787");
	own_url(MODE_HOST, "2001:db8::7", "http://[2001:db8::7]:8787");
	own_url(MODE_PEER, "0.0.0.0", "");
	own_url(MODE_RENDEZVOUS, "0.0.0.0", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table_of_modes),
	    cmocka_unit_test(the_command_overrules_the_file),
	    cmocka_unit_test(a_host_joins_its_own_server),
	};

	return cmocka_run_group_tests_name("mode", tests, NULL, NULL);
}
