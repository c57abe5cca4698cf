/* A service that stands where the viewer stands, made of nothing but the skeleton: it echoes what
 * streams bring, and does on request what a service should not. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "proto/service.h"

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	(void)user;
	stream_write(s, p, len, last);
	stream_consumed(s, len);
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	(void)s;
	(void)user;
	log_info("echo", "reset: %s: %s", stream_code_name(code), text);
}

static const struct stream_events events = {.data = on_data, .reset = on_reset};

static const struct stream_events *on_incoming(void *arg, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user)
{
	(void)s;
	(void)peer;
	(void)address;
	(void)user;
	service_fact(arg, "last_stream", protocol_id(protocol));
	return &events;
}

static void transport_up(struct service *svc)
{
	service_fact(svc, "transport", "up");
}

static void transport_down(struct service *svc, const char *why)
{
	service_fact(svc, "transport", why);
}

/* The port of SELF says what to do. */
static int from_transport(struct service *svc, struct msg *m)
{
	unsigned port;

	if (m->type != MSG_SELF)
		return -1;
	msg_get_str(m);
	msg_get_bytes(m);
	port = msg_get_u16(m);
	if (!msg_end(m))
		return -1;
	switch (port) {
	case 1: panic("echo", "told to panic");
	case 2: fatal("echo", "told to be fatal");
	case 3: raise(SIGSEGV); return 0;
	case 4: return -1;
	case 5: service_alarm(svc, "told to say %s", "this"); return 0;
	default: service_fact(svc, "self", "heard"); return 0;
	}
}

static const struct desk desks[] = {
    {.peer = SERVICE_TRANSPORT,
	.up = transport_up,
	.down = transport_down,
	.message = from_transport,
	.incoming = on_incoming},
    {.peer = SERVICE_DB},
};

static int init(struct service *svc)
{
	static int state = 7;

	service_set_state(svc, &state);
	if (strcmp(service_config(svc, "fail"), "init") == 0) {
		log_error("echo", "configured to fail");
		return -1;
	}
	service_fact(svc, "number", service_config_u64(svc, "number", 5) == 42 ? "42" : "other");
	service_fact(svc, "yes", service_config_bool(svc, "yes") ? "true" : "false");
	return 0;
}

/* One byte more than fits, where a character of two bytes would be cut in half. */
static void too_long_a_fact(struct service *svc)
{
	char value[SERVICE_FACT_MAX + 2];

	memset(value, 'v', sizeof(value) - 1);
	memcpy(value + SERVICE_FACT_MAX - 4, "\xc3\xa4", 2);
	value[sizeof(value) - 1] = '\0';
	service_fact(svc, "long", value);
}

static int start(struct service *svc)
{
	int *state = service_state(svc);

	if (*state != 7 || strcmp(service_config(svc, "fail"), "start") == 0)
		return -1;
	too_long_a_fact(svc);
	service_fact(
	    svc, "started", link_is_up(service_link(svc, SERVICE_TRANSPORT)) ? "linked" : "alone");
	return 0;
}

static void stop(struct service *svc, uint32_t grace_ms)
{
	log_info("echo", "%u ms to stop", grace_ms);
	if (strcmp(service_config(svc, "fail"), "stop") != 0)
		service_exit(svc, 0);
}

static void fini(struct service *svc)
{
	(void)svc;
	log_info("echo", "fini");
}

static void report(struct service *svc, uint32_t request, const char *what)
{
	static char huge[200000];

	memset(huge, ' ', sizeof(huge) - 1);
	service_report(svc, request, strcmp(what, "huge") == 0 ? huge : "{\"what\":1}");
}

int main(int argc, char **argv)
{
	static const struct service_spec spec = {
	    .id = SERVICE_VIEWER,
	    .synopsis = "echoes, for tests",
	    .desks = desks,
	    .desk_count = 2,
	    .init = init,
	    .start = start,
	    .stop = stop,
	    .fini = fini,
	    .report = report,
	};

	return service_main(argc, argv, &spec);
}
