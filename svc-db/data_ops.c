#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-db/answer.h"
#include "svc-db/data_call_int.h"

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

enum store_code data_op_tables(struct data_call *c, struct store *st, struct buf *out)
{
	return data_from_store(c, st, data_call_tables(st, out));
}

enum store_code data_op_describe(struct data_call *c, struct store *st, struct buf *out)
{
	const struct table *t;
	enum access_rows rows;
	enum store_code code = data_find_table(c, st, ACCESS_DESCRIBE, &t, &rows);

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

enum store_code data_op_lua_call(struct data_call *c, struct store *st, struct buf *out)
{
	(void)st;
	(void)out;
	return data_refuse(c, "lua scripting not enabled");
}

enum store_code data_op_lua_list(struct data_call *c, struct store *st, struct buf *out)
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

/* System columns are not for remote callers to write, and the others not without end. */
static enum store_code check_data(struct data_call *c, struct store *st)
{
	const struct request *r = &c->request;

	for (size_t i = 0; !c->owner && i < r->field_count; i++)
		if (schema_name_is_system(r->fields[i].column))
			return data_refuse_name(
			    c, "system columns cannot be written", r->fields[i].column);
	return c->owner ? STORE_OK : data_from_store(c, st, store_room(st));
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

enum store_code data_op_insert(struct data_call *c, struct store *st, struct buf *out)
{
	const struct table *t;
	enum access_rows rows;
	enum store_code code = data_find_table(c, st, ACCESS_INSERT, &t, &rows);
	struct field *fields;
	size_t count;
	int64_t id = 0;

	if (code == STORE_OK)
		code = check_data(c, st);
	if (code == STORE_OK && *c->peer == '\0')
		code = data_refuse(c, "own peer id is not known yet");
	if (code != STORE_OK)
		return code;
	fields = insert_fields(c, t, &count);
	code = store_insert(st, t, fields, count, &id);
	free(fields);
	buf_putf(out, "{\"status\":\"inserted\",\"id\":%lld}", (long long)id);
	return data_from_store(c, st, code);
}

static enum store_code find_row(struct data_call *c, struct store *st, enum access_op op,
    const struct table **t, const char **owner)
{
	enum access_rows rows;
	enum store_code code = data_find_table(c, st, op, t, &rows);

	*owner = c->peer;
	if (code != STORE_OK)
		return code;
	if (c->request.id <= 0)
		return data_refuse(c, "valid row id required");
	if (rows == ROWS_ALL)
		*owner = NULL;
	return STORE_OK;
}

enum store_code data_op_update(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;
	const struct table *t;
	const char *owner;
	enum store_code code = find_row(c, st, ACCESS_UPDATE, &t, &owner);

	if (code == STORE_OK)
		code = check_data(c, st);
	if (code != STORE_OK)
		return code;
	buf_puts(out, "{\"status\":\"updated\"}");
	return data_from_store(c, st, store_update(st, t, r->id, owner, r->fields, r->field_count));
}

enum store_code data_op_delete(struct data_call *c, struct store *st, struct buf *out)
{
	const struct table *t;
	const char *owner;
	enum store_code code = find_row(c, st, ACCESS_DELETE, &t, &owner);

	if (code != STORE_OK)
		return code;
	buf_puts(out, "{\"status\":\"deleted\"}");
	return data_from_store(c, st, store_delete(st, t, c->request.id, owner));
}

/* --- tables; data_call_new() has seen to it that the owner asks --- */

/* {"status":"created","table":"notes"} */
static void put_status(struct buf *out, const char *status, const char *key, const char *value)
{
	buf_putf(out, "{\"status\":\"%s\",\"%s\":", status, key);
	answer_text(out, value);
	buf_puts(out, "}");
}

enum store_code data_op_create_table(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;
	const char *name = *r->name != '\0' ? r->name : r->table;

	if (*name == '\0')
		return data_refuse(c, "table name required");
	if (r->def_count == 0)
		return data_refuse(c, "at least one column required");
	put_status(out, "created", "table", name);
	return data_from_store(c, st, store_create_table(st, name, r->defs, r->def_count));
}

enum store_code data_op_add_column(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;

	if (*r->table == '\0')
		return data_refuse(c, "table name required");
	if (r->def_count != 1)
		return data_refuse(c, "column definition required");
	buf_puts(out, "{\"status\":\"added\"}");
	return data_from_store(c, st, store_add_column(st, r->table, r->defs));
}

enum store_code data_op_drop_column(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;
	const char *column = r->def_count > 0 ? r->defs[0].name : r->name;

	if (*r->table == '\0')
		return data_refuse(c, "table name required");
	if (*column == '\0')
		return data_refuse(c, "column name required");
	buf_puts(out, "{\"status\":\"dropped\"}");
	return data_from_store(c, st, store_drop_column(st, r->table, column));
}

enum store_code data_op_rename_table(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;

	if (*r->old_name == '\0' || *r->new_name == '\0')
		return data_refuse(c, "old and new name required");
	put_status(out, "renamed", "new_name", r->new_name);
	return data_from_store(c, st, store_rename_table(st, r->old_name, r->new_name));
}

enum store_code data_op_delete_table(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;
	const char *name = *r->table != '\0' ? r->table : r->name;

	if (*name == '\0')
		return data_refuse(c, "table name required");
	put_status(out, "deleted", "table", name);
	return data_from_store(c, st, store_delete_table(st, name));
}

enum store_code data_op_set_policy(struct data_call *c, struct store *st, struct buf *out)
{
	const struct request *r = &c->request;

	if (*r->table == '\0')
		return data_refuse(c, "table name required");
	put_status(out, "updated", "policy", r->policy);
	return data_from_store(c, st, store_set_policy(st, r->table, r->policy));
}
