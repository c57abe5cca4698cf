/* svc-transport: the libp2p node of this peer.
 *
 * Does      listens and dials on TCP; agrees on Noise and yamux; joins each libp2p stream with the
 *           service that owns its protocol (proto/protocols.h); answers identify and ping itself;
 *           keeps addresses of peers and dials them when a stream or a connection is wanted
 * Talks to  strangers on TCP; viewer, discovery and db over their links
 * Holds     the identity key, and gives four signatures with it, each for its purpose
 *           (identity.h); TCP connections; the address book (in memory)
 * Never     parses what flows in a stream that another service owns; reads the site, the database
 *           or any file but the key; signs bytes that somebody else put together
 * Limits    limits.h, all of them; above these, strangers are refused and services told
 */
#include "proto/service.h"
#include "svc-transport/transport.h"

static const struct desk desks[] = {
    {.peer = SERVICE_VIEWER,
	.up = transport_viewer_up,
	.down = transport_neighbour_down,
	.message = transport_from_viewer,
	.request = transport_viewer_opens},
    {.peer = SERVICE_DISCOVERY,
	.up = transport_discovery_up,
	.down = transport_neighbour_down,
	.message = transport_from_discovery,
	.request = transport_discovery_opens},
    {.peer = SERVICE_DB,
	.up = transport_db_up,
	.down = transport_neighbour_down,
	.message = transport_from_db},
};

static const struct service_spec spec = {
    .id = SERVICE_TRANSPORT,
    .synopsis = "the libp2p node: TCP, Noise, yamux, and the identity key",
    .desks = desks,
    .desk_count = sizeof desks / sizeof desks[0],
    .init = transport_init,
    .start = transport_start,
    .stop = transport_stop,
    .own_streams = true,
    .fini = transport_fini,
    .report = transport_report,
};

int main(int argc, char **argv)
{
	return service_main(argc, argv, &spec);
}
