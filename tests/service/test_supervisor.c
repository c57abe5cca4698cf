/* goop-supervisor, the real program, over services that are played by fake_service. Each test has a
 * folder of its own: house.h. */
#include "tests/service/house.h"

#include <stdlib.h>
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

/* --- services that fail ----------------------------------------------------------------------- */

static void bad_configuration_fails_the_start(void **unused)
{
	(void)unused;
	behave("viewer", "exit=78");
	EXITS(1, "goop-supervisor start --daemon peer");
	says("cannot start peer: svc-viewer: exit 78 (configuration): http: viewer.http_addr is in "
	     "use");
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
	    STORY(wild_words_are_tamed),
	    STORY(wild_last_words_do_not_spoil_the_status),
	    STORY(logs_turn_over),
	    STORY(logs_can_be_followed),
	    STORY(sigkill_leaves_nothing_behind),
	    STORY(the_next_start_waits_for_services_that_linger),
	    STORY(paths_longer_than_a_socket_address),
	    STORY(a_folder_that_cannot_be_written),
	    STORY(restart_reads_the_configuration_anew),
	    STORY(garbage_costs_that_client_only),
	    STORY(a_thousand_clients_do_not_keep_an_honest_one_out),
	    STORY(clients_that_do_not_read_hold_nobody_up),
	    STORY(another_user_has_no_say),
	    STORY(the_background_holds_nothing_of_its_starter),
	    STORY(reports),
	    STORY(status_again_and_again),
	    STORY(a_trace_shows_messages_and_ends_with_its_reader),
	    STORY(a_trace_that_nobody_reads_costs_little),
	    STORY(the_id_is_known_while_stopped),
	    STORY(usage),
	    STORY(json_beside_every_output),
	    STORY(colours_on_a_terminal_only),
	    STORY(init_makes_a_folder_that_is_good),
	};

	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
