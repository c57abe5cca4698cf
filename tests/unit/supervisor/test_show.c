/* What people see of `status` and `peers`. */
#include "tests/unit/testing.h"

#include "base/clock.h"
#include "supervisor/plain.h"
#include "supervisor/show.h"

static cJSON *parse(const char *text)
{
	struct json_error error;
	cJSON *value = json_parse(text, strlen(text), 1000, &error);

	if (value == NULL)
		fail_msg("%u:%u: %s", error.line, error.column, error.what);
	return value;
}

static char *status(const char *text, bool colour)
{
	cJSON *value = parse(text);
	char *out = show_status_text(value, NULL, colour);

	cJSON_Delete(value);
	return out;
}

#define HEAD                                                                                       \
	"{\"ok\":true,\"state\":\"running\",\"label\":\"Me\",\"folder\":\"/home/me\","             \
	"\"peer_id\":\"12D3KooWA\",\"listen\":\"0.0.0.0:4001\","                                   \
	"\"viewer_url\":\"http://127.0.0.1:8080\",\"pid\":77,\"uptime_ms\":7384000,"               \
	"\"memory_bytes\":1000000,\"memory_kind\":\"pss\",\"services\":["

static void a_healthy_peer(void **unused)
{
	char *out = status(HEAD "{\"name\":\"svc-transport\",\"state\":\"up\",\"since_ms\":59999,"
				"\"restarts\":0,\"pid\":100,\"cpu_ms\":1250,"
				"\"memory_bytes\":2500000,"
				"\"memory_kind\":\"pss\",\"deaths\":[]},"
				"{\"name\":\"svc-viewer\",\"state\":\"up\",\"since_ms\":190000000,"
				"\"restarts\":12,\"pid\":4194304,\"memory_bytes\":12500000,"
				"\"memory_kind\":\"rss\",\"deaths\":[]}]}",
	    false);

	(void)unused;
	assert_string_equal(out,
	    "Me is running\n"
	    "  peer     12D3KooWA\n"
	    "  viewer   http://127.0.0.1:8080\n"
	    "  listens  0.0.0.0:4001\n"
	    "  folder   /home/me\n"
	    "  runs     2 h 3 min, supervisor pid 77, 16.0 MB in all\n"
	    "\n"
	    "SERVICE    STATE     PID      UP             RESTARTS  CPU       MEMORY\n"
	    "transport  up        100      59 s           0         1.25 s    2.5 MB\n"
	    "viewer     up        4194304  2 d 4 h        12        -         ~12.5 MB\n");
	free(out);
}

static void rendezvous_servers_and_a_full_database(void **unused)
{
	char *out = status("{\"label\":\"Me\",\"state\":\"running\",\"rendezvous_urls\":"
			   "\"http://10.0.0.1:8787 http://[fd00::1]:8787\",\"rendezvous\":\"http://"
			   "127.0.0.1:8787 connected since now; https://b.example not connected: "
			   "no route\",\"database\":\"refuses visitors' rows: full\","
			   "\"services\":[]}",
	    false);
	const char *want = "Me is running\n"
			   "  serves   http://10.0.0.1:8787\n"
			   "           http://[fd00::1]:8787\n"
			   "  joins    http://127.0.0.1:8787 connected since now\n"
			   "           https://b.example not connected: no route\n"
			   "  database refuses visitors' rows: full\n"
			   "  runs ";

	(void)unused;
	if (strncmp(out, want, strlen(want)) != 0)
		fail_msg("%s", out);
	free(out);
}

static void services_in_trouble(void **unused)
{
	char *out = status(HEAD
	    "{\"name\":\"svc-db\",\"state\":\"backoff\",\"since_ms\":10,\"restarts\":2,"
	    "\"next_start_ms\":1900,\"deaths\":[{\"ago_ms\":65000,\"why\":\"exit 1: store: "
	    "data.db: file is not a database, and some more words that need another "
	    "line\"}]},"
	    "{\"name\":\"svc-viewer\",\"state\":\"failed\",\"since_ms\":5,\"restarts\":0,"
	    "\"reason\":\"exit 78 (configuration): http: viewer.http_addr is in use\","
	    "\"deaths\":[{\"ago_ms\":1,\"why\":\"not shown twice\"}]}]}",
	    false);

	(void)unused;
	assert_string_equal(strstr(out, "db "),
	    "db         backoff   -        -              2         -         -\n"
	    "           died 1 min 5 s ago: exit 1: store: data.db: file is not a database,\n"
	    "           and some more words that need another line\n"
	    "           starts again in 1 s\n"
	    "viewer     failed    -        -              0         -         -\n"
	    "           exit 78 (configuration): http: viewer.http_addr is in use\n"
	    "           when it is mended: goop-supervisor restart svc-viewer\n");
	free(out);
}

