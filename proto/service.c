#include "proto/service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "proto/crash.h"
#include "proto/process.h"
#include "proto/service_private.h"

#define SIGTERM_GRACE   5000
#define STOP_OVERDUE_MS 500
#define PART_MS         500 /* for the neighbours to hear everything */

struct loop *service_loop(const struct service *svc)
{
	return svc->loop;
}

struct neighbour *service_neighbour(const struct service *svc, enum service_id peer)
{
	for (size_t i = 0; svc->neighbours != NULL && i < svc->spec->desk_count; i++)
		if (svc->neighbours[i].desk->peer == peer)
			return &svc->neighbours[i];
	return NULL;
}

static struct neighbour *must_find(const struct service *svc, enum service_id peer)
{
	struct neighbour *n = service_neighbour(svc, peer);

	if (n == NULL)
		panic("service", "%s has no desk for %s", service_name(svc->spec->id),
		    service_name(peer));
	return n;
}

struct link *service_link(const struct service *svc, enum service_id peer)
{
	return must_find(svc, peer)->link;
}

struct streams *service_streams(const struct service *svc, enum service_id peer)
{
	return must_find(svc, peer)->streams;
}

void service_set_state(struct service *svc, void *state)
{
	svc->state = state;
}

void *service_state(const struct service *svc)
{
	return svc->state;
}

const char *service_config(const struct service *svc, const char *key)
{
	const char *value = map_gets(svc->config, key);

	return value == NULL ? "" : value;
}

uint64_t service_config_u64(const struct service *svc, const char *key, uint64_t absent)
{
	uint64_t v = absent;

	str_to_u64(service_config(svc, key), 0, UINT64_MAX, &v);
	return v;
}

bool service_config_bool(const struct service *svc, const char *key)
{
	return strcmp(service_config(svc, key), "true") == 0;
}

bool service_comes_back(const struct service *svc)
{
	return svc->comes_back;
}

void service_exit(struct service *svc, int status)
{
	svc->status = status;
	svc->ending = true;
	loop_stop(svc->loop);
}

/* --- readiness -------------------------------------------------------------------------------- */

static void begin_serving(struct service *svc)
{
	if (svc->started)
		return;
	svc->started = true;
	timer_stop(svc->start_wait);
	if (svc->spec->start != NULL && svc->spec->start(svc) != 0) {
		service_exit(svc, EXIT_FAILURE);
		return;
	}
	if (!svc->spec->ready_later)
		service_ready(svc);
}

static void start_wait_over(void *arg)
{
	struct service *svc = arg;

	for (size_t i = 0; i < svc->spec->desk_count; i++)
		if (svc->neighbours[i].awaited)
			log_warn("service", "starting without %s",
			    service_name(svc->neighbours[i].desk->peer));
	begin_serving(svc);
}

void service_start_when_linked(struct service *svc)
{
	if (!svc->start_asked || svc->started)
		return;
	for (size_t i = 0; i < svc->spec->desk_count; i++)
		if (svc->neighbours[i].awaited)
			return;
	begin_serving(svc);
}

/* --- links ------------------------------------------------------------------------------------ */

static void link_came_up(void *arg, struct link *l, uint32_t generation)
{
	struct neighbour *n = arg;

	(void)l;
	(void)generation;
	n->awaited = false;
	if (n->svc->ending)
		return;
	if (n->desk->up != NULL)
		n->desk->up(n->svc);
	service_start_when_linked(n->svc);
}

static bool none_is_up(const struct service *svc)
{
	for (size_t i = 0; i < svc->spec->desk_count; i++)
		if (link_is_up(svc->neighbours[i].link))
			return false;
	return true;
}

static void link_went_down(void *arg, struct link *l, const char *why)
{
	struct neighbour *n = arg;
	char text[512];

	if (n->svc->ending) {
		if (none_is_up(n->svc))
			loop_stop(n->svc->loop);
		return;
	}
	log_info("service", "%s is gone: %s", service_name(link_peer(l)), why);
	snprintf(text, sizeof(text), "%s is restarting (%s)", service_name(link_peer(l)), why);
	streams_down(n->streams, text);
	if (n->desk->down != NULL)
		n->desk->down(n->svc, why);
}

static int link_message(void *arg, struct link *l, struct msg *m)
{
	struct neighbour *n = arg;
	int r = -1;

	if (n->svc->ending)
		return 0;
	crash_note(m->type, link_peer(l));
	if (msg_is_stream(m->type))
		r = streams_message(n->streams, m);
	else if (n->desk->message != NULL)
		r = n->desk->message(n->svc, m);
	crash_note(0, SERVICE_SUPERVISOR);
	return r;
}

