/* svc-viewer: what a person sees, and what others see of a person's site.
 *
 * Does       serves the local web pages (people, settings, database), one's own site and visits to
 *            other people's sites in the browser; serves one's own site to remote peers.
 * Talks to   transport (streams both ways; says who we are), discovery (says who is there), db
 *            (the owner's own data requests), browsers (HTTP on viewer.http_addr).
 * Holds      the site folder, read-only, opened anew for each file; the list of people.
 * Never      dials out, writes a file, sees the identity key; lets a visited site near the viewer's
 *            own pages, its owner's database or another site (origins.h).
 * Limits     1024 browser connections, request bodies of 1 MiB, one window of credit a visit:
 *            files of any size pass in bounded memory.
 * Bad input  from a peer ends its stream, from a browser its connection; a missing site folder
 *            disables the site, a taken port ends the process with the setting's name. */
#include "svc-viewer/viewer.h"

static const struct desk desks[] = {
    {.peer = SERVICE_TRANSPORT, .message = viewer_from_transport, .incoming = viewer_incoming},
    {.peer = SERVICE_DISCOVERY, .message = viewer_from_discovery, .up = viewer_discovery_up},
    {.peer = SERVICE_DB},
};

static const struct service_spec spec = {
    .id = SERVICE_VIEWER,
    .synopsis = "the local web viewer and the site that visitors get",
    .desks = desks,
    .desk_count = sizeof(desks) / sizeof(desks[0]),
    .init = viewer_init,
    .start = viewer_start,
    .stop = viewer_stop,
    .fini = viewer_fini,
    .report = viewer_report,
};

int main(int argc, char **argv)
{
	return service_main(argc, argv, &spec);
}
