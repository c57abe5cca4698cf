#include "svc-db/data_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "svc-db/answer.h"
#include "svc-db/request.h"

/* Time in one data_call_run() after which others get their turn. */
#define SLICE_US 4000

struct data_call {
	struct request request;
	bool owner;
	char *peer;
	char *email;
	/* A query under way. */
	struct query *query;
	char **keys; /* "\"name\":" for each column */
	size_t rows;
	size_t bytes;
	bool flowing;
	char why[STORE_WHY];
};

typedef enum store_code op_fn(struct data_call *c, struct store *st, struct buf *out);

static enum store_code refuse(struct data_call *c, const char *why)
{
	str_copy(c->why, sizeof c->why, why);
	return STORE_REFUSED;
}

static enum store_code refuse_name(struct data_call *c, const char *what, const char *name)
{
	snprintf(c->why, sizeof c->why, "%s: %.*s", what, SCHEMA_NAME_MAX, name);
	return STORE_REFUSED;
}

/* Takes over what the store said. */
static enum store_code from_store(struct data_call *c, struct store *st, enum store_code code)
{
	if (code != STORE_OK)
		str_copy(c->why, sizeof c->why, store_why(st));
	return code;
}

/* The table named, when the caller may do this to it; *rows are those that he may touch. */
static enum store_code find_table(struct data_call *c, struct store *st, enum access_op op,
    const struct table **t, enum access_rows *rows)
{
	const struct caller caller = {c->owner, c->peer, c->email};
	const char *name = c->request.table, *refusal;
	/* The owner may look at what else is in the file. */
	bool any = c->owner && (op == ACCESS_READ || op == ACCESS_DESCRIBE);

	if (*name == '\0' && op == ACCESS_DESCRIBE)
		name = c->request.name;
	if (*name == '\0')
		return refuse(c, "table name required");
	*t = any || !schema_name_is_system(name) ? store_table(st, name) : NULL;
	if (*t == NULL || (!any && !(*t)->registered))
		return refuse_name(c, "no such table", name);
	refusal = access_refusal(op, &caller, &(*t)->rules, rows);
	return refusal == NULL ? STORE_OK : refuse(c, refusal);
}

/* --- reads --- */

struct listing {
	struct buf *out;
	const char *comma;
};

static void list_table(void *arg, const char *name, const char *policy, const char *created_at)
{
	struct listing *l = arg;

	buf_putf(l->out, "%s{\"name\":", l->comma);
	answer_text(l->out, name);
	buf_puts(l->out, ",\"insert_policy\":");
	answer_text(l->out, policy);
	buf_puts(l->out, ",\"created_at\":");
	answer_text(l->out, created_at);
	buf_puts(l->out, "}");
	l->comma = ",";
}

enum store_code data_call_tables(struct store *st, struct buf *out)
{
	struct listing l = {out, ""};
	enum store_code code;

	buf_puts(out, "[");
	code = store_each_table(st, list_table, &l);
	buf_puts(out, "]");
	return code;
}

static enum store_code op_tables(struct data_call *c, struct store *st, struct buf *out)
{
	return from_store(c, st, data_call_tables(st, out));
}

static enum store_code op_describe(struct data_call *c, struct store *st, struct buf *out)
{
	const struct table *t;
	enum access_rows rows;
	enum store_code code = find_table(c, st, ACCESS_DESCRIBE, &t, &rows);

	if (code != STORE_OK)
		return code;
	for (size_t i = 0; i < t->count; i++) {
		const struct column *column = &t->columns[i];
		buf_putf(out, "%s{\"cid\":%zu,\"name\":", i == 0 ? "[" : ",", i);
		answer_text(out, column->name);
		buf_puts(out, ",\"type\":");
		answer_text(out, column->type);
		buf_putf(out, ",\"not_null\":%s,\"default\":", column->not_null ? "true" : "false");
		answer_text(out, column->default_);
		buf_putf(out, ",\"pk\":%s}", column->pk ? "true" : "false");
	}
	buf_puts(out, t->count == 0 ? "[]" : "]");
	return STORE_OK;
}

static enum store_code op_lua_call(struct data_call *c, struct store *st, struct buf *out)
{
	(void)st;
	(void)out;
	return refuse(c, "lua scripting not enabled");
}

static enum store_code op_lua_list(struct data_call *c, struct store *st, struct buf *out)
{
	(void)c;
	(void)st;
	buf_puts(out, "{\"functions\":[]}");
	return STORE_OK;
}

/* --- rows --- */

static bool gives(const struct request *r, const char *column)
{
	for (size_t i = 0; i < r->field_count; i++)
		if (strcmp(r->fields[i].column, column) == 0)
			return true;
	return false;
}

/* System columns are not for remote callers to write. */
static enum store_code check_data(struct data_call *c)
{
	const struct request *r = &c->request;

	for (size_t i = 0; !c->owner && i < r->field_count; i++)
		if (schema_name_is_system(r->fields[i].column))
			return refuse_name(
			    c, "system columns cannot be written", r->fields[i].column);
	return STORE_OK;
}

