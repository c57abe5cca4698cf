/* What status tells of the streams. */
#include "svc-transport/pipe_private.h"

static cJSON *describe(const struct pipe *p, uint64_t now)
{
	static const char *const states[] = {"waiting", "queued", "negotiating", "open"};
	char peer[PEER_ID_TEXT];
	cJSON *row = cJSON_CreateObject();
	const char *id = protocol_id(p->protocol);

	peer_id_to_text(&p->peer, peer);
	cJSON_AddStringToObject(row, "peer", peer);
	cJSON_AddStringToObject(row, "protocol", id != NULL ? id : "");
	cJSON_AddStringToObject(row, "direction", p->ours ? "out" : "in");
	cJSON_AddStringToObject(row, "state", states[p->state]);
	cJSON_AddNumberToObject(row, "bytes_in", (double)p->bytes_in);
	cJSON_AddNumberToObject(row, "bytes_out", (double)p->bytes_out);
	cJSON_AddNumberToObject(row, "unsent", (double)p->unsent);
	cJSON_AddNumberToObject(row, "age_ms", (double)(now - p->since));
	return row;
}

static void report_list(
    const struct stream_table *t, const struct pipe_list *list, cJSON *rows, size_t *left)
{
	const struct pipe *p;

	TAILQ_FOREACH (p, list, entry) {
		if (*left == 0)
			return;
		--*left;
		cJSON_AddItemToArray(rows, describe(p, loop_now(t->loop)));
	}
}

cJSON *stream_table_report(const struct stream_table *t, size_t max)
{
	cJSON *rows = cJSON_CreateArray();
	const struct lane *l;

	report_list(t, &t->waiting, rows, &max);
	TAILQ_FOREACH (l, &t->lanes, entry) {
		report_list(t, &l->queue, rows, &max);
		report_list(t, &l->pipes, rows, &max);
	}
	report_list(t, &t->orphans, rows, &max);
	return rows;
}