static void eighty_columns(void **unused)
{
	char json[2048], words[512] = "", *out, *line;

	(void)unused;
	for (int i = 0; i < 40; i++)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%.*s ", 2 * (i % 7),
		    "ääääääääääää");
	snprintf(json, sizeof(json),
	    HEAD "{\"name\":\"svc-db\",\"state\":\"failed\",\"reason\":\"%s\",\"deaths\":[]}]}",
	    words);
	out = status(json, false);
	for (line = strtok(out, "\n"); line != NULL; line = strtok(NULL, "\n"))
		assert_true(plain_columns(line) <= 80);
	free(out);
}

/* Nor does what stands above the table. */
static void eighty_columns_above(void **unused)
{
	char json[4096], words[1024] = "", wide[1024] = "", *out, *line;

	(void)unused;
	for (int i = 0; i < 40; i++) {
		strcat(words, "[::1]:40000, ");
		strcat(wide, "日本語");
	}
	snprintf(json, sizeof(json),
	    "{\"state\":\"running\",\"label\":\"%s\",\"listen\":\"%s\",\"rendezvous\":\"http://a "
	    "not connected: %s\",\"services\":[]}",
	    wide, words, words);
	out = status(json, false);
	for (line = strtok(out, "\n"); line != NULL; line = strtok(NULL, "\n"))
		if (plain_columns(line) > 80)
			fail_msg("%s", line);
	free(out);
}

static void colours_only_when_wanted(void **unused)
{
	static const char json[] =
	    HEAD "{\"name\":\"svc-db\",\"state\":\"up\",\"deaths\":[]},"
		 "{\"name\":\"svc-viewer\",\"state\":\"failed\",\"reason\":\"x\",\"deaths\":[]}]}";
	char *plain = status(json, false), *colour = status(json, true);

	(void)unused;
	assert_null(strchr(plain, '\033'));
	assert_non_null(strstr(colour, "\033[32mup\033[0m        "));
	assert_non_null(strstr(colour, "\033[31mfailed\033[0m    "));
	free(plain);
	free(colour);
}

/* Services and strangers are not to write on the terminal what they like. */
static void control_characters_are_not_shown(void **unused)
{
	char *out = status("{\"state\":\"running\",\"label\":\"\\u001b]0;x\\u0007\",\"peer_id\":"
			   "\"a\\u009bb\",\"services\":[{\"name\":\"svc-\\r\",\"state\":\"\\n\","
			   "\"reason\":\"\\u001b[2J\",\"deaths\":[]}]}",
	    false);

	(void)unused;
	for (char *p = out; *p != '\0'; p++)
		assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
	assert_null(strstr(out, "\xc2\x9b"));
	free(out);
}

static void anything_may_be_missing(void **unused)
{
	char *out = status("{}", true);

	(void)unused;
	assert_non_null(strstr(out, "SERVICE"));
	free(out);
	free(status("{\"services\":[5,null,{\"deaths\":7},{\"deaths\":[null]}]}", false));
}

static void peers(void **unused)
{
	char json[1024], *out;
	cJSON *value;

	(void)unused;
	snprintf(json, sizeof(json),
	    "[{\"id\":\"12D3KooWA\",\"label\":\"Alice\",\"last_seen\":%lld},"
	    "{\"id\":\"12D3KooWB\",\"label\":\"Bärbel of the long name\",\"last_seen\":%lld},"
	    "{\"id\":\"\\u001b[31m\",\"label\":\"\"}]",
	    (long long)clock_wall_ms() - 3500, (long long)clock_wall_ms() + 99999999);
	value = parse(json);
	out = show_peers_text(value, false);
	assert_string_equal(out, "LABEL           SEEN      ID\n"
				 "Alice           3 s       12D3KooWA\n"
				 "Bärbel of the   0 s       12D3KooWB\n"
				 "                0 s       ?[31m\n");
	free(out);
	cJSON_Delete(value);
	value = parse("[]");
	out = show_peers_text(value, true);
	assert_string_equal(out, "Nobody is there at the moment.\n");
	free(out);
	cJSON_Delete(value);
}

