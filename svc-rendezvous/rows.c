#include "svc-rendezvous/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "codec/json.h"
#include "http/http_text.h"

/* Calls `fn` for each of them in order until it returns something else than 0; the message is
 * parsed anew, since only this table needs all of its fields. */
typedef int row_fn(void *arg, const struct hub_peer *p, const struct presence *message);

static void each(const struct hub *hub, size_t max, row_fn *fn, void *arg)
{
	struct presence m;
	const char *why;
	int r = 0;

	for (int pass = 0; pass < 2; pass++)
		for (const struct hub_peer *p = hub_next(hub, NULL); p != NULL && r == 0 && max > 0;
		     p = hub_next(hub, p)) {
			if ((p->type == PRESENCE_ONLINE) != (pass == 0) ||
			    presence_parse(&m, p->json, p->len, &why) != 0)
				continue;
			r = fn(arg, p, &m);
			presence_clear(&m);
			max--;
		}
}

static int add_json(void *arg, const struct hub_peer *p, const struct presence *m)
{
	cJSON *row = cJSON_CreateObject(), *addrs = cJSON_CreateArray();

	cJSON_AddStringToObject(row, "peer_id", p->id);
	cJSON_AddStringToObject(row, "type", presence_type_name(p->type));
	cJSON_AddStringToObject(row, "content", m->content);
	cJSON_AddStringToObject(row, "email", m->email);
	cJSON_AddStringToObject(row, "avatar_hash", m->avatar_hash);
	for (size_t i = 0; i < m->addr_count; i++)
		cJSON_AddItemToArray(addrs, cJSON_CreateString(m->addrs[i]));
	cJSON_AddItemToObject(row, "addrs", addrs);
	cJSON_AddNumberToObject(row, "ts", (double)p->ts);
	cJSON_AddNumberToObject(row, "last_seen", (double)p->heard);
	cJSON_AddNumberToObject(row, "bytes_sent", (double)p->bytes_published);
	cJSON_AddNumberToObject(row, "bytes_received", (double)hub_peer_received(p));
	cJSON_AddBoolToObject(row, "signed", p->signed_);
	cJSON_AddItemToArray(arg, row);
	return 0;
}

char *rows_to_json(const struct hub *hub, size_t max)
{
	cJSON *list = cJSON_CreateArray();
	char *text;

	each(hub, max, add_json, list);
	text = json_print(list);
	cJSON_Delete(list);
	return text;
}

/* Each cell bears its column's name, for screens on which a row does not fit into a line. */
static int cell(struct buf *out, const char *column, const char *text)
{
	return buf_putf(out, "<td data-column=\"%s\">", column) | http_text_put_html(out, text) |
	       buf_puts(out, "</td>");
}

static int number_cell(struct buf *out, const char *column, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return cell(out, column, text);
}

static int time_cell(struct buf *out, const char *column, int64_t wall_ms)
{
	char text[25];

	clock_format(wall_ms, text);
	/* "2026-01-31 23:59:59Z" is enough for people. */
	text[10] = ' ';
	memcpy(text + 19, "Z", 2);
	return cell(out, column, text);
}

static int addrs_cell(struct buf *out, const struct presence *m)
{
	int r = buf_puts(out, "<td data-column=\"addrs\">");

	for (size_t i = 0; i < m->addr_count; i++)
		r |= buf_puts(out, i > 0 ? " " : "") | http_text_put_html(out, m->addrs[i]);
	return r | buf_puts(out, "</td>");
}

static int put_row(struct buf *out, const struct hub_peer *p, const struct presence *m)
{
	char type[32];

	snprintf(
	    type, sizeof(type), "%s%s", presence_type_name(p->type), p->signed_ ? ", signed" : "");
	return buf_puts(out, "<tr>") | cell(out, "peer_id", p->id) | cell(out, "type", type) |
	       cell(out, "content", m->content) | cell(out, "email", m->email) |
	       cell(out, "avatar_hash", m->avatar_hash) | addrs_cell(out, m) |
	       time_cell(out, "ts", p->ts) | time_cell(out, "last_seen", p->heard) |
	       number_cell(out, "bytes_sent", p->bytes_published) |
	       number_cell(out, "bytes_received", hub_peer_received(p)) | buf_puts(out, "</tr>\n");
}

struct table {
	struct buf *out;
	size_t rest;
};

static int put_html(void *arg, const struct hub_peer *p, const struct presence *m)
{
	const struct table *t = arg;
	size_t before = buf_len(t->out);

	if (put_row(t->out, p, m) == 0 && buf_room(t->out) >= t->rest)
		return 0;
	buf_truncate(t->out, before);
	return -1;
}

void rows_put_html(const struct hub *hub, size_t max, size_t rest, struct buf *out)
{
	each(hub, max, put_html, &(struct table){.out = out, .rest = rest});
}
