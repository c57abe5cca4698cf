/* What goop-supervisor makes of services that fail: that do not start, do not answer, do not stop,
 * die again and again. */

#include "tests/service/house.h"

#include <stdlib.h>

static void bad_configuration_fails_the_start(void **unused)
{
	(void)unused;
	behave("viewer", "exit=78");
	EXITS(1, "goop-supervisor start --daemon peer");
	says("cannot start peer: svc-viewer: exit 78 (configuration): http: viewer.http_addr is in "
	     "use (set in peer/goop.json:6:5)\n");
	EXITS(3, "goop-supervisor status peer");
	EXITS(1, "pgrep -f '%s/[b]in/svc-'", base);
	EXITS(1, "timeout 20 goop-supervisor start peer");
	says("viewer.http_addr is in use");
	EXITS(0, "grep -c BORN peer/fake/trace");
	assert_string_equal(output, "8\n"); /* two starts, each service once */
}

static void a_missing_program_fails_the_start(void **unused)
{
	(void)unused;
	EXITS(0, "rm bin/svc-db");
	EXITS(1, "goop-supervisor start --daemon peer");
	says("svc-db: there is no program to run: neither ");
	says("/bin/svc-db nor ");
	says("/libexec/goop/svc-db");
	EXITS(0, "mkdir -p libexec/goop; cp bin/svc-viewer libexec/goop/svc-db");
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor stop peer; rm -r libexec; echo '#!/nonexistent/interpreter' > "
		 "bin/svc-db; chmod +x bin/svc-db");
	EXITS(1, "goop-supervisor start --daemon peer");
	says("exit 127 (could not be run): ");
	says("No such file or directory");
}

static void held_after_six_deaths_while_the_others_run_on(void **unused)
{
	long transport;

	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	transport = field("transport", "pid");
	behave("viewer", "ready-exit=3");
	EXITS(0, "kill -KILL %ld", field("viewer", "pid"));
	until(FIELD("viewer", ".state") " | grep -q failed");
	EXITS(0, FIELD("viewer", ".reason"));
	assert_string_equal(output, "6 deaths within a minute, the last: exit 3\n");
	EXITS(0, FIELD("viewer", "[.deaths[].was_ready] | map(select(.)) | length"));
	assert_string_equal(output, "6\n");
	EXITS(0, "goop-supervisor status peer");
	says("failed");
	says("6 deaths within a minute");
	assert_int_equal(field("transport", "pid"), transport);
	EXITS(0, FIELD("db", ".state"));
	assert_string_equal(output, "up\n");

	behave("viewer", "exit=78");
	EXITS(1, "goop-supervisor restart peer viewer");
	says("svc-viewer: exit 78 (configuration): http: viewer.http_addr is in use");
	behave("viewer", "");
	EXITS(0, "goop-supervisor restart peer viewer");
	says("svc-viewer is ready again after ");
	EXITS(0, FIELD("viewer", ".state"));
	assert_string_equal(output, "up\n");
}

