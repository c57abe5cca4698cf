/* The desk of svc-viewer: its state, and what each neighbour may say to it. */
#ifndef SVC_VIEWER_VIEWER_H
#define SVC_VIEWER_VIEWER_H

#include "codec/peer_id.h"
#include "http/http_listen.h"
#include "http/http_server.h"
#include "proto/service.h"
#include "svc-viewer/data_api.h"
#include "svc-viewer/origins.h"
#include "svc-viewer/peers.h"
#include "svc-viewer/peers_events.h"
#include "svc-viewer/remote.h"
#include "svc-viewer/site.h"
#include "svc-viewer/site_stream.h"

#define VIEWER_URL 80

struct viewer {
	struct service *svc;
	struct site *site;
	struct site_stream_table *visitors;
	struct peers *peers;
	struct remote *remote;
	struct data_api *data;
	struct http_address address;
	int listening; /* until http has it, else -1 */
	struct http_server *http;
	struct peers_events *events; /* of /api/peers/events */
	struct origins origins;
	struct before_sleep *hook; /* sees when all is done, once we stop */
	bool stopping;
	char url[VIEWER_URL]; /* "http://127.0.0.1:8080" */
	struct peer_id self;
	char self_text[PEER_ID_TEXT]; /* "" until the transport has said it */
};

/* The hooks of the skeleton (proto/service.h). */
int viewer_init(struct service *svc);
int viewer_start(struct service *svc);
void viewer_stop(struct service *svc, uint32_t grace_ms);
void viewer_fini(struct service *svc);
void viewer_report(struct service *svc, uint32_t request, const char *what);

/* What each neighbour may say. */
int viewer_from_transport(struct service *svc, struct msg *m);
int viewer_from_discovery(struct service *svc, struct msg *m);
void viewer_discovery_up(struct service *svc);

/* Streams that remote peers open. */
const struct stream_events *viewer_incoming(void *arg, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user);

#endif
