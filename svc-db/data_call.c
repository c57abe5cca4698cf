#include "svc-db/data_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "svc-db/answer.h"
#include "svc-db/data_call_int.h"

enum store_code data_refuse(struct data_call *c, const char *why)
{
	str_copy(c->why, sizeof c->why, why);
	return STORE_REFUSED;
}

enum store_code data_refuse_name(struct data_call *c, const char *what, const char *name)
{
	snprintf(c->why, sizeof c->why, "%s: %.*s", what, SCHEMA_NAME_MAX, name);
	return STORE_REFUSED;
}

/* Takes over what the store said. */
enum store_code data_from_store(struct data_call *c, struct store *st, enum store_code code)
{
	if (code != STORE_OK)
		str_copy(c->why, sizeof c->why, store_why(st));
	return code;
}

/* The table named, when the caller may do this to it; *rows are those that he may touch. */
enum store_code data_find_table(struct data_call *c, struct store *st, enum access_op op,
    const struct table **t, enum access_rows *rows)
{
	const struct caller caller = {c->owner, c->peer, c->email};
	const char *name = c->request.table, *refusal;
	/* The owner may look at what else is in the file. */
	bool any = c->owner && (op == ACCESS_READ || op == ACCESS_DESCRIBE);
	enum store_code code = STORE_OK;

	if (*name == '\0' && op == ACCESS_DESCRIBE)
		name = c->request.name;
	if (*name == '\0')
		return data_refuse(c, "table name required");
	*t = any || !schema_name_is_system(name) ? store_table(st, name, &code) : NULL;
	if (code != STORE_OK)
		return data_from_store(c, st, code);
	if (*t == NULL || (!any && !(*t)->registered))
		return data_refuse_name(c, "no such table", name);
	refusal = access_refusal(op, &caller, &(*t)->rules, rows);
	return refusal == NULL ? STORE_OK : data_refuse(c, refusal);
}

static const struct {
	enum data_kind kind;
	data_op *run; /* NULL: data_query_run() */
} ops[] = {
    [REQUEST_TABLES] = {DATA_READ, data_op_tables},
    [REQUEST_DESCRIBE] = {DATA_READ, data_op_describe},
    [REQUEST_QUERY] = {DATA_READ, NULL},
    [REQUEST_INSERT] = {DATA_WRITE, data_op_insert},
    [REQUEST_UPDATE] = {DATA_WRITE, data_op_update},
    [REQUEST_DELETE] = {DATA_WRITE, data_op_delete},
    [REQUEST_CREATE_TABLE] = {DATA_ALTER, data_op_create_table},
    [REQUEST_ADD_COLUMN] = {DATA_ALTER, data_op_add_column},
    [REQUEST_DROP_COLUMN] = {DATA_ALTER, data_op_drop_column},
    [REQUEST_RENAME_TABLE] = {DATA_ALTER, data_op_rename_table},
    [REQUEST_DELETE_TABLE] = {DATA_ALTER, data_op_delete_table},
    [REQUEST_SET_POLICY] = {DATA_ALTER, data_op_set_policy},
    [REQUEST_LUA_CALL] = {DATA_READ, data_op_lua_call},
    [REQUEST_LUA_LIST] = {DATA_READ, data_op_lua_list},
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
	enum store_code code = data_from_store(c, st, store_save(st, whole));

	if (code != STORE_OK)
		return STORE_FAILED;
	store_set_visitor(st, !c->owner);
	code = ops[c->request.op].run(c, st, out);
	if (code == STORE_OK)
		return data_from_store(c, st, store_release(st));
	if (code == STORE_REFUSED)
		return store_undo(st) == STORE_OK ? STORE_REFUSED : STORE_FAILED;
	return STORE_FAILED;
}

enum data_state data_call_run(struct data_call *c, struct store *st, struct buf *out)
{
	data_op *run = ops[c->request.op].run;
	enum store_code code;

	if (run == NULL)
		return data_query_run(c, st, out);
	buf_puts(out, ANSWER_OK);
	code = data_call_kind(c) == DATA_READ ? run(c, st, out) : run_saved(c, st, out);
	if (code == STORE_OK && buf_puts(out, ANSWER_END) != 0)
		code = data_refuse(c, "answer too large");
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
