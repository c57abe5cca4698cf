/* `reload` and `upgrade`: services that are restarted one after the other, over services that are
 * played by fake_service. */
#include "tests/service/house.h"

#include <stdlib.h>
#include <string.h>

/* Who was started, in this order, since the trace was removed. */
static void started(const char *want)
{
	EXITS(0, "grep -s START peer/fake/trace | cut -d' ' -f1 | tr '\\n' ' '");
	assert_string_equal(output, want);
}

static void begin_peer(void)
{
	EXITS(0, "echo '{}' > peer/goop.json && goop-supervisor start --daemon peer && rm "
		 "peer/fake/trace");
}

static void reload_restarts_whose_settings_have_changed(void **unused)
{
	(void)unused;
	begin_peer();
	EXITS(0, "goop-supervisor reload peer");
	assert_string_equal(output, "no service has other settings than before\n");
	started("");

	EXITS(0, "echo '{\"profile\":{\"label\":\"anew\"}}' > peer/goop.json; goop-supervisor "
		 "reload peer");
	says("svc-discovery, svc-db, svc-viewer: restarted and ready again after ");
	started("svc-discovery svc-db svc-viewer ");
	EXITS(0, "grep -c 'CONFIG profile.label=anew' peer/fake/trace");
	assert_string_equal(output, "3\n");

	EXITS(0,
	    "rm peer/fake/trace; echo '{\"profile\":{\"label\":\"anew\"},\"viewer\":{\"theme\":"
	    "\"light\"}}' > peer/goop.json; goop-supervisor reload peer --json | jq -c "
	    "'[.ok, .restarted, .unchanged]'");
	assert_string_equal(output, "[true,[\"svc-viewer\"],[\"svc-transport\",\"svc-discovery\","
				    "\"svc-db\"]]\n");
	started("svc-viewer ");
}

/* Whoever was restarted by hand has the new settings already, the others not yet. */
static void reload_after_a_restart_by_hand(void **unused)
{
	(void)unused;
	begin_peer();
	EXITS(0, "echo '{\"profile\":{\"label\":\"anew\"}}' > peer/goop.json; goop-supervisor "
		 "restart peer db");
	EXITS(0, "rm peer/fake/trace; goop-supervisor reload peer");
	started("svc-discovery svc-viewer ");
}

static void a_bad_file_changes_nothing(void **unused)
{
	long viewer;

	(void)unused;
	begin_peer();
	viewer = field("viewer", "pid");
	EXITS(0, "printf '{\"viewer\":{\"themes\":1,\\n\"theme\":\"pink\"}}' > peer/goop.json");
	EXITS(78, "goop-supervisor reload peer");
	says("nothing was reloaded: peer/goop.json:2:1: error: viewer.theme is \"pink\"");
	assert_null(strstr(output, "themes"));
	EXITS(78, "echo '{' > peer/goop.json; goop-supervisor reload peer --json");
	says("peer/goop.json:2:1: error: ");
	/* Other services would run. */
	EXITS(78, "echo '{\"presence\":{\"rendezvous_host\":true}}' > peer/goop.json; "
		  "goop-supervisor reload peer");
	says("svc-rendezvous would come or go");
	EXITS(78, "goop-supervisor restart peer viewer");
	assert_int_equal(field("viewer", "pid"), viewer);
	started("");
	EXITS(3, "goop-supervisor stop peer > /dev/null; goop-supervisor reload peer");
}

static void sighup_reloads(void **unused)
{
	(void)unused;
	begin_peer();
	EXITS(0, "echo '{\"viewer\":{\"theme\":\"light\"}}' > peer/goop.json; kill -HUP $(cat "
		 "peer/run/pid)");
	until("grep -q 'reloaded: 1 of 4 services were restarted' peer/log/supervisor.log");
	started("svc-viewer ");
	EXITS(0, "echo '{' > peer/goop.json; kill -HUP $(cat peer/run/pid)");
	until("grep -q 'not reloaded: peer/goop.json:2:1: error' peer/log/supervisor.log");
	EXITS(0, "goop-supervisor status peer");
	says(" is running");
}

