#include "supervisor/traces.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "proto/links.h"
#include "proto/trace_filter.h"

#define EXIT_USAGE  2
#define TRACE_LINE  256
#define EVENT_BYTES (8 + 1 + 1 + 2 + 4)

struct follower {
	uint32_t client; /* 0 for a free place */
	struct minder *of;
	struct trace_filter filter;
	uint64_t lost; /* since the last line that it took */
};

struct traces {
	struct control *control;
	struct follower all[TRACES_MAX];
};

struct traces *traces_new(struct control *control)
{
	struct traces *t = xcalloc(1, sizeof(*t));

	t->control = control;
	return t;
}

void traces_free(struct traces *t)
{
	free(t);
}

/* What all who follow it want together; nothing when nobody does. */
static void tell_service(const struct traces *t, struct minder *of)
{
	struct trace_filter filter = {0};
	struct msg m;

	for (size_t i = 0; i < TRACES_MAX; i++)
		if (t->all[i].client != 0 && t->all[i].of == of)
			trace_filter_add(&filter, &t->all[i].filter);
	msg_begin(&m, MSG_TRACE_SET, 0);
	trace_filter_put(&filter, &m);
	minder_send(of, &m);
}

static bool has_links(enum service_id id)
{
	for (size_t i = 0; i < link_places(); i++)
		if (link_place(i)->connects == id || link_place(i)->binds == id)
			return true;
	return false;
}

static struct follower *free_place(struct traces *t)
{
	for (size_t i = 0; i < TRACES_MAX; i++)
		if (t->all[i].client == 0)
			return &t->all[i];
	return NULL;
}

void traces_ask(struct traces *t, uint32_t client, struct minder *of, const char *subject)
{
	struct follower *f = free_place(t);
	struct trace_filter filter;
	char line[TRACE_LINE];

	if (!has_links(minder_id(of))) {
		control_refuse(
		    t->control, client, EXIT_FAILURE, "%s has no links", minder_name(of));
	} else if (!trace_filter_parse(&filter, subject)) {
		control_refuse(t->control, client, EXIT_USAGE,
		    "there is no message whose name begins with %.100s, and no service of that "
		    "name",
		    subject);
	} else if (f == NULL) {
		control_refuse(t->control, client, EXIT_FAILURE, "%d look on already", TRACES_MAX);
	} else {
		*f = (struct follower){.client = client, .of = of, .filter = filter};
		snprintf(line, sizeof(line), "{\"ok\":true,\"service\":\"%s\"}\n", minder_name(of));
		control_follow(t->control, client);
		control_push(t->control, client, line);
		tell_service(t, of);
	}
}

void traces_left(struct traces *t, uint32_t client)
{
	for (size_t i = 0; i < TRACES_MAX; i++)
		if (t->all[i].client == client) {
			t->all[i].client = 0;
			tell_service(t, t->all[i].of);
		}
}

/* What the client does not take is counted, and told with the next line that it takes. */
static void push(struct traces *t, struct follower *f, const char *line)
{
	char lost[64];

	if (f->lost > 0) {
		snprintf(lost, sizeof(lost), "{\"lost\":%llu}\n", (unsigned long long)f->lost);
		if (!control_push(t->control, f->client, lost)) {
			f->lost++;
			return;
		}
		f->lost = 0;
	}
	if (!control_push(t->control, f->client, line))
		f->lost++;
}

static void push_all(struct traces *t, const struct minder *of, const char *line)
{
	for (size_t i = 0; i < TRACES_MAX; i++)
		if (t->all[i].client != 0 && t->all[i].of == of)
			push(t, &t->all[i], line);
}

/* Something in words. */
static void note(struct traces *t, const struct minder *of, const char *text)
{
	cJSON *o = cJSON_CreateObject();
	char *json, *line;

	cJSON_AddStringToObject(o, "note", text);
	json = json_print(o);
	line = xasprintf("%s\n", json);
	push_all(t, of, line);
	free(line);
	free(json);
	cJSON_Delete(o);
}

static void take_event(struct traces *t, const struct minder *m, struct msg *msg)
{
	int64_t at = msg_get_i64(msg);
	bool out = msg_get_u8(msg) != 0;
	enum service_id peer = (enum service_id)msg_get_u8(msg);
	unsigned type = msg_get_u16(msg), bytes = msg_get_u32(msg);
	char stamp[25], line[TRACE_LINE] = "";

	if (msg->bad || (unsigned)peer >= SERVICE_COUNT)
		return;
	for (size_t i = 0; i < TRACES_MAX; i++) {
		struct follower *f = &t->all[i];

		if (f->client == 0 || f->of != m || !trace_filter_wants(&f->filter, peer, type))
			continue;
		/* Nothing is put into words for those who do not read. */
		if (!control_has_room(t->control, f->client)) {
			f->lost++;
			continue;
		}
		if (line[0] == '\0') {
			clock_format(at, stamp);
			snprintf(line, sizeof(line),
			    "{\"time\":\"%s\",\"dir\":\"%s\",\"peer\":\"%s\",\"message\":\"%s\","
			    "\"bytes\":%u}\n",
			    stamp, out ? "out" : "in", service_name(peer), msg_name(type), bytes);
		}
		push(t, f, line);
	}
}

int traces_take(struct traces *t, const struct minder *m, struct msg *msg)
{
	uint32_t lost = msg_get_u32(msg);
	unsigned count = msg_get_u16(msg);

	if (msg->bad || msg->size - msg->pos != (size_t)count * EVENT_BYTES)
		return -1;
	while (count-- > 0)
		take_event(t, m, msg);
	for (size_t i = 0; lost > 0 && i < TRACES_MAX; i++)
		if (t->all[i].client != 0 && t->all[i].of == m)
			t->all[i].lost += lost;
	return msg_end(msg) ? 0 : -1;
}

void traces_spawned(struct traces *t, struct minder *m)
{
	for (size_t i = 0; i < TRACES_MAX; i++)
		if (t->all[i].client != 0 && t->all[i].of == m) {
			tell_service(t, m);
			note(t, m, "a new process");
			return;
		}
}

void traces_inherited(struct traces *t, struct minder *m)
{
	if (has_links(minder_id(m)))
		tell_service(t, m);
}

void traces_died(struct traces *t, const struct minder *m, const char *why)
{
	char *text = xasprintf("its process has ended: %s", why);

	note(t, m, text);
	free(text);
}
