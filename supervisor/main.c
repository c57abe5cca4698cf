/* goop-supervisor: runs a peer, which is a folder, as a handful of services that watch over nothing
 * but their own work.
 *
 * Does       starts each service, tells those that may talk to each other how (proto/links.h), sees
 *            them die and starts them again, keeps their logs, answers `status` and its kind.
 * Talks to   its children, each over a socket pair on the child's descriptor 3 (proto/parent.h);
 *            people, over run/control.sock.
 * Holds      goop.json, pids, the lock on DIR/run/pid, the program file that each service runs.
 * Never      reads a byte that comes from a network, opens the key, the site or the database, uses
 *            ZeroMQ or threads, waits for a service, a client or a terminal (3 s at most for a new
 *            program of its own: succession.h).
 * Limits     32 clients of the control socket, requests of 4 KiB, 8 that follow a
 *            trace with 256 KiB each; 16 facts of 4 KiB a service; logs of 3 x 1 MiB a service; the
 *            last 8 deaths of each. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/cli.h"
#include "supervisor/succession.h"
#include "supervisor/supervisor.h"

int main(int argc, char **argv)
{
	/* Said by the program that ran in this process before, or tries us. */
	if (argc == 3 && strcmp(argv[1], SUCCESSION_WORD) == 0)
		return supervisor_succeed(atoi(argv[2]), false);
	if (argc == 3 && strcmp(argv[1], SUCCESSION_TRY) == 0)
		return supervisor_succeed(atoi(argv[2]), true);
	return cli_main(argc, argv);
}