static struct field text_field(const char *column, const char *text)
{
	return (struct field){column, {VALUE_TEXT, 0, 0, {(const uint8_t *)text, strlen(text)}}};
}

/* Who it is from, unless the owner himself says otherwise, then what was given. */
static struct field *insert_fields(struct data_call *c, const struct table *t, size_t *count)
{
	const struct request *r = &c->request;
	struct field *fields = xcalloc(r->field_count + 2, sizeof *fields);
	size_t n = 0;

	if (!gives(r, SCHEMA_OWNER))
		fields[n++] = text_field(SCHEMA_OWNER, c->peer);
	if (!gives(r, SCHEMA_OWNER_EMAIL) && table_column(t, SCHEMA_OWNER_EMAIL) >= 0)
		fields[n++] = text_field(SCHEMA_OWNER_EMAIL, c->email);
	for (size_t i = 0; i < r->field_count; i++)
		fields[n++] = r->fields[i];
	*count = n;
	return fields;
}

static enum store_code op_insert(struct data_call *c, struct store *st, struct buf *out)
{
	const struct table *t;
	enum access_rows rows;
	enum store_code code = find_table(c, st, ACCESS_INSERT, &t, &rows);
	struct field *fields;
	size_t count;
	int64_t id = 0;

	if (code == STORE_OK)
		code = check_data(c);
	if (code == STORE_OK && *c->peer == '\0')
		code = refuse(c, "own peer id is not known yet");
	if (code != STORE_OK)
		return code;
	fields = insert_fields(c, t, &count);
	code = store_insert(st, t, fields, count, &id);
	free(fields);
	buf_putf(out, "{\"status\":\"inserted\",\"id\":%lld}", (long long)id);
	return from_store(c, st, code);
}

static enum store_code find_row(struct data_call *c, struct store *st, enum access_op op,
    const struct table **t, const char **owner)
{
	enum access_rows rows;
	enum store_code code = find_table(c, st, op, t, &rows);

	if (code != STORE_OK)
		return code;
	if (c->request.id <= 0)
		return refuse(c, "valid row id required");
	*owner = rows == ROWS_ALL ? NULL : c->peer;
	return STORE_OK;
}

static enum store_code op_update(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;
	const struct table *t;
	const char *owner;
	enum store_code code = find_row(c, st, ACCESS_UPDATE, &t, &owner);

	if (code == STORE_OK)
		code = check_data(c);
	if (code != STORE_OK)
		return code;
	buf_puts(out, "{\"status\":\"updated\"}");
	return from_store(c, st, store_update(st, t, r->id, owner, r->fields, r->field_count));
}

static enum store_code op_delete(struct data_call *c, struct store *st, struct buf *out)
{
	const struct table *t;
	const char *owner;
	enum store_code code = find_row(c, st, ACCESS_DELETE, &t, &owner);

	if (code != STORE_OK)
		return code;
	buf_puts(out, "{\"status\":\"deleted\"}");
	return from_store(c, st, store_delete(st, t, c->request.id, owner));
}

/* --- tables; run_alter() has seen to it that the owner asks --- */

/* {"status":"created","table":"notes"} */
static void put_status(struct buf *out, const char *status, const char *key, const char *value)
{
	buf_putf(out, "{\"status\":\"%s\",\"%s\":", status, key);
	answer_text(out, value);
	buf_puts(out, "}");
}

static enum store_code op_create_table(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;
	const char *name = *r->name != '\0' ? r->name : r->table;

	if (*name == '\0')
		return refuse(c, "table name required");
	if (r->def_count == 0)
		return refuse(c, "at least one column required");
	put_status(out, "created", "table", name);
	return from_store(c, st, store_create_table(st, name, r->defs, r->def_count));
}

static enum store_code op_add_column(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;

	if (*r->table == '\0')
		return refuse(c, "table name required");
	if (r->def_count != 1)
		return refuse(c, "column definition required");
	buf_puts(out, "{\"status\":\"added\"}");
	return from_store(c, st, store_add_column(st, r->table, r->defs));
}

static enum store_code op_drop_column(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;
	const char *column = r->def_count > 0 ? r->defs[0].name : r->name;

	if (*r->table == '\0')
		return refuse(c, "table name required");
	if (*column == '\0')
		return refuse(c, "column name required");
	buf_puts(out, "{\"status\":\"dropped\"}");
	return from_store(c, st, store_drop_column(st, r->table, column));
}

static enum store_code op_rename_table(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;

	if (*r->old_name == '\0' || *r->new_name == '\0')
		return refuse(c, "old and new name required");
	put_status(out, "renamed", "new_name", r->new_name);
	return from_store(c, st, store_rename_table(st, r->old_name, r->new_name));
}

static enum store_code op_delete_table(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;
	const char *name = *r->table != '\0' ? r->table : r->name;

	if (*name == '\0')
		return refuse(c, "table name required");
	put_status(out, "deleted", "table", name);
	return from_store(c, st, store_delete_table(st, name));
}