static void json_is_indented_by_blanks(void **unused)
{
	cJSON *value = parse("{\"a\":{\"b\":\"tab\\there\"},\"c\":[]}");
	char *out = show_json_text(value);

	(void)unused;
	assert_string_equal(
	    out, "{\n  \"a\": {\n    \"b\": \"tab\\there\"\n  },\n  \"c\": []\n}\n");
	free(out);
	cJSON_Delete(value);
}

static char *of(const char *text, char *(*show)(const cJSON *, bool))
{
	cJSON *value = parse(text);
	char *out = show(value, false);

	cJSON_Delete(value);
	return out;
}

static void the_share_of_a_processor(void **unused)
{
	static const char form[] = "{\"uptime_ms\":%d,\"services\":[{\"name\":\"svc-db\",\"state\":"
				   "\"up\",\"generation\":%d,\"cpu_ms\":%d,\"deaths\":[]}]}";
	char text[256], *out;
	cJSON *before, *now;

	(void)unused;
	snprintf(text, sizeof(text), form, 10000, 3, 500);
	before = parse(text);
	snprintf(text, sizeof(text), form, 12000, 3, 750);
	now = parse(text);
	out = show_status_text(now, before, false);
	assert_non_null(strstr(out, " 12.5 %"));
	free(out);
	cJSON_Delete(now);
	/* Another process. */
	snprintf(text, sizeof(text), form, 12000, 4, 750);
	now = parse(text);
	out = show_status_text(now, before, false);
	assert_non_null(strstr(out, " 0.75 s"));
	free(out);
	cJSON_Delete(now);
	cJSON_Delete(before);
}

static void links_from_both_ends(void **unused)
{
	char *out =
	    of("{\"svc-viewer\":[{\"peer\":\"svc-transport\",\"up\":true,\"streams\":3,"
	       "\"sent\":12,\"heard\":5,\"credit_out\":262144,\"types\":[{\"message\":"
	       "\"STREAM_DATA\",\"messages_in\":2300,\"bytes_in\":45000000,"
	       "\"messages_out\":12,\"bytes_out\":4500}]},{\"peer\":\"svc-db\",\"up\":"
	       "true}],\"svc-transport\":[{\"peer\":\"svc-viewer\",\"up\":true,\"streams\":3,"
	       "\"sent\":4,\"heard\":10,\"credit_out\":999999}],\"svc-db\":null}",
		show_links_text);

	(void)unused;
	assert_string_equal(out,
	    "LINK                   STATE  STREAMS         QUEUED                CREDIT\n"
	    "viewer > transport     up           3        2 > 0 <   262.1 kB > 1.0 MB <\n"
	    "  STREAM_DATA                 12     4.5 kB >          2300    45.0 MB <\n"
	    "viewer > db            down         0        0 > 0 <           0 B > 0 B <\n");
	free(out);
}

static void streams_at_each_service(void **unused)
{
	char *out = of("{\"svc-viewer\":[{\"peer\":\"12D3KooWWiZh1abcdefgh\",\"protocol\":"
		       "\"/goop/site/1.0.0\",\"direction\":\"out\",\"state\":\"open\",\"bytes_in\":"
		       "2100000000,\"bytes_out\":950}],\"svc-db\":null,\"svc-transport\":{},"
		       "\"x\":[1]}",
	    show_streams_text);
	char *none = of("{\"svc-viewer\":[],\"svc-db\":[5]}", show_streams_text);

	(void)unused;
	assert_string_equal(out,
	    "SERVICE    PEER        PROTOCOL             DIR  STATE             IN        OUT\n"
	    "viewer     ..abcdefgh  /goop/site/1.0.0     out  open          2.1 GB      950 B\n");
	assert_null(strstr(none, "No stream"));
	free(out);
	free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_healthy_peer),
	    cmocka_unit_test(rendezvous_servers_and_a_full_database),
	    cmocka_unit_test(services_in_trouble),
	    cmocka_unit_test(eighty_columns),
	    cmocka_unit_test(eighty_columns_above),
	    cmocka_unit_test(the_share_of_a_processor),
	    cmocka_unit_test(links_from_both_ends),
	    cmocka_unit_test(streams_at_each_service),
	    cmocka_unit_test(colours_only_when_wanted),
	    cmocka_unit_test(control_characters_are_not_shown),
	    cmocka_unit_test(anything_may_be_missing),
	    cmocka_unit_test(peers),
	    cmocka_unit_test(json_is_indented_by_blanks),
	};

	return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
