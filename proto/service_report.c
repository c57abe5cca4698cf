/* What every service reports in the same words: its links, and the streams on them. */
#include <stdlib.h>

#include "codec/json.h"
#include "proto/service_private.h"

#define STREAMS_SHOWN 300 /* of each link; a report is bounded */

struct credit {
	size_t out, in;
};

static void add_credit(void *arg, const struct stream_view *s)
{
	struct credit *sum = arg;

	sum->out += s->credit_out;
	sum->in += s->credit_in;
}

static void add_number(cJSON *to, const char *key, uint64_t n)
{
	cJSON_AddNumberToObject(to, key, (double)n);
}

static cJSON *describe_types(const struct link *l)
{
	cJSON *rows = cJSON_CreateArray(), *row;

	for (unsigned type = 0; type < MSG_NUMBERS; type++) {
		struct link_count c = link_counted_type(l, type);

		if (c.messages_in + c.messages_out == 0)
			continue;
		row = cJSON_CreateObject();
		cJSON_AddStringToObject(row, "message", msg_name(type));
		add_number(row, "messages_in", c.messages_in);
		add_number(row, "messages_out", c.messages_out);
		add_number(row, "bytes_in", c.bytes_in);
		add_number(row, "bytes_out", c.bytes_out);
		cJSON_AddItemToArray(rows, row);
	}
	return rows;
}

static cJSON *describe_link(const struct neighbour *n)
{
	struct link_count sum = link_counted(n->link), since = link_counted_since_up(n->link);
	struct credit credit = {0};
	cJSON *row = cJSON_CreateObject();

	streams_view(n->streams, add_credit, &credit);
	cJSON_AddStringToObject(row, "peer", service_name(n->desk->peer));
	cJSON_AddBoolToObject(row, "up", link_is_up(n->link));
	cJSON_AddBoolToObject(row, "connects", link_connects(n->link));
	add_number(row, "generation", link_generation(n->link));
	add_number(row, "streams", streams_count(n->streams));
	add_number(row, "messages_in", sum.messages_in);
	add_number(row, "messages_out", sum.messages_out);
	add_number(row, "bytes_in", sum.bytes_in);
	add_number(row, "bytes_out", sum.bytes_out);
	/* What one end has sent and the other not heard is in the queues between them. */
	add_number(row, "sent", since.messages_out);
	add_number(row, "heard", since.messages_in);
	add_number(row, "credit_out", credit.out);
	add_number(row, "credit_in", credit.in);
	cJSON_AddItemToObject(row, "types", describe_types(n->link));
	return row;
}

/* Consumes the value. */
static void answer(struct service *svc, uint32_t request, cJSON *value)
{
	char *text = json_print(value);

	cJSON_Delete(value);
	service_report(svc, request, text);
	free(text);
}

void service_report_links(struct service *svc, uint32_t request)
{
	cJSON *rows = cJSON_CreateArray();

	for (size_t i = 0; i < svc->spec->desk_count; i++)
		cJSON_AddItemToArray(rows, describe_link(&svc->neighbours[i]));
	answer(svc, request, rows);
}

struct listing {
	cJSON *rows;
	const char *link;
	size_t left;
};

static void add_stream(void *arg, const struct stream_view *s)
{
	struct listing *l = arg;
	const char *protocol = protocol_id(s->protocol);
	cJSON *row;

	if (l->left == 0)
		return;
	l->left--;
	row = cJSON_CreateObject();
	cJSON_AddStringToObject(row, "link", l->link);
	add_number(row, "id", s->id);
	cJSON_AddStringToObject(row, "peer", s->peer);
	cJSON_AddStringToObject(row, "protocol", protocol != NULL ? protocol : "");
	cJSON_AddStringToObject(row, "direction", s->ours ? "out" : "in");
	cJSON_AddStringToObject(row, "state", s->open ? "open" : "waiting");
	add_number(row, "bytes_in", s->bytes_in);
	add_number(row, "bytes_out", s->bytes_out);
	add_number(row, "credit_in", s->credit_in);
	add_number(row, "credit_out", s->credit_out);
	cJSON_AddItemToArray(l->rows, row);
}

void service_report_streams(struct service *svc, uint32_t request)
{
	struct listing l = {.rows = cJSON_CreateArray()};

	for (size_t i = 0; i < svc->spec->desk_count; i++) {
		l.link = service_name(svc->neighbours[i].desk->peer);
		l.left = STREAMS_SHOWN / svc->spec->desk_count;
		streams_view(svc->neighbours[i].streams, add_stream, &l);
	}
	answer(svc, request, l.rows);
}