/* While services are being restarted another wish waits, one by hand is refused. */
static void sighup_during_a_reload_counts(void **unused)
{
	(void)unused;
	begin_peer();
	behave("viewer", "slow-ready");
	EXITS(0, "echo '{\"viewer\":{\"theme\":\"light\"}}' > peer/goop.json; goop-supervisor "
		 "reload peer > reloaded 2>&1 & echo $! > reloader");
	until("grep -q 'svc-viewer START' peer/fake/trace");
	EXITS(1, "goop-supervisor reload peer");
	says("a reload is under way already");
	EXITS(1, "goop-supervisor restart peer db");
	behave("viewer", "");
	EXITS(0, "echo '{\"viewer\":{\"theme\":\"dark\"}}' > peer/goop.json; kill -HUP $(cat "
		 "peer/run/pid)");
	until("test $(grep -c 'reloaded: 1 of 4' peer/log/supervisor.log) = 2");
	EXITS(0, "grep theme peer/fake/trace | tail -n 1");
	says("viewer.theme=dark");
}

/* The window that the peer was started in is closed. */
static void a_hangup_of_the_terminal_stops(void **unused)
{
	static const char window[] = "import os, pty, time\n"
				     "pid, fd = pty.fork()\n"
				     "if pid == 0:\n"
				     "  os.execlp('goop-supervisor', 'goop-supervisor', 'start', "
				     "'peer')\n"
				     "seen = b''\n"
				     "while b'Ctrl-C' not in seen: seen += os.read(fd, 1000)\n"
				     "os.close(fd)\n"
				     "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n";

	(void)unused;
	EXITS(0, "cat > window.py <<'END'\n%sEND\npython3 window.py", window);
	assert_string_equal(output, "0\n");
	EXITS(0, "tail -n 1 peer/fake/trace");
	assert_string_equal(output, "svc-transport STOP\n");
}

static void a_reload_that_fails_says_so(void **unused)
{
	(void)unused;
	begin_peer();
	behave("db", "exit=78");
	EXITS(0, "echo '{\"profile\":{\"label\":\"anew\"}}' > peer/goop.json");
	EXITS(1, "goop-supervisor reload peer");
	says("svc-db does not become ready: exit 78 (configuration): http: viewer.http_addr is in "
	     "use (the default, peer/goop.json does not set it); not restarted: svc-viewer");
	EXITS(0, FIELD("db", ".state"));
	assert_string_equal(output, "failed\n");
	/* Mended, the rest follows. */
	behave("db", "");
	EXITS(0, "goop-supervisor reload peer");
	says("svc-viewer: restarted");
	EXITS(0, "goop-supervisor restart peer db");
}

/* --- upgrade ---------------------------------------------------------------------------------- */

/* As a package manager does it: another file takes the name. */
#define REPLACE(service) "cp bin/svc-" service " new && mv new bin/svc-" service

static void upgrade_takes_over_new_programs_in_order(void **unused)
{
	long discovery;

	(void)unused;
	begin_peer();
	EXITS(0, "goop-supervisor upgrade peer");
	assert_string_equal(output, "every process runs the program that is there\n");
	discovery = field("discovery", "pid");
	EXITS(0, REPLACE("viewer") "; " REPLACE("transport") "; " REPLACE("db"));
	EXITS(0, FIELD("viewer", ".outdated"));
	assert_string_equal(output, "true\n");
	EXITS(0, "goop-supervisor upgrade peer");
	says("svc-transport, svc-db, svc-viewer: restarted and ready again after ");
	/* Each is ready before the next one starts. */
	EXITS(0, "grep -E 'START|READY' peer/fake/trace | tr '\\n' ' '");
	assert_string_equal(output, "svc-transport START svc-transport READY svc-db START svc-db "
				    "READY svc-viewer START svc-viewer READY ");
	assert_int_equal(field("discovery", "pid"), discovery);
	EXITS(0, FIELD("viewer", ".outdated"));
	assert_string_equal(output, "false\n");
	EXITS(0, "goop-supervisor upgrade peer --json | jq -c .restarted");
	assert_string_equal(output, "[]\n");
}