static enum store_code op_set_policy(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;

	if (*r->table == '\0')
		return refuse(c, "table name required");
	put_status(out, "updated", "policy", r->policy);
	return from_store(c, st, store_set_policy(st, r->table, r->policy));
}

/* --- a query --- */

static enum store_code open_query(struct data_call *c, struct store *st)
{
	const struct request *r = &c->request;
	const struct table *t;
	enum access_rows rows;
	enum store_code code = find_table(c, st, ACCESS_READ, &t, &rows);
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
	return from_store(c, st, code);
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
	case QUERY_FAILED: return refuse(c, query_why(c->query));
	case QUERY_ROW: break;
	}
	if (put_row(c, out) != 0)
		return refuse(c, "row too large");
	if (!c->owner && (c->rows > DATA_CALL_ROWS || c->bytes > DATA_CALL_BYTES))
		return refuse(c, "answer too large: use limit and offset");
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

static enum data_state run_query(struct data_call *c, struct store *st, struct buf *out)
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

/* --- any request --- */

static const struct {
	enum data_kind kind;
	op_fn *run; /* NULL: run_query() */
} ops[] = {
    [REQUEST_TABLES] = {DATA_READ, op_tables},
    [REQUEST_DESCRIBE] = {DATA_READ, op_describe},
    [REQUEST_QUERY] = {DATA_READ, NULL},
    [REQUEST_INSERT] = {DATA_WRITE, op_insert},
    [REQUEST_UPDATE] = {DATA_WRITE, op_update},
    [REQUEST_DELETE] = {DATA_WRITE, op_delete},
    [REQUEST_CREATE_TABLE] = {DATA_ALTER, op_create_table},
    [REQUEST_ADD_COLUMN] = {DATA_ALTER, op_add_column},
    [REQUEST_DROP_COLUMN] = {DATA_ALTER, op_drop_column},
    [REQUEST_RENAME_TABLE] = {DATA_ALTER, op_rename_table},
    [REQUEST_DELETE_TABLE] = {DATA_ALTER, op_delete_table},
    [REQUEST_SET_POLICY] = {DATA_ALTER, op_set_policy},
    [REQUEST_LUA_CALL] = {DATA_READ, op_lua_call},
    [REQUEST_LUA_LIST] = {DATA_READ, op_lua_list},
};

enum data_kind data_call_kind(const struct data_call *c)
{
	return ops[c->request.op].kind;
}

struct data_call *data_call_new(
    const char *line, size_t n, const struct caller *caller, struct buf *out)
{
	struct data_call *c = xcalloc(1, sizeof *c);
	enum access_rows rows;
	const char *refusal = NULL;
	char why[REQUEST_WHY];

	if (request_parse(&c->request, line, n, why) != 0)
		refusal = why;
	/* Known without a look at any table, so no transaction need begin. */
	else if (data_call_kind(c) == DATA_ALTER)
		refusal = access_refusal(ACCESS_SCHEMA, caller, NULL, &rows);
	c->owner = caller->owner;
	c->peer = xstrdup(caller->peer);
	c->email = xstrdup(caller->email);
	if (refusal == NULL)
		return c;
	answer_error(out, refusal);
	data_call_free(c);
	return NULL;
}

void data_call_free(struct data_call *c)
{
	if (c == NULL)
		return;
	query_free(c->query);
	for (size_t i = 0; c->keys != NULL && c->keys[i] != NULL; i++)
		free(c->keys[i]);
	free(c->keys);
	request_clear(&c->request);
	free(c->peer);
	free(c->email);
	free(c);
}

const char *data_call_why(const struct data_call *c)
{
	return c->why;
}

/* Writes are kept or taken back one by one inside the transaction. */
static enum store_code run_saved(struct data_call *c, struct store *st, struct buf *out)
{
	bool whole = data_call_kind(c) == DATA_WRITE;
	enum store_code code = from_store(c, st, store_save(st, whole));

	if (code != STORE_OK)
		return STORE_FAILED;
	code = ops[c->request.op].run(c, st, out);
	if (code == STORE_OK)
		return from_store(c, st, store_release(st));
	if (code == STORE_REFUSED)
		return store_undo(st) == STORE_OK ? STORE_REFUSED : STORE_FAILED;
	return STORE_FAILED;
}

enum data_state data_call_run(struct data_call *c, struct store *st, struct buf *out)
{
	op_fn *run = ops[c->request.op].run;
	enum store_code code;

	if (run == NULL)
		return run_query(c, st, out);
	buf_puts(out, ANSWER_OK);
	code = data_call_kind(c) == DATA_READ ? run(c, st, out) : run_saved(c, st, out);
	if (code == STORE_OK && buf_puts(out, ANSWER_END) != 0)
		code = refuse(c, "answer too large");
	if (code == STORE_OK)
		return DATA_DONE;
	buf_truncate(out, 0);
	if (code == STORE_BUSY)
		return DATA_LATER;
	if (code == STORE_FAILED && data_call_kind(c) != DATA_READ)
		return DATA_LOST;
	answer_error(out, c->why);
	return DATA_DONE;
}
