#include "proto/trace_filter.h"

#include <string.h>
#include <strings.h>

#define EVERYBODY 0xffff

static void want_type(struct trace_filter *f, unsigned type)
{
	f->types[type / 8] |= (uint8_t)(1u << type % 8);
}

static void want_all_types(struct trace_filter *f)
{
	memset(f->types, 0xff, sizeof(f->types));
}

bool trace_filter_parse(struct trace_filter *f, const char *subject)
{
	enum service_id peer = service_by_name(subject);

	*f = (struct trace_filter){.peers = EVERYBODY};
	if (peer < SERVICE_COUNT && peer != SERVICE_SUPERVISOR) {
		f->peers = (uint16_t)(1u << peer);
		want_all_types(f);
		return true;
	}
	if (subject[0] == '\0')
		want_all_types(f);
	for (unsigned type = 0; type < MSG_NUMBERS; type++)
		if (msg_max(type) > 0 && strncasecmp(msg_name(type), subject, strlen(subject)) == 0)
			want_type(f, type);
	return !trace_filter_is_empty(f);
}

bool trace_filter_wants(const struct trace_filter *f, enum service_id peer, unsigned type)
{
	/* What is none of the list is shown with all others. */
	if (type >= MSG_NUMBERS)
		type = 0;
	return (f->peers & 1u << peer) != 0 && (f->types[type / 8] & 1u << type % 8) != 0;
}

bool trace_filter_is_empty(const struct trace_filter *f)
{
	for (size_t i = 0; i < sizeof(f->types); i++)
		if (f->types[i] != 0)
			return f->peers == 0;
	return true;
}

void trace_filter_add(struct trace_filter *f, const struct trace_filter *more)
{
	f->peers |= more->peers;
	for (size_t i = 0; i < sizeof(f->types); i++)
		f->types[i] |= more->types[i];
}

void trace_filter_put(const struct trace_filter *f, struct msg *m)
{
	msg_put_u16(m, f->peers);
	msg_put_bytes(m, f->types, sizeof(f->types));
}

int trace_filter_get(struct trace_filter *f, struct msg *m)
{
	struct bytes types;

	f->peers = msg_get_u16(m);
	types = msg_get_bytes(m);
	if (!msg_end(m) || types.len != sizeof(f->types))
		return -1;
	memcpy(f->types, types.data, sizeof(f->types));
	return 0;
}
