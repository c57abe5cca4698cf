/* What goop-supervisor says to people: logs, the command line, its JSON, the folder that init
 * makes. */

#include "tests/service/house.h"

#include <stdlib.h>
#include <string.h>

/* --- logs ------------------------------------------------------------------------------------- */

static void wild_words_are_tamed(void **unused)
{
	(void)unused;
	behave("db", "wild");
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor restart peer db");
	EXITS(0, "cat peer/log/svc-db.log");
	says("warn  svc-db plain words");
	says("warn  svc-db 2026-01-31T23:59:59.123Z error svc-somebody-else conn: forged");
	says("warn  svc-db ?]0;title? ?[31m red ? and ? over");
	says("2026-01-31T23:59:59.123Z info  svc-db conn: proper\n");
	says("warn  svc-db no end?\n");
	EXITS(1, "LC_ALL=C grep -q '[[:cntrl:]]' peer/log/svc-db.log");
	EXITS(1, "LC_ALL=C.UTF-8 grep -qvx '.*' peer/log/svc-db.log");
	EXITS(0, "awk 'length > 4200' peer/log/svc-db.log | wc -l");
	assert_string_equal(output, "0\n");
	EXITS(0, "goop-supervisor logs peer db");
	says("db         warning: plain words");
	EXITS(0, "goop-supervisor logs -n 1 peer svc-db");
	assert_int_equal(strchr(output, '\n')[1], '\0');
	EXITS(2, "goop-supervisor logs peer svc-none");
}

/* What a service said last is the reason of its death, whatever it was. */
static void wild_last_words_do_not_spoil_the_status(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	behave("db", "wild ready-exit=3");
	EXITS(0, "goop-supervisor restart peer db; true");
	until(FIELD("db", ".state") " | grep -qx failed");
	EXITS(0, FIELD("db", ".last_death"));
	assert_string_equal(output, "exit 3: no end?\n");
}

static void logs_turn_over(void **unused)
{
	(void)unused;
	EXITS(0,
	    "mkdir -p peer/log; head -c 1048000 /dev/zero | tr '\\0' 'x' > peer/log/svc-db.log; "
	    "echo two > peer/log/svc-db.log.1; echo three > peer/log/svc-db.log.2");
	behave("db", "wild");
	EXITS(0, "goop-supervisor start --daemon peer");
	until("test -s peer/log/svc-db.log && test $(stat -c %%s peer/log/svc-db.log) -lt 20000");
	EXITS(0, "stat -c %%s peer/log/svc-db.log.1");
	assert_string_equal(output, "1048000\n");
	EXITS(0, "cat peer/log/svc-db.log.2");
	assert_string_equal(output, "two\n");
	EXITS(0, "ls peer/log/svc-db* | wc -l");
	assert_string_equal(output, "3\n");
}

static void logs_can_be_followed(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor logs peer -f > followed 2>&1 & echo $! > pid");
	until("grep -q 'supervisor running' followed");
	EXITS(0,
	    "mv peer/log/supervisor.log peer/log/supervisor.log.1; goop-supervisor restart peer db "
	    "> /dev/null; kill -KILL %ld",
	    field("viewer", "pid"));
	until("grep -q 'svc-viewer died: killed by SIGKILL; it is started again' followed");
	EXITS(0, "kill $(cat pid); grep -c 'svc-db is restarted by hand' followed");
	assert_string_equal(output, "1\n");
}

static void the_id_is_known_while_stopped(void **unused)
{
	(void)unused;
	EXITS(3, "goop-supervisor id peer");
	says("has never been started");
	EXITS(0, "goop-supervisor start --daemon peer; touch peer/data/identity.key");
	EXITS(0, "goop-supervisor id peer");
	says("12D3KooWFake");
	EXITS(0, "goop-supervisor stop peer");
	EXITS(0, "goop-supervisor id peer");
	says("12D3KooWFake");
	EXITS(3, "rm peer/data/identity.key; goop-supervisor id peer");
}

/* --- the command line ------------------------------------------------------------------------- */

