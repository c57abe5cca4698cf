/* What the files of the skeleton share: service.c (links, readiness, beginning and end),
 * service_parent.c (the conversation with the supervisor), service_report.c, service_walls.c. */
#ifndef PROTO_SERVICE_PRIVATE_H
#define PROTO_SERVICE_PRIVATE_H

#include "base/map.h"
#include "base/sandbox.h"
#include "proto/service.h"
#include "proto/trace.h"

struct neighbour {
	struct service *svc;
	const struct desk *desk;
	struct link *link;
	struct streams *streams;
	bool awaited; /* its LINK_SET came before START, and it has not been up */
};

struct service {
	const struct service_spec *spec;
	struct loop *loop;
	struct parent *parent;
	struct trace *trace;
	struct map *config;
	struct neighbour *neighbours;
	struct timer *start_wait, *overdue;
	bool configured, start_asked, started, ready_sent, stopping, comes_back;
	bool ending; /* the loop finishes its turn, but nothing is handed to the service any more */
	void *state;
	int status;
	struct sandbox_rules rules; /* for ever, once the walls are closed */
	struct sandbox sandbox;
	unsigned refusals; /* of which the supervisor knows */
};

/* service.c */
struct neighbour *service_neighbour(const struct service *svc, enum service_id peer); /* or NULL */
void service_open_links(struct service *svc);
/* Serves, once START has come and no link is awaited any more. */
void service_start_when_linked(struct service *svc);
/* Every message of every link is to be noted, or none. */
void service_trace(struct service *svc, bool on);
void service_stop(struct service *svc, uint32_t grace_ms);

/* service_parent.c */
extern const struct parent_events service_parent_events; /* arg is the struct service */
void service_send_alarm(struct service *svc, const char *text);

/* service_report.c */
void service_report_links(struct service *svc, uint32_t request);
void service_report_streams(struct service *svc, uint32_t request);

/* service_walls.c */
int service_close_walls(struct service *svc); /* -1 after logging why */
/* Tells the supervisor when something has been tried since it was last told. */
void service_tell_refusals(struct service *svc);

#endif
