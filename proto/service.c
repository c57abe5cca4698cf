#include "proto/service.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "proto/crash.h"
#include "proto/process.h"

#define START_WAIT_MS   2000
#define SIGTERM_GRACE   5000
#define ORPHAN_GRACE    2000
#define STOP_OVERDUE_MS 500
#define REPORT_MAX      (128 * 1024 - 6)

#define EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h */

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
	struct map *config;
	struct neighbour *neighbours;
	struct timer *start_wait, *overdue;
	bool configured, start_asked, started, ready_sent, stopping;
	void *state;
	int status;
};

struct loop *service_loop(const struct service *svc)
{
	return svc->loop;
}

static struct neighbour *find(const struct service *svc, enum service_id peer)
{
	for (size_t i = 0; svc->neighbours != NULL && i < svc->spec->desk_count; i++)
		if (svc->neighbours[i].desk->peer == peer)
			return &svc->neighbours[i];
	return NULL;
}

static struct neighbour *must_find(const struct service *svc, enum service_id peer)
{
	struct neighbour *n = find(svc, peer);

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

void service_exit(struct service *svc, int status)
{
	svc->status = status;
	loop_stop(svc->loop);
}

static void tell(struct service *svc, enum msg_type type)
{
	struct msg m;

	msg_begin(&m, type, 0);
	parent_send(svc->parent, &m);
}

void service_ready(struct service *svc)
{
	if (svc->ready_sent)
		return;
	svc->ready_sent = true;
	tell(svc, MSG_READY);
}

void service_fact(struct service *svc, const char *key, const char *value)
{
	struct msg m;

	msg_begin(&m, MSG_FACT, 0);
	msg_put_str(&m, key);
	msg_put_str(&m, value);
	parent_send(svc->parent, &m);
}

void service_report(struct service *svc, uint32_t request, const char *json)
{
	struct msg m;

	if (strlen(json) > REPORT_MAX)
		json = "{\"error\":\"the report is too large\"}";
	msg_begin(&m, MSG_REPORT, strlen(json) + 4);
	msg_put_u32(&m, request);
	msg_put_rest(&m, json, strlen(json));
	parent_send(svc->parent, &m);
}

static void send_alarm(struct service *svc, const char *text)
{
	struct msg m;

	msg_begin(&m, MSG_ALARM, 0);
	msg_put_str(&m, text);
	parent_send(svc->parent, &m);
}

void service_alarm(struct service *svc, const char *format, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_error("alarm", "%s", text);
	send_alarm(svc, text);
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

static void start_when_linked(struct service *svc)
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
	if (n->desk->up != NULL)
		n->desk->up(n->svc);
	start_when_linked(n->svc);
}

static void link_went_down(void *arg, struct link *l, const char *why)
{
	struct neighbour *n = arg;
	char text[512];

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

	crash_note(m->type, link_peer(l));
	if (m->type >= MSG_STREAM_OPEN && m->type <= MSG_STREAM_RESET)
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
	send_alarm(n->svc, line);
}

static const struct link_events link_events = {
    .up = link_came_up,
    .down = link_went_down,
    .message = link_message,
    .alarm = link_alarm,
};

static void open_links(struct service *svc)
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

/* --- the supervisor's word -------------------------------------------------------------------- */

static int hear_config(struct service *svc, struct msg *m)
{
	size_t count = msg_get_u16(m);
	struct bytes key, value;

	if (svc->configured)
		return -1;
	for (size_t i = 0; i < count; i++) {
		key = msg_get_str(m);
		value = msg_get_str(m);
		if (m->bad)
			return -1;
		free(map_set(
		    svc->config, key.data, key.len, xstrndup((const char *)value.data, value.len)));
	}
	if (!msg_end(m))
		return -1;
	svc->configured = true;
	open_links(svc);
	if (svc->spec->init != NULL && svc->spec->init(svc) != 0)
		service_exit(svc, EXIT_CONFIG);
	return 0;
}

static int hear_link_set(struct service *svc, struct msg *m)
{
	enum service_id sibling = (enum service_id)msg_get_u8(m);
	uint32_t generation = msg_get_u32(m);
	struct bytes token = msg_get_bytes(m);
	struct neighbour *n = find(svc, sibling);

	if (!msg_end(m) || token.len != LINK_TOKEN || n == NULL)
		return -1;
	if (!svc->start_asked)
		n->awaited = true;
	link_set(n->link, generation, token.data);
	return 0;
}

static int hear_link_down(struct service *svc, struct msg *m)
{
	enum service_id sibling = (enum service_id)msg_get_u8(m);
	uint32_t generation = msg_get_u32(m);
	struct neighbour *n = find(svc, sibling);
	char why[512];

	msg_get_cstr(m, why, sizeof(why));
	if (!msg_end(m) || n == NULL)
		return -1;
	link_lost(n->link, generation, why);
	/* Who is dead need not be waited for. */
	n->awaited = false;
	start_when_linked(svc);
	return 0;
}

static int hear_start(struct service *svc, struct msg *m)
{
	if (!msg_end(m) || !svc->configured || svc->start_asked)
		return -1;
	svc->start_asked = true;
	timer_start(svc->start_wait, START_WAIT_MS);
	start_when_linked(svc);
	return 0;
}

static void stop_overdue(void *arg)
{
	struct service *svc = arg;

	log_warn("service", "not everything could be finished in time");
	service_exit(svc, EXIT_SUCCESS);
}

static void stop(struct service *svc, uint32_t grace_ms)
{
	if (svc->stopping)
		return;
	svc->stopping = true;
	if (svc->spec->stop == NULL || !svc->configured) {
		service_exit(svc, EXIT_SUCCESS);
		return;
	}
	timer_start(svc->overdue, (uint64_t)grace_ms + STOP_OVERDUE_MS);
	svc->spec->stop(svc, grace_ms);
}

static int hear_stop(struct service *svc, struct msg *m)
{
	uint32_t grace_ms = msg_get_u32(m);

	if (!msg_end(m))
		return -1;
	stop(svc, grace_ms);
	return 0;
}

static int hear_pulse(struct service *svc, struct msg *m)
{
	uint32_t number = msg_get_u32(m);
	struct msg back;

	if (!msg_end(m))
		return -1;
	msg_begin(&back, MSG_PULSE_BACK, 0);
	msg_put_u32(&back, number);
	parent_send(svc->parent, &back);
	return 0;
}

/* Every service answers this one in the same words. */
static void report_links(struct service *svc, uint32_t request)
{
	struct buf b;

	buf_init(&b, REPORT_MAX);
	buf_puts(&b, "[");
	for (size_t i = 0; i < svc->spec->desk_count; i++) {
		const struct neighbour *n = &svc->neighbours[i];
		struct link_count c = link_counted(n->link);

		buf_putf(&b,
		    "%s{\"peer\":\"%s\",\"up\":%s,\"streams\":%zu,\"messages_in\":%llu,"
		    "\"messages_out\":%llu,\"bytes_in\":%llu,\"bytes_out\":%llu}",
		    i == 0 ? "" : ",", service_name(n->desk->peer),
		    link_is_up(n->link) ? "true" : "false", streams_count(n->streams),
		    (unsigned long long)c.messages_in, (unsigned long long)c.messages_out,
		    (unsigned long long)c.bytes_in, (unsigned long long)c.bytes_out);
	}
	buf_put(&b, "]", 2); /* with its zero */
	service_report(svc, request, (const char *)buf_data(&b));
	buf_clear(&b);
}

static int hear_report_get(struct service *svc, struct msg *m)
{
	uint32_t request = msg_get_u32(m);
	char what[256];

	msg_get_cstr(m, what, sizeof(what));
	if (!msg_end(m) || !svc->configured)
		return -1;
	if (strcmp(what, "links") == 0)
		report_links(svc, request);
	else if (svc->spec->report != NULL)
		svc->spec->report(svc, request, what);
	else
		service_report(svc, request, "null");
	return 0;
}

static int from_supervisor(struct service *svc, struct msg *m)
{
	switch (m->type) {
	case MSG_CONFIG: return hear_config(svc, m);
	case MSG_LINK_SET: return hear_link_set(svc, m);
	case MSG_LINK_DOWN: return hear_link_down(svc, m);
	case MSG_START: return hear_start(svc, m);
	case MSG_STOP: return hear_stop(svc, m);
	case MSG_REPORT_GET: return hear_report_get(svc, m);
	case MSG_PULSE: return hear_pulse(svc, m);
	default: return -1;
	}
}

static int parent_message(void *arg, struct msg *m)
{
	int r;

	crash_note(m->type, SERVICE_SUPERVISOR);
	r = from_supervisor(arg, m);
	crash_note(0, SERVICE_SUPERVISOR);
	return r;
}

static void parent_closed(void *arg)
{
	struct service *svc = arg;

	log_warn("service", "the supervisor has gone");
	stop(svc, ORPHAN_GRACE);
}

static const struct parent_events parent_events = {
    .message = parent_message,
    .closed = parent_closed,
};

/* --- beginning and end ------------------------------------------------------------------------ */

static void on_sigterm(void *arg, int signo)
{
	(void)signo;
	stop(arg, SIGTERM_GRACE);
}

static void clear(struct service *svc)
{
	char *value;

	/* Streams first: their users hear of the end while everything else is still there. */
	for (size_t i = 0; svc->neighbours != NULL && i < svc->spec->desk_count; i++)
		streams_free(svc->neighbours[i].streams);
	if (svc->configured && svc->spec->fini != NULL)
		svc->spec->fini(svc);
	for (size_t i = 0; svc->neighbours != NULL && i < svc->spec->desk_count; i++)
		link_free(svc->neighbours[i].link);
	free(svc->neighbours);
	parent_free(svc->parent);
	timer_free(svc->start_wait);
	timer_free(svc->overdue);
	MAP_FOREACH (svc->config, at, value)
		free(value);
	map_free(svc->config);
	loop_free(svc->loop);
}

int service_main(int argc, char **argv, const struct service_spec *spec)
{
	int status = process_arguments(argc, argv, spec->id, spec->synopsis);
	struct service svc = {.spec = spec};

	if (status >= 0)
		return status;
	process_init(spec->id);
	svc.loop = loop_new();
	svc.config = map_new();
	svc.start_wait = timer_new(svc.loop, start_wait_over, &svc);
	svc.overdue = timer_new(svc.loop, stop_overdue, &svc);
	svc.parent =
	    parent_new(svc.loop, PARENT_FD, spec->id, SERVICE_SUPERVISOR, &parent_events, &svc);
	loop_on_signal(svc.loop, SIGTERM, on_sigterm, &svc);
	loop_run(svc.loop);
	clear(&svc);
	return svc.status;
}