static void usage(void **unused)
{
	static const char *const commands[] = {"init", "start", "peer", "stop", "restart", "reload",
	    "upgrade", "status", "peers", "id", "check", "logs", "trace", "links", "streams"};

	(void)unused;
	/* argp's help leaks two bytes of its own. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	EXITS(0, "goop-supervisor --version");
	says("goop-supervisor ");
	EXITS(0, "goop-supervisor --help");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		EXITS(0, "goop-supervisor --help");
		says(commands[i]);
		EXITS(0, "goop-supervisor %s --help", commands[i]);
		says("Example");
		EXITS(2, "goop-supervisor %s --no-such-option", commands[i]);
		EXITS(2, "goop-supervisor %s a b c d", commands[i]);
	}
	EXITS(2, "goop-supervisor");
	EXITS(2, "goop-supervisor statsu peer");
	says("the nearest is status");
	EXITS(2, "goop-supervisor frob");
	says("there is no command frob\n");
	EXITS(2, "goop-supervisor init");
	EXITS(2, "goop-supervisor restart");
	EXITS(1, "goop-supervisor status nowhere");
	says("nowhere: No such file or directory");
	EXITS(3, "goop-supervisor status bin");
	says("is not a peer folder");
	EXITS(78, "goop-supervisor start bin");
	says("goop-supervisor init bin");
	unsetenv("ASAN_OPTIONS");
}

/* What programs read of the commands that show little. */
static void json_beside_every_output(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor init --json peer4 | jq -c .");
	assert_string_equal(output, "{\"folder\":\"peer4\",\"label\":\"peer4\"}\n");
	EXITS(0, "goop-supervisor check --json peer4 | jq -c .");
	assert_string_equal(output, "{\"good\":true,\"given\":2,\"notes\":[]}\n");
	EXITS(78, "echo '{\"p2p\":5}' > peer4/goop.json; goop-supervisor check --json peer4");
	says("\"good\": false");
	says("peer4/goop.json:1:2: error: p2p is 5");
	EXITS(0,
	    "goop-supervisor start --daemon peer; goop-supervisor id --json peer | jq -r .peer_id");
	says("12D3KooWFake");
	EXITS(0, "goop-supervisor restart --json peer db | jq -r '.ok, .service'");
	assert_string_equal(output, "true\nsvc-db\n");
	EXITS(0,
	    "goop-supervisor logs --json peer supervisor | jq -r 'select(.level == \"info\").text' "
	    "| grep -cx 'svc-db is restarted by hand'");
	EXITS(0, "goop-supervisor stop --json peer | jq -c .ok");
	assert_string_equal(output, "true\n");
	EXITS(0, "touch peer/data/identity.key; goop-supervisor id --json peer | jq -r .peer_id");
	says("12D3KooWFake");
}

static void colours_on_a_terminal_only(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "TERM=xterm script -qec 'goop-supervisor status peer' /dev/null");
	says("\033[32mup\033[0m");
	EXITS(0, "NO_COLOR=1 TERM=xterm script -qec 'goop-supervisor status peer' /dev/null");
	assert_null(strchr(output, '\033'));
	EXITS(0, "goop-supervisor status peer");
	assert_null(strchr(output, '\033'));
}

static void init_makes_a_folder_that_is_good(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor init fresh --label 'A \"quoted\" näme' --port 9000");
	EXITS(0, "jq -r .profile.label fresh/goop.json");
	assert_string_equal(output, "A \"quoted\" näme\n");
	EXITS(0, "jq -r .viewer.http_addr fresh/goop.json");
	assert_string_equal(output, "127.0.0.1:9000\n");
	EXITS(0, "goop-supervisor check fresh");
	says("fresh/goop.json is good; it sets 2 of the settings");
	EXITS(0, "grep -c 'A \"quoted\" näme</' fresh/site/index.html");
	assert_string_equal(output, "2\n");
	EXITS(0, "goop-supervisor init angle --label '<b>&' && grep -c '&lt;b&gt;&amp;</' "
		 "angle/site/index.html");
	EXITS(0, "cmp fresh/site/guestbook.js peer/site/guestbook.js; tail -n 1 "
		 "fresh/site/index.html");
	assert_string_equal(output, "</html>\n");
	EXITS(1, "goop-supervisor init fresh");
	says("is a peer folder already");
	EXITS(1, "goop-supervisor init bad --label \"$(printf 'a\\nb')\"");
	says("profile.label");
	EXITS(0,
	    "mkdir -p kept/site; echo mine > kept/site/index.html; goop-supervisor init kept; cat "
	    "kept/site/index.html");
	says("mine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(wild_words_are_tamed),
	    STORY(wild_last_words_do_not_spoil_the_status),
	    STORY(logs_turn_over),
	    STORY(logs_can_be_followed),
	    STORY(the_id_is_known_while_stopped),
	    STORY(usage),
	    STORY(json_beside_every_output),
	    STORY(colours_on_a_terminal_only),
	    STORY(init_makes_a_folder_that_is_good),
	};

	return cmocka_run_group_tests_name("supervisor, words", tests, NULL, NULL);
}