/* The one that fails gets its old program back, also for deaths to come, and the next ones are not
 * touched. */
static void a_bad_program_is_taken_back(void **unused)
{
	long viewer;

	(void)unused;
	begin_peer();
	viewer = field("viewer", "pid");
	EXITS(0, REPLACE("transport") "; printf '#!/bin/sh\\necho worse >&2; exit 3\\n' > new; "
				      "chmod +x new; mv new bin/svc-db; " REPLACE("viewer"));
	EXITS(1, "goop-supervisor upgrade peer");
	says("the new svc-db does not become ready: exit 3: worse; the old one runs again; not "
	     "restarted: svc-viewer");
	assert_int_equal(field("viewer", "pid"), viewer);
	EXITS(0, FIELD("db", ".state"));
	assert_string_equal(output, "up\n");
	EXITS(0, "ps -o args= -p %ld", field("db", "pid"));
	assert_string_equal(output, "svc-db\n");
	EXITS(0, "kill -KILL %ld", field("db", "pid"));
	until(FIELD("db", ".restarts") " | grep -qx 3");
	until(FIELD("db", ".state") " | grep -qx up");
	/* A restart by hand wants the one that is there. */
	EXITS(0, "cp bin/svc-viewer new; mv new bin/svc-db; goop-supervisor restart peer db");
	EXITS(0, "ps -o args= -p %ld", field("db", "pid"));
	says("/bin/svc-db\n");
}

static void a_program_that_is_gone_is_taken_back(void **unused)
{
	(void)unused;
	begin_peer();
	EXITS(0, "mv bin/svc-viewer gone");
	EXITS(1, "goop-supervisor upgrade peer");
	says("the new svc-viewer does not become ready: there is no program to run: neither ");
	says("; the old one runs again");
	EXITS(0, FIELD("viewer", ".state"));
	assert_string_equal(output, "up\n");
}

static void stopping_ends_an_upgrade(void **unused)
{
	(void)unused;
	begin_peer();
	behave("transport", "never-ready");
	EXITS(0, REPLACE("transport") "; (goop-supervisor upgrade peer; echo status $?) > upgraded "
				      "2>&1 &");
	until("grep -q 'svc-transport START' peer/fake/trace");
	EXITS(0, "goop-supervisor stop peer");
	until("grep -q 'status 1' upgraded");
	EXITS(0, "cat upgraded");
	says("the peer is stopping");
}

/* --- the supervisor itself -------------------------------------------------------------------- */

#define NEW_SUPERVISOR "cp bin/goop-supervisor new && mv new bin/goop-supervisor"

