/* svc-db: the database of the site.
 *
 * Does       answers data requests of remote peers and of the site's owner, one JSON line each:
 *            tables, rows, queries. Requests that wait together share one transaction; an answer
 *            leaves when its transaction is on the disk.
 * Talks to   transport (streams of /goop/data/1.0.0; who we are), viewer (the owner's requests),
 *            discovery (which peers have announced an e-mail address).
 * Holds      data.db with its two companions in the working folder.
 * Never      trusts a request to say who asks; lets a remote caller read anything but the rows
 *            that the table's policy allows, in the table named (store_guard.c); uses the network;
 *            waits for a lock, a disk that is full, or a reader that is slow.
 * Limits     lines of 1 MiB; for remote queries 2 s and 8 MiB in the engine, 100 000 rows, 64 MiB
 *            of answer; 16 queries under way, 4 of one caller; 192 MiB for SQLite; visitors' rows
 *            until data.db has reached database.visitors_mib (request.h, data_call.h, work.h,
 *            data_stream.h, store.h, store_query.c, store_guard.c).
 * Bad input  is answered with an error; a stalled stream is reset; a damaged database ends the
 *            process with the file's name. */
#include "svc-db/db.h"

static const struct desk desks[] = {
    {.peer = SERVICE_TRANSPORT, .message = db_from_transport, .incoming = db_stream_of_peer},
    {.peer = SERVICE_DISCOVERY, .message = db_from_discovery, .up = db_discovery_up},
    {.peer = SERVICE_VIEWER, .incoming = db_stream_of_owner},
};

static const struct service_spec spec = {
    .id = SERVICE_DB,
    .synopsis = "the database of the site",
    .desks = desks,
    .desk_count = sizeof desks / sizeof desks[0],
    .init = db_init,
    .stop = db_stop,
    .fini = db_fini,
    .report = db_report,
};

int main(int argc, char **argv)
{
	return service_main(argc, argv, &spec);
}
