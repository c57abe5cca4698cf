/* The skeleton that every service's main() hands itself to: parent, configuration, links, streams,
 * readiness, end. What differs is one table. */
#ifndef PROTO_SERVICE_H
#define PROTO_SERVICE_H

#include <stdint.h>

#include "base/loop.h"
#include "proto/link.h"
#include "proto/parent.h"
#include "proto/stream.h"

struct service;

/* One neighbour. `message` is the desk: a switch whose cases are one line each and list just what
 * that neighbour may ask; default returns -1. STREAM_* messages never reach it when `incoming` or
 * `request` is set or streams were opened: the skeleton hands them to the streams of that link. */
struct desk {
	enum service_id peer;
	void (*up)(struct service *svc);
	void (*down)(struct service *svc, const char *why);
	int (*message)(struct service *svc, struct msg *m);
	stream_incoming_fn *incoming; /* arg is the struct service */
	stream_request_fn *request;   /* transport only */
};

struct service_spec {
	enum service_id id;
	const char *synopsis; /* one line for --help */
	const struct desk *desks;
	size_t desk_count;
	/* Configuration is there, links are not up. What is to be opened is opened here: when it
	 * returns, the walls close, and what the row in supervisor/roster.c does not name is out of
	 * reach for ever. Returns 0, or -1 after logging why: the process ends with status 78
	 * (configuration) and its last log line is the reason shown. */
	int (*init)(struct service *svc);
	/* Once, after init: makes the threads that the service needs. The walls stand that hold for
	 * threads made from now on; afterwards none can be made. May be NULL. */
	void (*threads)(struct service *svc);
	/* All links whose other end is up are open: start serving. READY is sent after it returns 0
	 * (or, when `ready_later` is set, when service_ready() is called). May be NULL. */
	int (*start)(struct service *svc);
	/* Asked to stop: finish what can be finished within `grace_ms`, then service_exit(). NULL
	 * exits at once; whoever is late is ended half a second after. */
	void (*stop)(struct service *svc, uint32_t grace_ms);
	/* The end, after init was called (whatever it returned). All streams have just ended with
	 * `reset`; the links are still there. */
	void (*fini)(struct service *svc);
	/* Somebody asks for a report ("peers", "streams", ...): answer with service_report().
	 * "links" never comes here, nor "streams" unless `own_streams` is set: the skeleton answers
	 * them. */
	void (*report)(struct service *svc, uint32_t request, const char *what);
	bool ready_later;
	bool own_streams; /* has more to say of its streams than the links know */
};

/* Runs the service to its end and returns the exit status. */
int service_main(int argc, char **argv, const struct service_spec *spec);

struct loop *service_loop(const struct service *svc);
/* The link and the streams to a neighbour of the table. */
struct link *service_link(const struct service *svc, enum service_id peer);
struct streams *service_streams(const struct service *svc, enum service_id peer);

/* The service's own state. */
void service_set_state(struct service *svc, void *state);
void *service_state(const struct service *svc);

/* The service's part of goop.json, by dotted key ("p2p.listen_port"), "" when absent; lent. The
 * supervisor has validated it and filled in defaults, and adds "generation", the number of this
 * process. */
const char *service_config(const struct service *svc, const char *key);
uint64_t service_config_u64(const struct service *svc, const char *key, uint64_t absent);
bool service_config_bool(const struct service *svc, const char *key);

void service_ready(struct service *svc);
/* A fact for `status`: key and value, kept by the supervisor until the process ends. A value of
 * more than SERVICE_FACT_MAX bytes is cut, which shows by "..." at its end. */
#define SERVICE_FACT_MAX 4095
void service_fact(struct service *svc, const char *key, const char *value);
void service_report(struct service *svc, uint32_t request, const char *json);
void service_alarm(struct service *svc, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* While stopping: will the service be started again at once? Then it does not say good-bye. */
bool service_comes_back(const struct service *svc);
/* Ends the loop; service_main() returns `status`. */
void service_exit(struct service *svc, int status);

#endif
