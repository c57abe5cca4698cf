/* goop-supervisor, the real program, over services that are played by fake_service. Each test has a
 * folder of its own: house.h. */

#include "tests/service/house.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- start, stop, what services see ----------------------------------------------------------- */

static void starts_level_by_level_and_stops_in_reverse(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	says("svc-viewer     ready in ");
	says("viewer  http://127.0.0.1:8080\n");
	says("peer    12D3KooWFake");
	EXITS(0, "goop-supervisor stop peer");
	EXITS(0, "grep -E 'START|READY|STOP' peer/fake/trace | tr '\\n' ' ' | sed "
		 "'s/svc-discovery/middle/g; s/svc-db/middle/g'");
	says("svc-transport START svc-transport READY ");
	says("middle READY svc-viewer START svc-viewer READY svc-viewer STOP middle STOP middle "
	     "STOP svc-transport STOP");
	EXITS(3, "goop-supervisor status peer");
	EXITS(3, "goop-supervisor stop peer");
	EXITS(2, "ls peer/run/pid");
}

static void services_get_what_is_theirs_and_no_more(void **unused)
{
	(void)unused;
	EXITS(0, "exec 9</etc/passwd; http_proxy=secret goop-supervisor start --daemon peer");
	EXITS(0, "grep BORN peer/fake/trace | grep -v svc-discovery | cut -d' ' -f4- | sort -u");
	assert_string_equal(output, "extra-descriptors=0 leader=1 blocked=0 secret=\n");
	/* It alone dials out by HTTP. */
	EXITS(0, "grep BORN peer/fake/trace | grep svc-discovery | cut -d' ' -f4-");
	assert_string_equal(output, "extra-descriptors=0 leader=1 blocked=0 secret=secret\n");
	EXITS(1, "grep svc-rendezvous peer/fake/trace");
	EXITS(0,
	    "grep 'svc-transport CONFIG' peer/fake/trace | cut -d' ' -f3- | sort | tr '\\n' ' '");
	assert_string_equal(output, "generation=1 identity.key_file=data/identity.key "
				    "p2p.listen_port=0 viewer.debug=false walls=may 321 ");
	EXITS(1, "grep -E 'svc-(db|viewer|discovery) CONFIG identity' peer/fake/trace");
}

static void a_host_runs_five_services_and_joins_its_own_server(void **unused)
{
	(void)unused;
	EXITS(0, "echo '{\"presence\":{\"rendezvous_host\":true,\"rendezvous_port\":9999}}' > "
		 "peer/goop.json; goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor status --json peer | jq -r '.mode, (.services | length)'");
	assert_string_equal(output, "host\n5\n");
	EXITS(0, "grep 'svc-discovery CONFIG rendezvous.own_url' peer/fake/trace");
	says("=http://127.0.0.1:9999\n");
	EXITS(0, "grep 'CONFIG presence.rendezvous_port' peer/fake/trace");
	assert_string_equal(output, "svc-rendezvous CONFIG presence.rendezvous_port=9999\n");
	EXITS(1, "grep -E 'svc-(db|viewer|discovery|transport) CONFIG presence.admin' "
		 "peer/fake/trace");
	EXITS(0, "goop-supervisor restart peer rendezvous");
}

