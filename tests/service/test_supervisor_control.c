/* The control socket of goop-supervisor and what is asked through it: garbage and crowds, reports,
 * traces. */

#include "tests/service/house.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the control socket ----------------------------------------------------------------------- */

static void garbage_costs_that_client_only(void **unused)
{
	static const char *const garbage[] = {"\n", "x\n", "{}\n", "[1]\n", "{\"ask\":5}\n",
	    "{\"ask\":\"restart\"}\n", "{\"ask\":\"restart\",\"service\":{}}\n",
	    "{\"ask\":\"report\"}\n", "{\"ask\":\"report\",\"what\":\"\"}\n", "\xff\xfe\xfd\n",
	    "{\"ask\":\"status\"\n", "{\"ask\":\"\\u0000\"}\n"};
	char answer[65536], *big = malloc(100000);

	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		exchange(garbage[i], strlen(garbage[i]), answer, sizeof(answer));
		assert_non_null(strstr(answer, "\"ok\":false"));
		assert_non_null(strstr(answer, "\"status\":2"));
	}
	memset(big, 'a', 100000);
	exchange(big, 100000, answer, sizeof(answer));
	assert_true(answer[0] == '\0' || strstr(answer, "longer than 4096") != NULL);
	for (int i = 0; i < 100; i++) {
		for (size_t j = 0; j < 4000; j++)
			big[j] = (char)rand();
		big[4000] = '\n';
		exchange(big, 4001, answer, sizeof(answer));
	}
	exchange("{\"ask\":\"status\"}\n{\"ask\":\"stop\"}\n", 33, answer, sizeof(answer));
	assert_non_null(strstr(answer, "\"state\":\"running\""));
	free(big);
	EXITS(0, "goop-supervisor status peer");
	EXITS(0, FIELD("viewer", ".restarts"));
	assert_string_equal(output, "0\n");
}

static void a_thousand_clients_do_not_keep_an_honest_one_out(void **unused)
{
	int fds[1000];
	long before, after;

	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "ls /proc/$(cat peer/run/pid)/fd | wc -l");
	before = atol(output);
	for (int i = 0; i < 1000; i++) {
		fds[i] = dial();
		if (i % 2 == 0)
			(void)!send(fds[i], "{\"ask\":", 7, MSG_NOSIGNAL);
	}
	EXITS(0, "goop-supervisor status peer");
	EXITS(0, "ls /proc/$(cat peer/run/pid)/fd | wc -l");
	after = atol(output);
	assert_true(after <= before + 34);
	for (int i = 0; i < 1000; i++)
		close(fds[i]);
	EXITS(0, "goop-supervisor stop peer");
}

/* Asks and never reads: answers wait in that client's own bounded queue. */
static void clients_that_do_not_read_hold_nobody_up(void **unused)
{
	int fds[40];

	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	for (int i = 0; i < 40; i++) {
		int small = 1;

		fds[i] = dial();
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		(void)!send(fds[i], "{\"ask\":\"status\"}\n", 17, MSG_NOSIGNAL);
	}
	EXITS(0, "goop-supervisor status peer");
	EXITS(0, "goop-supervisor restart peer db");
	for (int i = 0; i < 40; i++)
		close(fds[i]);
}

static void another_user_has_no_say(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer; chmod 755 . bin peer peer/run; chmod 666 "
		 "peer/run/control.sock");
	EXITS(
	    1, "setpriv --reuid 65534 --regid 65534 --clear-groups bin/goop-supervisor stop peer");
	says("hung up");
	EXITS(0, "goop-supervisor status peer");
	EXITS(0, "grep 'user 65534 .* has no say here' peer/log/supervisor.log");
}

/* A descriptor that the shell had open must not stay open in the background. */
static void the_background_holds_nothing_of_its_starter(void **unused)
{
	(void)unused;
	EXITS(0, "exec 7> held; goop-supervisor start --daemon peer | cat");
	EXITS(1, "ls -l /proc/$(cat peer/run/pid)/fd | grep -E 'held|tty|pts'");
	EXITS(0, "readlink /proc/$(cat peer/run/pid)/fd/0 /proc/$(cat peer/run/pid)/fd/1");
	assert_string_equal(output, "/dev/null\n/dev/null\n");
	EXITS(0, "test $(ps -o sid= -p $(cat peer/run/pid)) = $(cat peer/run/pid)");
}

static void reports(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor peers --json peer | jq -r '.[0].label' | tr -d '\\033'");
	assert_string_equal(output, "Bob[31m\n");
	EXITS(0, "goop-supervisor peers peer");
	says("Bob?[31m");
	EXITS(0, "goop-supervisor links --json peer | jq -r 'keys | join(\" \")'");
	assert_string_equal(output, "svc-db svc-discovery svc-transport svc-viewer\n");
	behave("discovery", "bad-report");
	behave("db", "silent");
	EXITS(0, "goop-supervisor restart peer db; goop-supervisor restart peer discovery");
	EXITS(1, "goop-supervisor peers peer");
	says("svc-discovery did not answer");
	EXITS(0, "goop-supervisor streams --json peer | jq -c '[.[] | type]'");
	says("null");
	EXITS(0, "goop-supervisor streams --json peer | jq -r '.[\"svc-db\"], (.[\"svc-viewer\"] | "
		 "length)'");
	assert_string_equal(output, "null\n1\n");
}

