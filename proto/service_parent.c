/* The service's side of its conversation with the supervisor. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "proto/crash.h"
#include "proto/service_private.h"

#define ORPHAN_GRACE  2000
#define START_WAIT_MS 2000
#define REPORT_MAX    (128 * 1024 - 6)
#define DOTS          "..."
#define EXIT_CONFIG   78 /* EX_CONFIG of sysexits.h */

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

/* As much of it as fits, in whole characters. */
static void put_cut(struct msg *m, const char *value)
{
	char cut[SERVICE_FACT_MAX + 1];
	size_t n = SERVICE_FACT_MAX - strlen(DOTS);

	if (strlen(value) <= SERVICE_FACT_MAX) {
		msg_put_str(m, value);
		return;
	}
	while (((unsigned char)value[n] & 0xc0) == 0x80)
		n--;
	memcpy(cut, value, n);
	memcpy(cut + n, DOTS, sizeof(DOTS));
	msg_put_str(m, cut);
}

void service_fact(struct service *svc, const char *key, const char *value)
{
	struct msg m;

	msg_begin(&m, MSG_FACT, 0);
	msg_put_str(&m, key);
	put_cut(&m, value);
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

void service_send_alarm(struct service *svc, const char *text)
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
	service_send_alarm(svc, text);
}

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
	service_open_links(svc);
	if ((svc->spec->init != NULL && svc->spec->init(svc) != 0) || service_close_walls(svc) != 0)
		service_exit(svc, EXIT_CONFIG);
	return 0;
}

static int hear_link_set(struct service *svc, struct msg *m)
{
	enum service_id sibling = (enum service_id)msg_get_u8(m);
	uint32_t generation = msg_get_u32(m);
	struct bytes token = msg_get_bytes(m);
	struct neighbour *n = service_neighbour(svc, sibling);

	if (!msg_end(m) || token.len != LINK_TOKEN || n == NULL)
		return -1;
	if (!svc->start_asked)
		n->awaited = true;
	link_set(n->link, generation, token.data);
	streams_set_slab(n->streams, parent_fd(svc->parent));
	return 0;
}

static int hear_link_down(struct service *svc, struct msg *m)
{
	enum service_id sibling = (enum service_id)msg_get_u8(m);
	uint32_t generation = msg_get_u32(m);
	struct neighbour *n = service_neighbour(svc, sibling);
	char why[512];

	msg_get_cstr(m, why, sizeof(why));
	if (!msg_end(m) || n == NULL)
		return -1;
	link_lost(n->link, generation, why);
	streams_set_slab(n->streams, -1);
	/* Who is dead need not be waited for. */
	n->awaited = false;
	service_start_when_linked(svc);
	return 0;
}

static int hear_start(struct service *svc, struct msg *m)
{
	if (!msg_end(m) || !svc->configured || svc->start_asked)
		return -1;
	svc->start_asked = true;
	timer_start(svc->start_wait, START_WAIT_MS);
	service_start_when_linked(svc);
	return 0;
}

static int hear_stop(struct service *svc, struct msg *m)
{
	uint32_t grace_ms = msg_get_u32(m);
	bool comes_back = msg_get_u8(m) != 0;

	if (!msg_end(m))
		return -1;
	svc->comes_back = comes_back;
	service_stop(svc, grace_ms);
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
	service_tell_refusals(svc);
	return 0;
}

static int hear_report_get(struct service *svc, struct msg *m)
{
	uint32_t request = msg_get_u32(m);
	char what[256];

	msg_get_cstr(m, what, sizeof(what));
	if (!msg_end(m) || !svc->configured)
		return -1;
	if (strcmp(what, "links") == 0)
		service_report_links(svc, request);
	else if (strcmp(what, "streams") == 0 && !svc->spec->own_streams)
		service_report_streams(svc, request);
	else if (svc->spec->report != NULL)
		svc->spec->report(svc, request, what);
	else
		service_report(svc, request, "null");
	return 0;
}

static int hear_trace_set(struct service *svc, struct msg *m)
{
	struct trace_filter filter;

	if (trace_filter_get(&filter, m) != 0 || !svc->configured)
		return -1;
	trace_set(svc->trace, &filter);
	service_trace(svc, trace_is_on(svc->trace));
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
	case MSG_TRACE_SET: return hear_trace_set(svc, m);
	default: return -1;
	}
}

static int parent_message(void *arg, struct msg *m)
{
	struct service *svc = arg;
	int r;

	if (svc->ending)
		return 0;
	crash_note(m->type, SERVICE_SUPERVISOR);
	r = from_supervisor(svc, m);
	crash_note(0, SERVICE_SUPERVISOR);
	return r;
}

static void parent_closed(void *arg)
{
	struct service *svc = arg;

	log_warn("service", "the supervisor has gone");
	service_stop(svc, ORPHAN_GRACE);
}

const struct parent_events service_parent_events = {
    .message = parent_message,
    .closed = parent_closed,
};
