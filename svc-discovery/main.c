/* svc-discovery: finds out who is there.
 *
 * Does       hears and announces peers on the local network (mDNS) and has the transport connect to
 *            them; speaks GossipSub with the peers that are connected; publishes our presence
 *            there, believes the presence of others by the rules, and keeps the list of people;
 *            says and hears the same at rendezvous servers.
 * Talks to   transport (addresses, connections, streams, two named signatures), viewer and db (who
 *            is there), the local network, rendezvous servers.
 * Holds      the table of people, the gossip mesh, UDP 5353 on every interface, an rtnetlink
 *            socket, two HTTP connections to each rendezvous server, and where there is one the
 *            threads that look up names.
 * Never      sees the key: presence and publishes are signed by the transport, field by field.
 * Limits     people.h (listed people and their texts), lan.h (dials), mdns_heard.h (peers heard),
 *            pubsub.h and gossip.h (streams, queues, caches), rendezvous.h, sse_reader.h,
 *            transfer.h and transfer_answer.c (servers and what they send), resolver.h (names).
 *
 * Configuration: p2p.mdns_tag, presence.topic, presence.ttl_seconds, presence.heartbeat_seconds,
 * presence.rendezvous_wan (URLs separated by blanks), rendezvous.own_url, profile.label,
 * profile.email. Reports: "peers". */
#include "svc-discovery/discovery.h"

static const struct desk desks[] = {
    {
	.peer = SERVICE_TRANSPORT,
	.down = discovery_transport_down,
	.message = discovery_from_transport,
	.incoming = discovery_incoming,
    },
    {.peer = SERVICE_VIEWER, .up = discovery_viewer_up, .message = discovery_refuse},
    {.peer = SERVICE_DB, .up = discovery_db_up, .message = discovery_refuse},
};

int main(int argc, char **argv)
{
	static const struct service_spec spec = {
	    .id = SERVICE_DISCOVERY,
	    .synopsis = "finds peers on the local network and keeps the list of who is there",
	    .desks = desks,
	    .desk_count = sizeof desks / sizeof *desks,
	    .init = discovery_init,
	    .threads = discovery_threads,
	    .stop = discovery_stop,
	    .fini = discovery_fini,
	    .report = discovery_report,
	};

	return service_main(argc, argv, &spec);
}
