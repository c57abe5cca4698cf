#include "svc-rendezvous/rows.h"

#include <stdlib.h>

#include "base/clock.h"
#include "codec/json.h"
#include "http/http_text.h"

/* Calls `fn` for each of them in order; the message is parsed anew, since only this table needs
 * all of its fields. */
typedef int row_fn(void *arg, const struct hub_peer *p, const struct presence *message);

static int each(const struct hub *hub, size_t max, row_fn *fn, void *arg)
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
	return r;
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

static int put_html(void *arg, const struct hub_peer *p, const struct presence *m)
{
	struct buf *out = arg;
	char ts[25], heard[25];
	int r;

	clock_format(p->ts, ts);
	clock_format(p->heard, heard);
	r = buf_putf(out, "<tr><td><code>%s</code></td><td>%s%s</td><td>", p->id,
	    presence_type_name(p->type), p->signed_ ? ", signed" : "");
	r |= http_text_put_html(out, m->content) | buf_puts(out, "</td><td>");
	r |= http_text_put_html(out, m->email) | buf_puts(out, "</td><td>");
	r |= http_text_put_html(out, m->avatar_hash) | buf_puts(out, "</td><td>");
	for (size_t i = 0; i < m->addr_count; i++)
		r |= buf_puts(out, "<code>") | http_text_put_html(out, m->addrs[i]) |
		     buf_puts(out, "</code> ");
	return r | buf_putf(out, "</td><td>%s</td><td>%s</td><td>%llu</td><td>%llu</td></tr>\n", ts,
		       heard, (unsigned long long)p->bytes_published,
		       (unsigned long long)hub_peer_received(p));
}

int rows_put_html(const struct hub *hub, size_t max, struct buf *out)
{
	return each(hub, max, put_html, out);
}