/* The same process, the same children, another program: nobody is started, nobody is forgotten. */
static void a_new_supervisor_takes_over(void **unused)
{
	static const char what[] =
	    "goop-supervisor status --json peer | jq -c '[.pid, (.services[] | "
	    "[.name, .pid, .generation, .restarts, .last_death, .facts])]'";
	char *before;
	long viewer;

	(void)unused;
	begin_peer();
	EXITS(0, "kill -KILL %ld", field("viewer", "pid"));
	until(FIELD("viewer", ".state") " | grep -qx up");
	viewer = field("viewer", "pid");
	EXITS(0, what);
	before = strdup(output);
	EXITS(0, NEW_SUPERVISOR
	    "; rm peer/fake/trace; goop-supervisor status --json peer | jq .outdated");
	assert_string_equal(output, "true\n");
	EXITS(0, "readlink /proc/$(cat peer/run/pid)/exe | grep deleted");
	EXITS(0, "goop-supervisor upgrade peer");
	says("goop-supervisor: the new one has taken over, and the services go on\n");
	/* Answered by the new one. */
	EXITS(0, what);
	EXITS(0, "readlink /proc/$(cat peer/run/pid)/exe | grep -v deleted");
	EXITS(0, what);
	assert_string_equal(output, before);
	free(before);
	started("");
	EXITS(0, "goop-supervisor reload peer");
	assert_string_equal(output, "no service has other settings than before\n");
	EXITS(0, "goop-supervisor upgrade peer --json | jq -c '[.restarted, .supervisor]'");
	assert_string_equal(output, "[[],false]\n");
	/* It hears of deaths, keeps the logs, is asked by signals, and holds the folder. */
	EXITS(0, "kill -KILL %ld", viewer);
	until(FIELD("viewer", ".restarts") " | grep -qx 2");
	until(FIELD("viewer", ".state") " | grep -qx up");
	EXITS(0, "kill -HUP $(cat peer/run/pid)");
	until("grep -c 'reloaded: 0 of 4' peer/log/supervisor.log | grep -qx 2");
	EXITS(1, "goop-supervisor start peer");
	says("is already running, pid ");
	EXITS(0, "goop-supervisor stop peer; ls peer/run");
	assert_string_equal(output, "peer has stopped\n");
	EXITS(1, "pgrep -f '%s/[b]in/svc-'", base);
}

/* Again and again, with the watchdog awake and no descriptor more. */
static void supervisors_follow_one_another(void **unused)
{
	(void)unused;
	begin_peer();
	behave("db", "deaf");
	EXITS(
	    0, "goop-supervisor restart peer db; ls /proc/$(cat peer/run/pid)/fd | wc -l > before");
	EXITS(0, "for i in 1 2 3; do " NEW_SUPERVISOR "; goop-supervisor upgrade peer; done");
	/* The new one has everything open once it answers. */
	EXITS(0,
	    "goop-supervisor status peer && ls /proc/$(cat peer/run/pid)/fd | wc -l > after && "
	    "diff before after");
	behave("db", "");
	until(FIELD("db", ".last_death") " | grep -qx 'did not answer for 5 s'");
	until(FIELD("db", ".state") " | grep -qx up");
	EXITS(0, FIELD("viewer", ".restarts"));
	assert_string_equal(output, "0\n");
}

/* Those who look on go on looking; what nobody looks at any more is not told. */
static void who_follows_finds_the_new_supervisor(void **unused)
{
	(void)unused;
	begin_peer();
	behave("viewer", "chatty");
	EXITS(0,
	    "goop-supervisor restart peer viewer; goop-supervisor trace peer viewer > traced "
	    "2> said & echo $! > tracer; goop-supervisor trace peer db > other 2>&1 & echo $! > "
	    "leaver; goop-supervisor logs -f peer supervisor > logged 2>&1 & echo $! > reader");
	until("test $(wc -l < traced) = 3 && grep -q 'svc-db TRACE_SET on' peer/fake/trace");
	EXITS(0, "kill -STOP $(cat leaver); " NEW_SUPERVISOR "; goop-supervisor upgrade peer; kill "
		 "-KILL $(cat leaver)");
	until("test $(wc -l < traced) = 6");
	EXITS(0, "cat said");
	assert_string_equal(
	    output, "goop-supervisor: peer: another supervisor has taken over; connected to it\n");
	until("grep 'svc-db TRACE_SET' peer/fake/trace | tail -n 1 | grep off");
	until("grep 'this is the new supervisor' logged");
	EXITS(0, "goop-supervisor stop peer");
	until("! kill -0 $(cat tracer)");
	EXITS(0, "kill $(cat reader); wc -l < said");
	assert_string_equal(output, "1\n");
}