static void a_rendezvous_server_alone(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor rendezvous --daemon missing");
	EXITS(0, "cut -d' ' -f1 missing/fake/trace | sort -u");
	assert_string_equal(output, "svc-rendezvous\n");
	EXITS(0, "goop-supervisor status --json missing | jq -r '.mode, .label'");
	assert_string_equal(output, "rendezvous\nrendezvous server\n");
	EXITS(2, "goop-supervisor restart missing viewer");
	says("svc-viewer does not run in mode rendezvous");
	EXITS(0, "goop-supervisor stop missing; goop-supervisor check missing");
	/* What was made is a server for good, and shows its settings when that is wanted. */
	EXITS(0,
	    "rm missing/fake/trace; jq '.viewer.http_addr = \"127.0.0.1:0\"' missing/goop.json > "
	    "new; mv new missing/goop.json; goop-supervisor start --daemon missing");
	EXITS(0, "cut -d' ' -f1 missing/fake/trace | sort -u; goop-supervisor stop missing");
	assert_string_equal(output, "svc-rendezvous\nsvc-viewer\nmissing has stopped\n");
	/* The folder of a peer is used as it is, one of somebody else is left alone. */
	EXITS(0, "goop-supervisor rendezvous --daemon peer; cut -d' ' -f1 peer/fake/trace | sort "
		 "-u; goop-supervisor stop peer");
	says("svc-rendezvous\nsvc-viewer\n");
	EXITS(78, "mkdir other; touch other/file; goop-supervisor rendezvous other");
	EXITS(2, "ls other/goop.json");
}

/* A service manager, played by Python. */
static void readiness_and_a_socket_of_the_service_manager(void **unused)
{
	static const char manager[] =
	    "import os, signal, socket\n"
	    "n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
	    "n.bind('notify')\n"
	    "n.settimeout(40)\n"
	    "s = socket.create_server(('127.0.0.1', 0))\n"
	    "pid = os.fork()\n"
	    "if pid == 0:\n"
	    "  os.dup2(s.fileno(), 3)\n"
	    "  os.environ['LISTEN_PID'] = str(os.getpid())\n"
	    "  os.environ['LISTEN_FDS'] = '1'\n"
	    "  os.environ['NOTIFY_SOCKET'] = os.path.abspath('notify')\n"
	    "  os.execlp('goop-supervisor', 'goop-supervisor', 'rendezvous', 'server')\n"
	    "def hear(): print(n.recv(500).decode().replace(chr(10), ' '), flush=True)\n"
	    "hear()\n"
	    "hear()\n"
	    "os.kill(pid, signal.SIGTERM)\n"
	    "hear()\n"
	    "os.waitpid(pid, 0)\n";

	(void)unused;
	EXITS(0, "cat > manager.py <<'END'\n%sEND\npython3 manager.py | grep =", manager);
	assert_string_equal(output, "READY=1\nSTATUS=1 of 1 services are up\n"
				    "STOPPING=1 STATUS=stopping\n");
	EXITS(0, "grep -o 'extra-descriptors=1' server/fake/trace; grep -o "
		 "'rendezvous.listen_fd=4' server/fake/trace");
}

/* The tokens that both ends of each link were told last. */
static void both_ends_of_a_link_get_one_token(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	until("test $(grep -c LINK_SET peer/fake/trace) = 12");
	/* Each of the six tokens stands twice, at two services. */
	EXITS(0, "grep LINK_SET peer/fake/trace | awk '{print $5}' | sort | uniq -c | awk '{print "
		 "$1}' | tr '\\n' ' '");
	assert_string_equal(output, "2 2 2 2 2 2 ");
	EXITS(0, "grep LINK_SET peer/fake/trace | awk '{print $5, ($1 < $3) ? $1 $3 : $3 $1}' | "
		 "sort -u | wc -l");
	assert_string_equal(output, "6\n");
}