static void link_alarm(void *arg, struct link *l, const char *text)
{
	struct neighbour *n = arg;
	char line[512];

	snprintf(line, sizeof(line), "link with %s: %s", service_name(link_peer(l)), text);
	service_fact(n->svc, "alarm", line);
	service_send_alarm(n->svc, line);
}

static const struct link_events link_events = {
    .up = link_came_up,
    .down = link_went_down,
    .message = link_message,
    .alarm = link_alarm,
};

void service_open_links(struct service *svc)
{
	const struct service_spec *spec = svc->spec;
	uint32_t generation = (uint32_t)service_config_u64(svc, "generation", 0);

	svc->neighbours = xcalloc(spec->desk_count, sizeof(*svc->neighbours));
	for (size_t i = 0; i < spec->desk_count; i++) {
		struct neighbour *n = &svc->neighbours[i];

		n->svc = svc;
		n->desk = &spec->desks[i];
		n->link = link_new(svc->loop, spec->id, generation, n->desk->peer, &link_events, n);
		n->streams =
		    streams_new(svc->loop, n->link, n->desk->incoming, n->desk->request, svc);
	}
}

static void link_seen(void *arg, struct link *l, bool out, unsigned type, size_t size)
{
	const struct neighbour *n = arg;

	trace_note(n->svc->trace, link_peer(l), out, type, size);
}

void service_trace(struct service *svc, bool on)
{
	for (size_t i = 0; svc->neighbours != NULL && i < svc->spec->desk_count; i++)
		link_on_seen(svc->neighbours[i].link, on ? link_seen : NULL);
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void stop_overdue(void *arg)
{
	struct service *svc = arg;

	if (svc->ending) {
		loop_stop(svc->loop);
		return;
	}
	log_warn("service", "not everything could be finished in time");
	service_exit(svc, EXIT_SUCCESS);
}

void service_stop(struct service *svc, uint32_t grace_ms)
{
	/* Also after the end: while the links part, what the service had is gone. */
	if (svc->stopping || svc->ending)
		return;
	svc->stopping = true;
	for (size_t i = 0; svc->neighbours != NULL && i < svc->spec->desk_count; i++)
		streams_stop(svc->neighbours[i].streams);
	if (svc->spec->stop == NULL || !svc->configured) {
		service_exit(svc, EXIT_SUCCESS);
		return;
	}
	timer_start(svc->overdue, (uint64_t)grace_ms + STOP_OVERDUE_MS);
	svc->spec->stop(svc, grace_ms);
}

static void on_sigterm(void *arg, int signo)
{
	(void)signo;
	service_stop(arg, SIGTERM_GRACE);
}

/* Only the links are left. */
static void part(struct service *svc)
{
	bool wait = false;

	for (size_t i = 0; svc->neighbours != NULL && i < svc->spec->desk_count; i++)
		wait |= link_part(svc->neighbours[i].link);
	timer_stop(svc->start_wait);
	timer_start(svc->overdue, PART_MS);
	if (wait)
		loop_run(svc->loop);
}

static void clear(struct service *svc)
{
	char *value;

	/* Streams first: their users hear of the end while everything else is still there. */
	for (size_t i = 0; svc->neighbours != NULL && i < svc->spec->desk_count; i++) {
		streams_free(svc->neighbours[i].streams);
		svc->neighbours[i].streams = NULL;
	}
	if (svc->configured && svc->spec->fini != NULL)
		svc->spec->fini(svc);
	part(svc);
	for (size_t i = 0; svc->neighbours != NULL && i < svc->spec->desk_count; i++)
		link_free(svc->neighbours[i].link);
	free(svc->neighbours);
	trace_free(svc->trace);
	parent_free(svc->parent);
	timer_free(svc->start_wait);
	timer_free(svc->overdue);
	MAP_FOREACH (svc->config, at, value)
		free(value);
	map_free(svc->config);
	sandbox_clear(&svc->rules);
	loop_free(svc->loop);
}

int service_main(int argc, char **argv, const struct service_spec *spec)
{
	int status = process_arguments(argc, argv, spec->id, spec->synopsis);
	struct service svc = {.spec = spec};

	if (status >= 0)
		return status;
	process_init(spec->id);
	sandbox_begin();
	svc.loop = loop_new();
	svc.config = map_new();
	svc.start_wait = timer_new(svc.loop, start_wait_over, &svc);
	svc.overdue = timer_new(svc.loop, stop_overdue, &svc);
	svc.parent = parent_new(
	    svc.loop, PARENT_FD, spec->id, SERVICE_SUPERVISOR, &service_parent_events, &svc);
	svc.trace = trace_new(svc.loop, svc.parent);
	loop_on_signal(svc.loop, SIGTERM, on_sigterm, &svc);
	loop_run(svc.loop);
	clear(&svc);
	return svc.status;
}
