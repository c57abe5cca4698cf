/* svc-rendezvous: where peers of different networks find each other.
 *
 * Does       takes presence messages over HTTP (POST /publish), hands them on as server-sent events
 *            (GET /events), and says who fell silent; shows a public page and the administrator's.
 * Talks to   whoever connects, and the supervisor. To no other service: it has no link, so it can
 *            run alone on a server without a peer.
 * Holds      who is online, who has signed within a day, the subscribers; a SQLite file when
 *            presence.peer_db_path is set, shared with other instances of this service.
 * Never      dials out, sees an identity key, believes what is not signed of a peer that signs.
 * Limits     see settings.c and docs/goop.json.5: rates per client address and per peer, table
 *            sizes, subscribers; bodies of 64 KiB, headers of 8 KiB, ten seconds for a request.
 * Bad input  is answered with a reason and counted; a slow or silent connection is cut.
 *
 * Configuration: presence.rendezvous_port, presence.rendezvous_bind, presence.admin_password,
 * presence.external_url, presence.peer_db_path, rendezvous.trusted_proxies, rendezvous.limits.*,
 * rendezvous.listen_fd (a listening socket that it was given instead of port and bind).
 * Facts: rendezvous_url, rendezvous_urls (all, joined by blanks). Reports: "peers", counts for
 * anything else. */
#include "proto/service.h"
#include "svc-rendezvous/rendezvous.h"

int main(int argc, char **argv)
{
	static const struct service_spec spec = {
	    .id = SERVICE_RENDEZVOUS,
	    .synopsis = "lets peers on different networks find each other",
	    .init = rendezvous_init,
	    .start = rendezvous_start,
	    .stop = rendezvous_stop,
	    .fini = rendezvous_fini,
	    .report = rendezvous_report,
	};

	return service_main(argc, argv, &spec);
}