static void a_death_is_told_and_leads_to_new_tokens(void **unused)
{
	long old, transport, discovery, db;

	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	old = field("viewer", "pid");
	transport = field("transport", "pid");
	discovery = field("discovery", "pid");
	db = field("db", "pid");
	EXITS(0, "rm peer/fake/trace; kill -TERM %ld", old);
	until(FIELD("viewer", ".restarts") " | grep -q 1");
	until("test $(grep -c LINK_SET peer/fake/trace) = 6");
	until(FIELD("viewer", ".state") " | grep -q up");
	EXITS(0, "grep LINK_DOWN peer/fake/trace | sort");
	assert_string_equal(output, "svc-db LINK_DOWN svc-viewer 4 killed by SIGTERM\n"
				    "svc-discovery LINK_DOWN svc-viewer 4 killed by SIGTERM\n"
				    "svc-transport LINK_DOWN svc-viewer 4 killed by SIGTERM\n");
	EXITS(0, "grep -c 'LINK_SET svc-viewer 5' peer/fake/trace");
	assert_string_equal(output, "3\n");
	assert_int_not_equal(field("viewer", "pid"), old);
	assert_int_equal(field("transport", "pid"), transport);
	assert_int_equal(field("discovery", "pid"), discovery);
	assert_int_equal(field("db", "pid"), db);
	EXITS(0, FIELD("viewer", ".last_death"));
	assert_string_equal(output, "killed by SIGTERM\n");
	EXITS(0, "goop-supervisor status peer");
	says(" ago: killed by SIGTERM");
}

/* What it said last would make a reason that grows from death to death, as it tells of others. */
static void last_words_are_a_reason_only_when_they_are_its_own(void **unused)
{
	(void)unused;
	behave("viewer", "wild");
	EXITS(0, "goop-supervisor start --daemon peer");
	until("grep -q 'conn: proper' peer/log/svc-viewer.log");
	EXITS(0, "kill -KILL %ld", field("viewer", "pid"));
	until(FIELD("viewer", ".last_death") " | grep -qx 'killed by SIGKILL'");
}

static void a_second_start_is_refused_with_the_pid(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(1, "goop-supervisor start peer");
	says("is already running, pid ");
	EXITS(0, "goop-supervisor start --daemon peer 2>&1 | grep \"pid $(cat peer/run/pid)\"; "
		 "goop-supervisor "
		 "start peer 2>&1 | grep \"pid $(cat peer/run/pid)\"");
	EXITS(1, "goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor status peer");
}

static void ctrl_c_stops_the_foreground_in_order(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start peer > out 2>&1 & p=$!\n"
		 "until grep -q 'Ctrl-C' out; do sleep 0.02; done\n"
		 "kill -INT $p; wait $p");
	EXITS(0, "cat out");
	says("stopping");
	EXITS(0, "tail -n 1 peer/fake/trace");
	assert_string_equal(output, "svc-transport STOP\n");
}

static void ctrl_c_twice_ends_all_for_good(void **unused)
{
	(void)unused;
	behave("viewer", "stubborn");
	EXITS(0, "goop-supervisor start peer > out 2>&1 & p=$!\n"
		 "until grep -q 'Ctrl-C' out; do sleep 0.02; done\n"
		 "kill -INT $p; until grep -q STOP peer/fake/trace; do sleep 0.02; done\n"
		 "kill -INT $p; wait $p");
	EXITS(0, "grep -c BORN peer/fake/trace");
	assert_string_equal(output, "4\n");
}

/* --- the supervisor itself -------------------------------------------------------------------- */

static void sigkill_leaves_nothing_behind(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "pgrep -f '%s/[b]in/svc-' | wc -l", base);
	assert_string_equal(output, "4\n");
	EXITS(0, "kill -KILL $(cat peer/run/pid)");
	until("! pgrep -f '%s/[b]in/svc-'", base);
	EXITS(3, "goop-supervisor status peer");
	EXITS(0, "ls peer/run/control.sock; touch peer/run/old.ipc");
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(2, "ls peer/run/old.ipc");
	EXITS(0, "goop-supervisor stop peer");
}

static void the_next_start_waits_for_services_that_linger(void **unused)
{
	long lingering;

	(void)unused;
	behave("db", "orphan");
	EXITS(0, "goop-supervisor start --daemon peer");
	lingering = field("db", "pid");
	EXITS(0, "kill -KILL $(cat peer/run/pid)");
	until("! pgrep -f '%s/[b]in/svc-viewer'", base);
	assert_true(alive(lingering));
	behave("db", "");
	EXITS(0, "goop-supervisor start --daemon peer");
	assert_false(alive(lingering));
	EXITS(0, "grep '1 services of an earlier run were still ending' peer/log/supervisor.log");
}

