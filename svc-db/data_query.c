#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "svc-db/answer.h"
#include "svc-db/data_call_int.h"

/* Time in one data_call_run() after which others get their turn. */
#define SLICE_US 4000

static enum store_code open_query(struct data_call *c, struct store *st)
{
	const struct request *r = &c->request;
	const struct table *t;
	enum access_rows rows;
	enum store_code code = data_find_table(c, st, ACCESS_READ, &t, &rows);
	struct query_spec spec;

	if (code != STORE_OK)
		return code;
	spec = (struct query_spec){.table = t,
	    .trusted = c->owner,
	    .only_owner = rows == ROWS_ALL ? NULL : c->peer,
	    .columns = r->columns,
	    .column_count = r->column_count,
	    .where = r->where,
	    .args = r->args,
	    .arg_count = r->arg_count,
	    .limit = r->limit > 0 ? r->limit : 0,
	    .offset = r->offset > 0 ? r->offset : 0};
	c->query = query_open(st, &spec, &code);
	return data_from_store(c, st, code);
}

static void make_keys(struct data_call *c)
{
	size_t n = query_columns(c->query);

	c->keys = xcalloc(n + 1, sizeof *c->keys);
	for (size_t i = 0; i < n; i++) {
		struct buf key;
		size_t len;
		buf_init(&key, REQUEST_MAX * 8);
		buf_puts(&key, i == 0 ? "{" : ",");
		answer_text(&key, query_column(c->query, i));
		buf_put(&key, ":", 2); /* with the zero */
		c->keys[i] = (char *)buf_take(&key, &len);
	}
}

static int put_row(struct data_call *c, struct buf *out)
{
	size_t before = buf_len(out);
	int bad = buf_puts(out, c->rows++ == 0 ? "" : ",");

	for (size_t i = 0; bad == 0 && c->keys[i] != NULL; i++) {
		struct value v = query_value(c->query, i);
		bad = buf_puts(out, c->keys[i]) | answer_value(out, &v);
	}
	bad |= buf_puts(out, "}");
	c->bytes += buf_len(out) - before;
	return bad;
}

/* The next row; STORE_OK with *end set after the last. */
static enum store_code next_row(struct data_call *c, struct buf *out, bool *end)
{
	switch (query_next(c->query)) {
	case QUERY_END: *end = true; return STORE_OK;
	case QUERY_FAILED: return data_refuse(c, query_why(c->query));
	case QUERY_ROW: break;
	}
	if (put_row(c, out) != 0)
		return data_refuse(c, "row too large");
	if (!c->owner && (c->rows > DATA_CALL_ROWS || c->bytes > DATA_CALL_BYTES))
		return data_refuse(c, "answer too large: use limit and offset");
	return STORE_OK;
}

static enum data_state fail_query(struct data_call *c, struct buf *out)
{
	if (c->flowing)
		return DATA_BROKEN;
	buf_truncate(out, 0);
	answer_error(out, c->why);
	return DATA_DONE;
}

enum data_state data_query_run(struct data_call *c, struct store *st, struct buf *out)
{
	uint64_t until = clock_mono_us() + SLICE_US;
	enum store_code code = STORE_OK;
	bool end = false;

	if (c->query == NULL) {
		code = open_query(c, st);
		if (code == STORE_BUSY)
			return DATA_LATER;
		if (code != STORE_OK)
			return fail_query(c, out);
		make_keys(c);
		buf_puts(out, ANSWER_OK "[");
	}
	do
		code = next_row(c, out, &end);
	while (
	    code == STORE_OK && !end && buf_len(out) < DATA_CALL_CHUNK && clock_mono_us() < until);
	if (code != STORE_OK)
		return fail_query(c, out);
	if (end) {
		buf_puts(out, "]" ANSWER_END);
		/* The reader is wanted elsewhere, however long the answer takes to leave. */
		query_free(c->query);
		c->query = NULL;
		return DATA_DONE;
	}
	c->flowing = c->flowing || buf_len(out) >= DATA_CALL_CHUNK;
	return c->flowing ? DATA_FLOW : DATA_MORE;
}
