/* What an operator, a disk or an earlier life may have left behind: a clear answer, and nothing
 * dies that should not. */
#include "tests/service/house.h"

/* A line in a mount namespace of its own, where peer/run is a disk of 4 KiB that is full. */
#define ON_A_FULL_DISK(line)                                                                       \
	"unshare -m sh -c 'mkdir -p peer/run; mount -t tmpfs -o size=4k x peer/run; "              \
	"head -c 4096 /dev/zero > peer/run/fill; " line "'"

static void a_run_folder_on_a_full_disk(void **unused)
{
	(void)unused;
	EXITS(0, ON_A_FULL_DISK("goop-supervisor start --daemon peer && "
				"goop-supervisor restart peer db && kill -KILL $(goop-supervisor "
				"status --json peer | jq .services[3].pid); goop-supervisor start "
				"peer; ls peer/run; goop-supervisor status peer && "
				"goop-supervisor stop peer"));
	says("svc-viewer     ready in ");
	says("svc-db is ready again after ");
	says("peer: is already running");
	says("control.sock\nfill\npid\n");
	says("peer has stopped");
}

static void logs_on_a_full_disk(void **unused)
{
	(void)unused;
	EXITS(0, "mkdir peer/log; unshare -m sh -c 'mount -t tmpfs -o size=4k x peer/log; head -c "
		 "4096 /dev/zero > peer/log/fill; goop-supervisor start --daemon peer && "
		 "goop-supervisor restart peer db && goop-supervisor stop peer'");
	says("log files cannot be written: No space left on device");
	says("peer has stopped");
}

static void a_disk_that_is_read_only(void **unused)
{
	(void)unused;
	EXITS(1, "mkdir peer/run; unshare -m sh -c 'mount -t tmpfs -o ro x peer/run; "
		 "goop-supervisor start --daemon peer'");
	says("peer: cannot write run/pid: Read-only file system");
	EXITS(1, "rmdir peer/run; unshare -m sh -c 'mount --bind -o ro peer peer; mount -o "
		 "remount,ro,bind peer; cd .; goop-supervisor start --daemon peer'");
	says("peer: cannot make the folder run: Read-only file system");
}

static void what_an_earlier_life_left(void **unused)
{
	(void)unused;
	/* A pid that somebody else has by now, sockets that nobody listens on, a cut list. */
	EXITS(0, "mkdir -p peer/run; echo 1 > peer/run/pid; echo '1 12345' > peer/run/services; "
		 "touch peer/run/control.sock peer/run/viewer-db.ipc; python3 -c 'import socket; "
		 "socket.socket(socket.AF_UNIX).bind(\"peer/run/db-transport.ipc\")'");
	EXITS(3, "goop-supervisor status peer");
	EXITS(3, "goop-supervisor stop peer");
	EXITS(0, "goop-supervisor start --daemon peer");
	EXITS(0, "ls peer/run");
	assert_string_equal(output, "control.sock\npid\nservices\n");
	EXITS(0, "goop-supervisor stop peer; head -c 300 /dev/urandom > peer/run/services; echo "
		 "nonsense > peer/run/pid; goop-supervisor start --daemon peer");
	/* A folder in place of the socket cannot be ours. */
	EXITS(1, "goop-supervisor stop peer; mkdir peer/run/control.sock; goop-supervisor start "
		 "--daemon peer");
	says("control.sock: Address already in use");
	EXITS(1, "pgrep -f '%s/[b]in/svc-'", base);
}

static void a_program_that_may_not_be_run(void **unused)
{
	(void)unused;
	EXITS(0, "chmod -x bin/svc-db");
	EXITS(1, "goop-supervisor start --daemon peer");
	says("svc-db: there is no program to run: neither ");
	EXITS(0, "rm bin/svc-db; mkdir bin/svc-db");
	EXITS(1, "goop-supervisor start --daemon peer");
	says("svc-db: there is no program to run: neither ");
	EXITS(0, "rmdir bin/svc-db; head -c 1000 /dev/urandom > bin/svc-db; chmod +x bin/svc-db");
	EXITS(1, "goop-supervisor start --daemon peer");
	says("svc-db: exit 127 (could not be run): ");
	EXITS(3, "goop-supervisor status peer");
	EXITS(1, "pgrep -f '%s/[b]in/svc-'", base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORY(a_run_folder_on_a_full_disk),
	    STORY(logs_on_a_full_disk),
	    STORY(a_disk_that_is_read_only),
	    STORY(what_an_earlier_life_left),
	    STORY(a_program_that_may_not_be_run),
	};

	return cmocka_run_group_tests_name("supervisor_input", tests, NULL, NULL);
}