static void paths_longer_than_a_socket_address(void **unused)
{
	char deep[256];

	(void)unused;
	memset(deep, 'd', 200);
	deep[200] = '\0';
	EXITS(0, "mkdir -p %s/%s; mv peer %s/%s/; ln -s %s/%s/peer peer", deep, deep, deep, deep,
	    deep, deep);
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "goop-supervisor status %s/%s/%s/peer", base, deep, deep);
	says("is running");
}

static void a_folder_that_cannot_be_written(void **unused)
{
	(void)unused;
	EXITS(0, "chmod 755 . bin; chmod -R a+rX,a-w peer");
	EXITS(
	    1, "setpriv --reuid 65534 --regid 65534 --clear-groups bin/goop-supervisor start peer");
	says("cannot make the folder run: Permission denied");
	EXITS(0, "mkdir peer/run; chmod 555 peer/run");
	EXITS(1, "setpriv --reuid 65534 --regid 65534 --clear-groups bin/goop-supervisor start "
		 "--daemon peer");
	says("cannot write run/pid: Permission denied");
}

/* --- restart by hand -------------------------------------------------------------------------- */

static void restart_reads_the_configuration_anew(void **unused)
{
	long pid;

	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer");
	pid = field("db", "pid");
	EXITS(0, "echo '{\"p2p\":{\"listen_port\":\"x\"}}' > peer/goop.json");
	EXITS(78, "goop-supervisor restart peer db");
	says("nothing was restarted: peer/goop.json:1:9: error: p2p.listen_port is \"x\"");
	assert_int_equal(field("db", "pid"), pid);
	EXITS(0, "echo '{\"profile\":{\"label\":\"anew\"}}' > peer/goop.json");
	EXITS(0, "goop-supervisor restart peer svc-db");
	assert_int_not_equal(field("db", "pid"), pid);
	EXITS(0, "grep -c 'svc-db CONFIG profile.label=anew' peer/fake/trace");
	EXITS(0, "cd peer && goop-supervisor restart viewer");
	EXITS(2, "goop-supervisor restart peer svc-none");
	says("there is no service svc-none");
	EXITS(0, FIELD("db", ".restarts"));
	assert_string_equal(output, "1\n");
}

/* Nobody shall see it go: it is back in a moment. */
static void a_folder_that_is_replaced_restarts_who_reads_it(void **unused)
{
	(void)unused;
	EXITS(0, "goop-supervisor start --daemon peer; mv peer/site old; mkdir peer/site");
	until("test $(grep -c 'svc-viewer READY' peer/fake/trace) = 2");
	EXITS(0, "grep -A1 BACK peer/fake/trace");
	assert_string_equal(output, "svc-viewer BACK\nsvc-viewer STOP\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(starts_level_by_level_and_stops_in_reverse),
	    STORY(services_get_what_is_theirs_and_no_more),
	    STORY(a_host_runs_five_services_and_joins_its_own_server),
	    STORY(a_rendezvous_server_alone),
	    STORY(readiness_and_a_socket_of_the_service_manager),
	    STORY(both_ends_of_a_link_get_one_token),
	    STORY(a_death_is_told_and_leads_to_new_tokens),
	    STORY(last_words_are_a_reason_only_when_they_are_its_own),
	    STORY(a_second_start_is_refused_with_the_pid),
	    STORY(ctrl_c_stops_the_foreground_in_order),
	    STORY(ctrl_c_twice_ends_all_for_good),
	    STORY(sigkill_leaves_nothing_behind),
	    STORY(the_next_start_waits_for_services_that_linger),
	    STORY(paths_longer_than_a_socket_address),
	    STORY(a_folder_that_cannot_be_written),
	    STORY(restart_reads_the_configuration_anew),
	    STORY(a_folder_that_is_replaced_restarts_who_reads_it),
	};

	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
