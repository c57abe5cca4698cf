/* goop.json: what is accepted, and what exactly is said about what is not. */
#include "tests/unit/testing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/config_table.h"

static struct config *parse(const char *text)
{
	return config_parse("goop.json", text, strlen(text));
}

static void expect(const char *text, const char *key, const char *value)
{
	struct config *c = parse(text);

	if (!config_good(c))
		fail_msg("%s: %s", text, config_note(c, 0));
	assert_null(config_note(c, 0));
	assert_string_equal(config_get(c, key), value);
	config_free(c);
}

static void nothing_set_means_defaults(void **unused)
{
	struct config *c = parse("{}");

	(void)unused;
	assert_true(config_good(c));
	assert_int_equal(config_given(c), 0);
	for (size_t i = 0; i < config_table_size; i++)
		if (config_table[i].type != CONFIG_IGNORED)
			assert_string_equal(
			    config_get(c, config_table[i].name), config_table[i].preset);
	assert_string_equal(config_get(c, "presence.ttl_seconds"), "20");
	assert_string_equal(config_get(c, "viewer.http_addr"), "127.0.0.1:8080");
	config_free(c);
}

static void values_become_text(void **unused)
{
	(void)unused;
	expect("{\"p2p\":{\"listen_port\":4001}}", "p2p.listen_port", "4001");
	expect("{\"p2p\":{\"listen_port\":4.001e3}}", "p2p.listen_port", "4001");
	expect("{\"viewer\":{\"debug\":true}}", "viewer.debug", "true");
	expect("{\"viewer\":{\"theme\":\"light\"}}", "viewer.theme", "light");
	expect(
	    "{\"profile\":{\"label\":\"J\\u00e4ger \\\"x\\\"\"}}", "profile.label", "Jäger \"x\"");
	expect("{\"presence\":{\"rendezvous_bind\":\"::1\"}}", "presence.rendezvous_bind", "::1");
	expect("\xef\xbb\xbf{\"viewer\":{\"debug\":true}}", "viewer.debug", "true");
}

static void addresses_of_deployed_configs(void **unused)
{
	(void)unused;
	expect("{\"viewer\":{\"http_addr\":\"\"}}", "viewer.http_addr", "127.0.0.1:8080");
	expect("{\"viewer\":{\"http_addr\":\":9000\"}}", "viewer.http_addr", "127.0.0.1:9000");
	expect(
	    "{\"viewer\":{\"http_addr\":\"0.0.0.0:9000\"}}", "viewer.http_addr", "127.0.0.1:9000");
	expect("{\"viewer\":{\"http_addr\":\"[::1]:9000\"}}", "viewer.http_addr", "[::1]:9000");
	expect("{\"viewer\":{\"http_addr\":\"localhost:0\"}}", "viewer.http_addr", "localhost:0");
}

static void urls_alone_or_in_a_list(void **unused)
{
	(void)unused;
	expect("{\"presence\":{\"rendezvous_wan\":\"\"}}", "presence.rendezvous_wan", "");
	expect("{\"presence\":{\"rendezvous_wan\":[]}}", "presence.rendezvous_wan", "");
	expect("{\"presence\":{\"rendezvous_wan\":\" https://goop2.com \"}}",
	    "presence.rendezvous_wan", "https://goop2.com");
	expect("{\"presence\":{\"rendezvous_wan\":[\"http://10.0.0.1:8787\",\"https://[::1]:1/"
	       "x?y\"]}}",
	    "presence.rendezvous_wan", "http://10.0.0.1:8787 https://[::1]:1/x?y");
}

static void addresses_of_proxies(void **unused)
{
	const char *key = "rendezvous.trusted_proxies";

	(void)unused;
	expect("{\"rendezvous\":{\"trusted_proxies\":\"\"}}", key, "");
	expect("{\"rendezvous\":{\"trusted_proxies\":\"10.0.0.1, ::1\"}}", key, "10.0.0.1,::1");
	expect("{\"rendezvous\":{\"trusted_proxies\":[\"10.0.0.1\",\"2001:db8::7\"]}}", key,
	    "10.0.0.1,2001:db8::7");
}