static void status_again_and_again(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor status --watch peer > watched 2> complaint & echo $! > watcher");
	until("test $(grep -c '^peer is running' watched) = 3");
	EXITS(0, "grep 'viewer  *up' watched | tail -n 1");
	says(" % ");
	EXITS(0, "goop-supervisor stop peer");
	until("grep 'is not running' complaint");
	assert_null(strchr(output, '\033'));
	EXITS(0, "goop-supervisor start --daemon peer > out; goop-supervisor status --watch --json "
		 "peer | "
		 "head -n 2 | jq -r .state");
	assert_string_equal(output, "running\nrunning\n");
}

/* --- trace ------------------------------------------------------------------------------------ */

static void a_trace_shows_messages_and_ends_with_its_reader(void **unused)
{
	(void)unused;
	behave("viewer", "chatty");
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor trace peer viewer > traced 2>&1 & echo $! > tracer");
	until("grep -q 'svc-viewer TRACE_SET on' peer/fake/trace");
	until("test $(wc -l < traced) = 3");
	EXITS(0, "cat traced");
	assert_string_equal(output,
	    "00:00:00.000  to   svc-transport  STREAM_OPEN        100 bytes\n"
	    "00:00:00.000  from svc-db         STREAM_DATA        101 bytes\n"
	    "00:00:00.000  to   svc-transport  STREAM_OPEN        102 bytes\n");
	EXITS(0, "kill -KILL %ld", field("viewer", "pid"));
	until("test $(grep -c 'TRACE_SET on' peer/fake/trace) = 2");
	until("grep -q '... a new process' traced");
	EXITS(0, "grep 'ended: killed by SIGKILL' traced && grep -c '... 5 more' traced");
	EXITS(0, "kill $(cat tracer)");
	until("tail -n 1 peer/fake/trace | grep 'svc-viewer TRACE_SET off'");

	EXITS(0, "goop-supervisor trace peer viewer db --json > traced 2>&1 & echo $! > tracer");
	until("test $(wc -l < traced) = 1");
	EXITS(0, "jq -c . traced; kill $(cat tracer)");
	assert_string_equal(output,
	    "{\"time\":\"1970-01-01T00:00:00.000Z\",\"dir\":\"in\",\"peer\":"
	    "\"svc-db\",\"message\":\"STREAM_DATA\",\"bytes\":101}\n");
	EXITS(2, "goop-supervisor trace peer viewer nonsense");
	says("there is no message whose name begins with nonsense");
	EXITS(2, "goop-supervisor trace peer nobody");
	EXITS(3, "goop-supervisor stop peer > out; goop-supervisor trace peer viewer");
}

/* A sanitizer gives no memory back. */
#ifdef __SANITIZE_ADDRESS__
#define FREED_KEPT (256 * 1024 * 1024)
#else
#define FREED_KEPT 0
#endif

static void a_trace_that_nobody_reads_costs_little(void **unused)
{
	static const char ask[] = "{\"ask\":\"trace\",\"service\":\"viewer\"}\n";
	static const char memory[] = "goop-supervisor status --json peer | jq .memory_bytes";
	char answer[4096];
	int fds[9];
	long before;

	(void)unused;
	behave("viewer", "flood");
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, memory);
	before = atol(output);
	for (int i = 0; i < 8; i++) {
		fds[i] = dial();
		assert_int_equal(send(fds[i], ask, sizeof(ask) - 1, 0), sizeof(ask) - 1);
	}
	until("test $(grep -c 'svc-viewer TRACE_SET on' peer/fake/trace) = 8");
	exchange(ask, sizeof(ask) - 1, answer, sizeof(answer));
	assert_non_null(strstr(answer, "8 look on already"));
	/* Eight times 256 KiB, and what the allocator keeps. */
	EXITS(0, memory);
	if (atol(output) > before + 6000000 + FREED_KEPT)
		fail_msg("%ld bytes became %s", before, output);
	EXITS(0, FIELD("viewer", ".state"));
	assert_string_equal(output, "up\n");
	EXITS(0, "goop-supervisor restart peer db");
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	until("tail -n 1 peer/fake/trace | grep 'svc-viewer TRACE_SET off'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(garbage_costs_that_client_only),
	    STORY(a_thousand_clients_do_not_keep_an_honest_one_out),
	    STORY(clients_that_do_not_read_hold_nobody_up),
	    STORY(another_user_has_no_say),
	    STORY(the_background_holds_nothing_of_its_starter),
	    STORY(reports),
	    STORY(status_again_and_again),
	    STORY(a_trace_shows_messages_and_ends_with_its_reader),
	    STORY(a_trace_that_nobody_reads_costs_little),
	};

	return cmocka_run_group_tests_name("supervisor, control", tests, NULL, NULL);
}