/* What takes its time, side by side: never ready, deaf, dying before READY. */
static void slow_failures(void **unused)
{
	(void)unused;
	EXITS(0, "for p in peer2 peer3; do cp -r peer $p; done");
	/* The foreground: others start and run on when one is held for dying early. */
	EXITS(0,
	    "mkdir -p peer2/fake; echo exit=1 > peer2/fake/svc-db; setsid goop-supervisor start "
	    "peer2 > out2 2>&1 &");
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor start --daemon peer3");
	behave("viewer", "deaf");
	EXITS(0, "echo never-ready > peer3/fake/svc-db");
	EXITS(0, "kill -KILL %ld", field("viewer", "pid"));
	EXITS(0, "kill -KILL $(goop-supervisor status --json peer3 | jq '.services[2].pid')");
	until("goop-supervisor status --json peer2 | jq -r '.services[2].state' | grep -q backoff");
	EXITS(0, "goop-supervisor status peer2");
	says("starting");
	says("backoff");
	says("starts again in ");

	until(FIELD("viewer", ".last_death") " | grep -qx 'did not answer for 5 s'");
	until(
	    "goop-supervisor status --json peer3 | jq -r '.services[2].last_death' | grep -qx 'was "
	    "not ready within 10 s'");
	until("goop-supervisor status --json peer2 | jq -r '.services[2].state' | grep -q failed");
	until("goop-supervisor status --json peer2 | jq -r '.services[3].state' | grep -q up");
	/* 0.5 + 1 + 2 + 4 + 8 s between six deaths. */
	EXITS(0, "goop-supervisor status --json peer2 | jq -r '.services[2].deaths | "
		 "(.[0].ago_ms - .[5].ago_ms) * -1 >= 15500'");
	assert_string_equal(output, "true\n");
	EXITS(0, "cat out2");
	says("died: exit 1: http: viewer.http_addr is in use; next start in 0.5 s");
	says("next start in 8.0 s");
	says("svc-viewer     ready in ");
}

/* What it was doing is in its log. */
static void a_stuck_service_says_where(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	behave("viewer", "stuck");
	EXITS(0, "kill -KILL %ld", field("viewer", "pid"));
	until(FIELD("viewer", ".last_death") " | grep -qx 'did not answer for 5 s'");
	EXITS(0, "cat peer/log/svc-viewer.log");
	says("died of SIGABRT while handling PULSE from goop-supervisor");
	says("svc-viewer(");
}

/* So does one that somebody has stopped: it hears nothing until it goes on. */
static void a_stopped_service_says_where(void **unused)
{
	(void)unused;
	behave("db", "tells");
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "kill -STOP %ld", field("db", "pid"));
	until(FIELD("db", ".last_death") " | grep -qx 'did not answer for 5 s'");
	EXITS(0, "cat peer/log/svc-db.log");
	says("died of SIGABRT");
}

static void going_to_the_background_needs_all_ready(void **unused)
{
	(void)unused;
	behave("discovery", "segv");
	EXITS(1, "goop-supervisor start --daemon peer");
	says("6 deaths within a minute, the last: killed by SIGSEGV");
	EXITS(3, "goop-supervisor status peer");
}

static void a_service_that_says_senseless_things_runs_on(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	behave("discovery", "garbage");
	EXITS(0, "goop-supervisor restart peer discovery");
	EXITS(0, FIELD("discovery", ".state"));
	assert_string_equal(output, "up\n");
	EXITS(0, "grep -c 'bad message' peer/log/supervisor.log");
	assert_true(atoi(output) < 20);
}

static void a_service_that_closes_its_channel_is_killed(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	behave("viewer", "closes");
	EXITS(0, "kill -KILL %ld", field("viewer", "pid"));
	until(FIELD("viewer", ".last_death") " | grep -qx 'closed its channel to the supervisor'");
}

static void a_service_that_does_not_stop_is_killed(void **unused)
{
	long pid;

	(void)unused;
	behave("db", "stubborn");
	EXITS(0, "goop-supervisor start --daemon peer");
	pid = field("db", "pid");
	EXITS(0, "goop-supervisor stop peer");
	assert_false(alive(pid));
	EXITS(0, "grep 'svc-db did not stop when asked and was killed' peer/log/supervisor.log");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(bad_configuration_fails_the_start),
	    STORY(a_missing_program_fails_the_start),
	    STORY(held_after_six_deaths_while_the_others_run_on),
	    STORY(slow_failures),
	    STORY(a_stuck_service_says_where),
	    STORY(a_stopped_service_says_where),
	    STORY(going_to_the_background_needs_all_ready),
	    STORY(a_service_that_says_senseless_things_runs_on),
	    STORY(a_service_that_closes_its_channel_is_killed),
	    STORY(a_service_that_does_not_stop_is_killed),
	};

	return cmocka_run_group_tests_name("supervisor, failures", tests, NULL, NULL);
}