static void a_section_in_a_section(void **unused)
{
	(void)unused;
	expect("{\"rendezvous\":{\"limits\":{\"peers\":50,\"signers\":7}}}",
	    "rendezvous.limits.peers", "50");
	expect("{\"rendezvous\":{\"limits\":{}},\"viewer\":{\"theme\":\"light\"}}", "viewer.theme",
	    "light");
}

static void what_is_derived(void **unused)
{
	struct config *c = parse("{}");

	(void)unused;
	assert_false(config_is_given(c, "viewer.http_addr"));
	config_derive(c, "rendezvous.own_url", "http://127.0.0.1:1");
	config_derive(c, "rendezvous.own_url", "http://127.0.0.1:8787");
	assert_string_equal(config_get(c, "rendezvous.own_url"), "http://127.0.0.1:8787");
	assert_int_equal(config_given(c), 0);
	config_free(c);
	c = parse("{\"viewer\":{\"http_addr\":\"\"}}");
	assert_true(config_is_given(c, "viewer.http_addr"));
	config_free(c);
}

/* Each: a text, and the one complaint about it. */
static void bad_input_is_named_exactly(void **unused)
{
#define URL_ALLOWED                                                                                \
	"allowed is an http:// or https:// URL of at most 1024 bytes, or a list of up to 16"
	static const struct {
		const char *text, *note;
	} bad[] = {
	    {"", "goop.json:1:1: error: expected a value: object, array, string, number, true, "
		 "false, null"},
	    {"{\n  \"p2p\": {\n    \"listen_port\": 1,\n  }\n}",
		"goop.json:4:3: error: expected a member name in double quotes"},
	    {"[1]", "goop.json:1:1: error: the whole file must be an object: { ... }"},
	    {"{\"p2p\":{\"listen_port\":1,\"listen_port\":2}}",
		"goop.json:1:25: error: member occurs twice: listen_port"},
	    {"{\n\t\"p2p\": 5\n}",
		"goop.json:2:2: error: p2p is 5; allowed is an object of settings"},
	    {"{\n  \"p2p\": {\n    \"listen_port\": \"4001\"\n  }\n}",
		"goop.json:3:5: error: p2p.listen_port is \"4001\"; allowed is a whole number from "
		"0 to 65535"},
	    {"{\"p2p\":{\"listen_port\":65536}}",
		"goop.json:1:9: error: p2p.listen_port is 65536; allowed is a whole number from 0 "
		"to 65535"},
	    {"{\"p2p\":{\"listen_port\":-1}}",
		"goop.json:1:9: error: p2p.listen_port is -1; allowed is a whole number from 0 to "
		"65535"},
	    {"{\"p2p\":{\"listen_port\":1.5}}",
		"goop.json:1:9: error: p2p.listen_port is 1.5; allowed is a whole number from 0 to "
		"65535"},
	    {"{\"p2p\":{\"listen_port\":null}}",
		"goop.json:1:9: error: p2p.listen_port is null; allowed is a whole number from 0 "
		"to 65535"},
	    {"{\"p2p\":{\"mdns_tag\":\"\"}}",
		"goop.json:1:9: error: p2p.mdns_tag is \"\"; allowed is a text of 1 to 63 bytes "
		"without control characters"},
	    {"{\"profile\":{\"label\":\"a\\nb\"}}",
		"goop.json:1:13: error: profile.label is \"a\\nb\"; allowed is a text of at most "
		"4096 bytes without control characters"},
	    {"{\"profile\":{\"label\":7}}",
		"goop.json:1:13: error: profile.label is 7; allowed is a text of at most 4096 "
		"bytes without control characters"},
	    {"{\"viewer\":{\"debug\":\"yes\"}}",
		"goop.json:1:12: error: viewer.debug is \"yes\"; allowed is true or false"},
	    {"{\"viewer\":{\"theme\":\"blue\"}}", "goop.json:1:12: error: viewer.theme is "
						  "\"blue\"; allowed is \"dark\" or \"light\""},
	    {"{\"viewer\":{\"theme\":\"dark light\"}}",
		"goop.json:1:12: error: viewer.theme is \"dark light\"; allowed is \"dark\" or "
		"\"light\""},
	    {"{\"viewer\":{\"http_addr\":\"8080\"}}",
		"goop.json:1:12: error: viewer.http_addr is \"8080\"; allowed is an address like "
		"\"127.0.0.1:8080\""},
	    {"{\"viewer\":{\"http_addr\":\"127.0.0.1:99999\"}}",
		"goop.json:1:12: error: viewer.http_addr is \"127.0.0.1:99999\"; allowed is an "
		"address like \"127.0.0.1:8080\""},
	    {"{\"viewer\":{\"http_addr\":\"::1:80\"}}",
		"goop.json:1:12: error: viewer.http_addr is \"::1:80\"; allowed is an address like "
		"\"127.0.0.1:8080\""},
	    {"{\"rendezvous\":{\"trusted_proxies\":\"proxy.example\"}}",
		"goop.json:1:16: error: rendezvous.trusted_proxies is \"proxy.example\"; allowed "
		"is a list of at most 32 IP addresses"},
	    {"{\"rendezvous\":{\"limits\":3}}",
		"goop.json:1:16: error: rendezvous.limits is 3; allowed is an object of settings"},
	    {"{\"rendezvous\":{\"limits\":{\"signers\":1,\n\"peers\":0}}}",
		"goop.json:2:1: error: rendezvous.limits.peers is 0; allowed is a whole number "
		"from 1 to 1000000"},
	    {"{\"presence\":{\"rendezvous_bind\":\"home\"}}",
		"goop.json:1:14: error: presence.rendezvous_bind is \"home\"; allowed is an IP "
		"address like \"0.0.0.0\""},
	    {"{\"presence\":{\"rendezvous_wan\":\"ftp://x\"}}",
		"goop.json:1:14: error: presence.rendezvous_wan is \"ftp://x\"; " URL_ALLOWED},
	    {"{\"presence\":{\"rendezvous_wan\":\"http://\"}}",
		"goop.json:1:14: error: presence.rendezvous_wan is \"http://\"; " URL_ALLOWED},
	    {"{\"presence\":{\"rendezvous_wan\":\"http://a b\"}}",
		"goop.json:1:14: error: presence.rendezvous_wan is \"http://a b\"; " URL_ALLOWED},
	    {"{\"presence\":{\"rendezvous_wan\":\"http://0.0.0.0:8787\"}}",
		"goop.json:1:14: error: presence.rendezvous_wan is "
		"\"http://0.0.0.0:8787\"; " URL_ALLOWED},
	    {"{\"presence\":{\"rendezvous_wan\":[\"http://a:0\"]}}",
		"goop.json:1:14: error: presence.rendezvous_wan is [\"http://a:0\"]; " URL_ALLOWED},
	    {"{\"presence\":{\"rendezvous_wan\":[\"http://a\",3]}}",
		"goop.json:1:14: error: presence.rendezvous_wan is [\"http://a\",3]; " URL_ALLOWED},
	    {"{\"presence\":{\"ttl_seconds\":5}}",
		"goop.json:1:14: error: presence.heartbeat_seconds is 5; allowed is less than "
		"presence.ttl_seconds, which is 5"},
	    {"{\"presence\":{\"ttl_seconds\":9,\n\"heartbeat_seconds\":30}}",
		"goop.json:2:1: error: presence.heartbeat_seconds is 30; allowed is less than "
		"presence.ttl_seconds, which is 9"},
	    {"{\"presence\":{\"rendezvous_only\":true}}",
		"goop.json:1:14: error: presence.rendezvous_only is true; allowed only when "
		"presence.rendezvous_host is true"},
	    {"{\"presence\":{\"relay_port\":4002}}",
		"goop.json:1:14: error: presence.relay_port is 4002; allowed only when "
		"presence.rendezvous_host is true"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config *c = parse(bad[i].text);
		assert_false(config_good(c));
		assert_non_null(config_note(c, 0));
		assert_string_equal(config_note(c, 0), bad[i].note);
		assert_null(config_note(c, 1));
		config_free(c);
	}
}

static void unknown_keys_are_warnings_with_a_neighbour(void **unused)
{
	static const struct {
		const char *text, *note;
	} odd[] = {
	    {"{\n  \"presence\": {\n    \"ttl_second\": 5\n  }\n}",
		"goop.json:3:5: warning: unknown key presence.ttl_second; the nearest known key "
		"is presence.ttl_seconds"},
	    {"{\"viewer\":{\"lable\":\"x\"}}",
		"goop.json:1:12: warning: unknown key viewer.lable; the nearest known key is "
		"viewer.theme"},
	    {"{\"profil\":{\"label\":\"x\"}}",
		"goop.json:1:2: warning: unknown key profil; the nearest known key is profile"},
	    {"{\"rendezvous\":{\"limits\":{\"peer\":1}}}",
		"goop.json:1:26: warning: unknown key rendezvous.limits.peer; the nearest known "
		"key is rendezvous.limits.peers"},
	    {"{\"rendezvous\":{\"limits.peers\":1}}",
		"goop.json:1:16: warning: unknown key rendezvous.limits.peers; the nearest known "
		"key is rendezvous.limits.peers"},
	    {"{\"rendezvous\":{\"listen_fd\":4}}",
		"goop.json:1:16: warning: unknown key rendezvous.listen_fd; the nearest known key "
		"is rendezvous.limits.peers"},
	    {"{\"theme\":\"dark\"}",
		"goop.json:1:2: warning: unknown key theme; the nearest known key is "
		"viewer.theme"},
	    {"{\"p2p\":{\"\\u001b[31m\":1}}",
		"goop.json:1:9: warning: unknown key p2p.\\x1b[31m; the nearest known key is "
		"p2p.mdns_tag"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct config *c = parse(odd[i].text);
		assert_true(config_good(c));
		assert_string_equal(config_note(c, 0), odd[i].note);
		assert_null(config_note(c, 1));
		config_free(c);
	}
}

/* The complaint is about the right line also behind lists, unknown objects and other complaints. */
static void places_are_right_behind_other_values(void **unused)
{
	struct config *c = parse("{\n"
				 "\"lua\": {\"a\": [1, [2, {\"b\": 3}]], \"enabled\": true},\n"
				 "\"other\": {\"a\": [1, 2, {\"b\": {}}]},\n"
				 "\"presence\": {\n"
				 "  \"rendezvous_wan\": [\"http://a\", \"http://b\"],\n"
				 "  \"credits_url\": {\"x\": [1]},\n"
				 "  \"ttl_seconds\": \"long\" },\n"
				 "\"viewer\": [1, 2],\n"
				 "\"profile\": {\"email\": false}\n}");

	(void)unused;
	assert_true(
	    strncmp(config_note(c, 0), "goop.json:3:1: warning: unknown key other;", 42) == 0);
	assert_true(
	    strncmp(config_note(c, 1), "goop.json:7:3: error: presence.ttl_seconds", 42) == 0);
	assert_true(strncmp(config_note(c, 2), "goop.json:8:1: error: viewer is [1,2];", 38) == 0);
	assert_true(
	    strncmp(config_note(c, 3), "goop.json:9:13: error: profile.email is false", 45) == 0);
	assert_null(config_note(c, 4));
	config_free(c);
}

/* Of what a service complains about by the name of its key. */
static void origin(const char *text, const char *complaint, const char *want)
{
	struct config *c = parse(text);
	char where[128] = "";

	assert_int_equal(config_origin(c, complaint, where, sizeof(where)), want[0] != '\0');
	assert_string_equal(where, want);
	config_free(c);
}

static void complaints_of_services_lead_to_a_place(void **unused)
{
	static const char text[] = "{\n  \"presence\": {\"rendezvous_host\": true},\n"
				   "  \"viewer\": {\n    \"http_addr\": \"127.0.0.1:1\"}}";

	(void)unused;
	origin(text, "viewer: viewer.http_addr: port 1 is taken", "set in goop.json:4:5");
	origin(text, "presence.rendezvous_host: no", "set in goop.json:2:16");
	origin(text, "p2p.listen_port: TCP port", "the default, goop.json does not set it");
	origin(text, "rendezvous.limits.subscribers_per_address is too much",
	    "the default, goop.json does not set it");
	origin(text, "no memory", "");
	origin(text, "paths.site_stage is ignored", "");
}

static void deployed_config_is_taken_in_silence(void **unused)
{
	struct config *c = config_load("tests/unit/supervisor/deployed.json", "goop.json");

	(void)unused;
	if (config_note(c, 0) != NULL)
		fail_msg("%s", config_note(c, 0));
	assert_true(config_good(c));
	assert_string_equal(
	    config_get(c, "presence.rendezvous_wan"), "https://rendezvous.example.org");
	assert_string_equal(config_get(c, "viewer.http_addr"), "127.0.0.1:39925");
	config_free(c);
}

static void long_values_are_shown_in_part(void **unused)
{
	char text[600];
	struct config *c;
	const char *shown;

	(void)unused;
	snprintf(text, sizeof(text), "{\"viewer\":{\"theme\":\"%0400d\"}}", 0);
	/* In the middle of a character of two bytes. */
	memcpy(strstr(text, "\":\"") + 3 + 72, "ääää", 8);
	c = parse(text);
	shown = strstr(config_note(c, 0), "is \"");
	assert_non_null(strstr(shown, "ä...; allowed is \"dark\""));
	assert_true(strlen(config_note(c, 0)) < 200);
	config_free(c);
}

static void complaints_are_bounded(void **unused)
{
	char *text = malloc(64 * 1024), *p = text;
	struct config *c;

	(void)unused;
	p += sprintf(p, "{\"p2p\":{\"x\":0");
	for (int i = 0; i < 2000; i++)
		p += sprintf(p, ",\"k%d\":1", i);
	sprintf(p, "}}");
	c = parse(text);
	assert_true(config_good(c));
	assert_non_null(config_note(c, CONFIG_NOTES_MAX - 1));
	assert_null(config_note(c, CONFIG_NOTES_MAX));
	config_free(c);
	free(text);
}

/* Each setting stands in the manual page with its default; what is ignored stands nowhere. */
static void the_manual_knows_every_setting(void **unused)
{
	static char page[65536];
	FILE *f = fopen("docs/goop.json.5", "r");
	char want[256];
	size_t n = 0;

	(void)unused;
	assert_non_null(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 0; i < config_table_size; i++) {
		if (config_table[i].type == CONFIG_IGNORED ||
		    config_table[i].type == CONFIG_DERIVED)
			continue;
		n++;
		snprintf(want, sizeof(want), ".It Cm %s Pq Li %s\n", config_table[i].name,
		    config_table[i].preset[0] != '\0' ? config_table[i].preset : "\\(dq\\(dq");
		if (strstr(page, want) == NULL)
			fail_msg("docs/goop.json.5 lacks: %s", want);
	}
	for (const char *p = page; (p = strstr(p, ".It Cm ")) != NULL; p++)
		n--;
	assert_int_equal(n, 0);
}

static void unreadable_files(void **unused)
{
	char path[] = "/tmp/goop-config-XXXXXX";
	int fd = mkstemp(path);
	struct config *c = config_load("/nonexistent/goop.json", "d/goop.json");

	(void)unused;
	assert_false(config_good(c));
	assert_string_equal(config_note(c, 0), "d/goop.json: No such file or directory");
	config_free(c);

	c = config_load("/tmp", "goop.json");
	assert_string_equal(config_note(c, 0), "goop.json: Is a directory");
	config_free(c);

	assert_int_equal(ftruncate(fd, CONFIG_SIZE_MAX), 0);
	c = config_load(path, "goop.json");
	assert_string_equal(config_note(c, 0), "goop.json: File too large");
	config_free(c);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_set_means_defaults),
	    cmocka_unit_test(values_become_text),
	    cmocka_unit_test(addresses_of_deployed_configs),
	    cmocka_unit_test(urls_alone_or_in_a_list),
	    cmocka_unit_test(addresses_of_proxies),
	    cmocka_unit_test(a_section_in_a_section),
	    cmocka_unit_test(what_is_derived),
	    cmocka_unit_test(bad_input_is_named_exactly),
	    cmocka_unit_test(unknown_keys_are_warnings_with_a_neighbour),
	    cmocka_unit_test(places_are_right_behind_other_values),
	    cmocka_unit_test(complaints_of_services_lead_to_a_place),
	    cmocka_unit_test(deployed_config_is_taken_in_silence),
	    cmocka_unit_test(long_values_are_shown_in_part),
	    cmocka_unit_test(complaints_are_bounded),
	    cmocka_unit_test(the_manual_knows_every_setting),
	    cmocka_unit_test(unreadable_files),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