/* A wish that came in the midst of it is followed by the new one. */
static void sighup_during_an_upgrade_counts(void **unused)
{
	(void)unused;
	begin_peer();
	behave("viewer", "slow-ready");
	EXITS(0,
	    REPLACE("viewer") "; " NEW_SUPERVISOR "; (goop-supervisor upgrade peer; echo status "
			      "$?) > upgraded 2>&1 &");
	until("grep -q 'svc-viewer START' peer/fake/trace");
	EXITS(0, "echo '{\"viewer\":{\"theme\":\"light\"}}' > peer/goop.json; kill -HUP $(cat "
		 "peer/run/pid)");
	behave("viewer", "");
	until("grep -q 'reloaded: 1 of 4' peer/log/supervisor.log");
	EXITS(0, "grep theme peer/fake/trace | tail -n 1; cat upgraded");
	says("viewer.theme=light");
	says("has taken over");
	says("status 0");
}

/* So is one that comes while the new one is tried, which it does not spoil. */
static void sighup_during_the_trial_counts(void **unused)
{
	(void)unused;
	begin_peer();
	EXITS(0,
	    "cp bin/goop-supervisor bin/good; printf '#!/bin/sh\n[ $1 = --succeed ] || kill -HUP "
	    "$PPID\nexec bin/good \"$@\"\n' | sed \"s|bin/good|$PWD/bin/good|\" > new; "
	    "chmod +x new; mv new bin/goop-supervisor");
	EXITS(0, "bin/good upgrade peer");
	says("has taken over");
	until("grep -q 'reloaded: 0 of 4' peer/log/supervisor.log");
}

/* One that does not understand what it is told, or is none, is not let in. */
static void a_bad_supervisor_is_not_let_in(void **unused)
{
	long viewer;

	(void)unused;
	begin_peer();
	viewer = field("viewer", "pid");
	EXITS(0,
	    "cp bin/goop-supervisor good; printf '#!/bin/sh\nexit 1\n' > new; chmod +x new; mv "
	    "new bin/goop-supervisor");
	EXITS(1, "./good upgrade peer");
	says("every service runs the program that is there; the supervisor goes on with its old "
	     "one: ");
	says("/bin/goop-supervisor cannot take over; stop, and start again");
	EXITS(0, "cp good new; mv new bin/goop-supervisor");
	EXITS(1, "cp peer/goop.json keep; echo '{' > peer/goop.json; goop-supervisor upgrade peer");
	says("goop.json:2:1: error");
	assert_int_equal(field("viewer", "pid"), viewer);
	EXITS(0, "mv keep peer/goop.json; goop-supervisor upgrade peer");
	says("has taken over");
	assert_int_equal(field("viewer", "pid"), viewer);
	/* What another form of handing over means is not guessed. */
	EXITS(1, "echo '{\"version\":1}' > old; bin/goop-supervisor --try-to-succeed 9 9<old");
	says("hands over in form 1, this one, ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(reload_restarts_whose_settings_have_changed),
	    STORY(reload_after_a_restart_by_hand),
	    STORY(a_bad_file_changes_nothing),
	    STORY(sighup_reloads),
	    STORY(sighup_during_a_reload_counts),
	    STORY(a_hangup_of_the_terminal_stops),
	    STORY(a_reload_that_fails_says_so),
	    STORY(upgrade_takes_over_new_programs_in_order),
	    STORY(a_bad_program_is_taken_back),
	    STORY(a_program_that_is_gone_is_taken_back),
	    STORY(stopping_ends_an_upgrade),
	    STORY(a_new_supervisor_takes_over),
	    STORY(supervisors_follow_one_another),
	    STORY(who_follows_finds_the_new_supervisor),
	    STORY(sighup_during_an_upgrade_counts),
	    STORY(sighup_during_the_trial_counts),
	    STORY(a_bad_supervisor_is_not_let_in),
	};

	return cmocka_run_group_tests_name("supervisor_rounds", tests, NULL, NULL);
}
