#include "svc-db/request.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/json.h"

const char *request_op_name(enum request_op op)
{
	static const char *const names[] = {
#define O(NAME, name) name,
	    REQUEST_OPS(O)
#undef O
	};

	return (size_t)op < sizeof names / sizeof *names ? names[op] : "?";
}

#define INTEGERS_END 9223372036854775808.0 /* 2^63 */

static int refuse(char why[REQUEST_WHY], const char *field, const char *wanted)
{
	snprintf(why, REQUEST_WHY, "invalid request: %.64s: expected %s", field, wanted);
	return -1;
}

/* --- numbers --- */

static struct value number(double d)
{
	struct value v = {VALUE_REAL, 0, d, {NULL, 0}};

	if (d == floor(d) && d >= -INTEGERS_END && d < INTEGERS_END) {
		v.type = VALUE_INTEGER;
		v.integer = (int64_t)d;
	}
	return v;
}

/* --- fields --- */

static int to_value(const cJSON *item, const char *name, struct value *v, char why[REQUEST_WHY])
{
	*v = (struct value){VALUE_NULL, 0, 0, {NULL, 0}};
	if (cJSON_IsNumber(item)) {
		*v = number(item->valuedouble);
	} else if (cJSON_IsBool(item)) {
		v->type = VALUE_INTEGER;
		v->integer = cJSON_IsTrue(item);
	} else if (cJSON_IsString(item)) {
		v->type = VALUE_TEXT;
		v->bytes.data = (const uint8_t *)item->valuestring;
		v->bytes.len = strlen(item->valuestring);
	} else if (!cJSON_IsNull(item)) {
		return refuse(why, name, "text, a number, a boolean or null");
	}
	return 0;
}

/* The member, or NULL when it is absent or null. */
static const cJSON *member(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return item != NULL && !cJSON_IsNull(item) ? item : NULL;
}

static int get_text(const cJSON *object, const char *name, const char **out, char why[REQUEST_WHY])
{
	const cJSON *item = member(object, name);

	*out = "";
	if (item == NULL)
		return 0;
	if (!cJSON_IsString(item))
		return refuse(why, name, "text");
	*out = item->valuestring;
	return 0;
}

static int get_whole(
    const cJSON *object, const char *name, int64_t max, int64_t *out, char why[REQUEST_WHY])
{
	*out = 0;
	if (member(object, name) == NULL || json_int(object, name, -max, max, out))
		return 0;
	return refuse(why, name, "a whole number");
}

static int get_data(struct request *r, const cJSON *object, char why[REQUEST_WHY])
{
	const cJSON *data = member(object, "data"), *item;

	if (data == NULL)
		return 0;
	if (!cJSON_IsObject(data))
		return refuse(why, "data", "an object");
	r->fields = xcalloc((size_t)cJSON_GetArraySize(data), sizeof *r->fields);
	cJSON_ArrayForEach (item, data) {
		struct field *f = &r->fields[r->field_count++];
		f->column = item->string;
		if (to_value(item, f->column, &f->value, why) != 0)
			return -1;
	}
	return 0;
}

static int get_args(struct request *r, const cJSON *object, char why[REQUEST_WHY])
{
	const cJSON *args = member(object, "args"), *item;

	if (args == NULL)
		return 0;
	if (!cJSON_IsArray(args))
		return refuse(why, "args", "an array");
	r->args = xcalloc((size_t)cJSON_GetArraySize(args), sizeof *r->args);
	cJSON_ArrayForEach (item, args) {
		if (to_value(item, "args", &r->args[r->arg_count++], why) != 0)
			return -1;
	}
	return 0;
}

static int get_columns(struct request *r, const cJSON *list, char why[REQUEST_WHY])
{
	const cJSON *item;

	r->columns = xcalloc((size_t)cJSON_GetArraySize(list), sizeof *r->columns);
	cJSON_ArrayForEach (item, list) {
		if (!cJSON_IsString(item))
			return refuse(why, "columns", "an array of text");
		r->columns[r->column_count++] = item->valuestring;
	}
	return 0;
}

static int get_def(struct column_def *def, const cJSON *item, char why[REQUEST_WHY])
{
	const cJSON *flag = member(item, "not_null");

	/* A column to be dropped may be named without an object around it. */
	if (cJSON_IsString(item)) {
		*def = (struct column_def){item->valuestring, "", "", false};
		return 0;
	}
	if (!cJSON_IsObject(item))
		return refuse(why, "column", "an object with name, type, not_null and default");
	if (flag != NULL && !cJSON_IsBool(flag))
		return refuse(why, "not_null", "true or false");
	def->not_null = cJSON_IsTrue(flag);
	if (get_text(item, "name", &def->name, why) != 0 ||
	    get_text(item, "type", &def->type, why) != 0)
		return -1;
	return get_text(item, "default", &def->default_, why);
}

static int get_defs(struct request *r, const cJSON *list, char why[REQUEST_WHY])
{
	const cJSON *item;

	r->defs = xcalloc((size_t)cJSON_GetArraySize(list), sizeof *r->defs);
	cJSON_ArrayForEach (item, list) {
		if (get_def(&r->defs[r->def_count++], item, why) != 0)
			return -1;
	}
	return 0;
}

/* "columns" holds names for a query, and definitions when a viewer passes on what a page gave to
 * create a table. */
static int get_lists(struct request *r, const cJSON *object, char why[REQUEST_WHY])
{
	const cJSON *columns = member(object, "columns"), *defs = member(object, "column_defs");
	const cJSON *column = member(object, "column");

	if ((columns != NULL && !cJSON_IsArray(columns)) || (defs != NULL && !cJSON_IsArray(defs)))
		return refuse(why, "columns", "an array");
	if (defs == NULL && r->op == REQUEST_CREATE_TABLE)
		defs = columns;
	if (columns != NULL && r->op != REQUEST_CREATE_TABLE && get_columns(r, columns, why) != 0)
		return -1;
	if (defs != NULL)
		return get_defs(r, defs, why);
	if (column == NULL)
		return 0;
	r->defs = xcalloc(1, sizeof *r->defs);
	r->def_count = 1;
	return get_def(&r->defs[0], column, why);
}

static int get_op(struct request *r, const cJSON *object, char why[REQUEST_WHY])
{
	const char *op;

	if (get_text(object, "op", &op, why) != 0)
		return -1;
	for (r->op = 0; strcmp(request_op_name(r->op), "?") != 0; r->op++)
		if (strcmp(request_op_name(r->op), op) == 0)
			return 0;
	snprintf(why, REQUEST_WHY, "unknown op: %.64s", op);
	return -1;
}

static int get_all(struct request *r, const cJSON *object, char why[REQUEST_WHY])
{
	const struct {
		const char *name;
		const char **to;
	} texts[] = {{"table", &r->table}, {"name", &r->name}, {"where", &r->where},
	    {"old_name", &r->old_name}, {"new_name", &r->new_name}, {"policy", &r->policy}};

	if (get_op(r, object, why) != 0)
		return -1;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (get_text(object, texts[i].name, texts[i].to, why) != 0)
			return -1;
	if (get_whole(object, "id", INT64_MAX, &r->id, why) != 0 ||
	    get_whole(object, "limit", REQUEST_LIMIT, &r->limit, why) != 0 ||
	    get_whole(object, "offset", REQUEST_LIMIT, &r->offset, why) != 0)
		return -1;
	if (get_data(r, object, why) != 0 || get_args(r, object, why) != 0)
		return -1;
	return get_lists(r, object, why);
}

int request_parse(struct request *r, const char *line, size_t n, char why[REQUEST_WHY])
{
	struct json_error error;
	cJSON *tree;

	memset(r, 0, sizeof *r);
	tree = json_parse(line, n, REQUEST_NODES, &error);
	if (tree == NULL) {
		snprintf(why, REQUEST_WHY, "invalid json: %s", error.what);
		return -1;
	}
	r->tree = tree;
	if (!cJSON_IsObject(tree)) {
		snprintf(why, REQUEST_WHY, "invalid json: expected an object");
	} else if (!json_is_exact(line, n)) {
		snprintf(why, REQUEST_WHY,
		    "a whole number has more digits than a JSON number keeps: send it as text");
	} else if (get_all(r, tree, why) == 0) {
		return 0;
	}
	request_clear(r);
	return -1;
}

void request_clear(struct request *r)
{
	free(r->fields);
	free(r->args);
	free(r->columns);
	free(r->defs);
	cJSON_Delete(r->tree);
	memset(r, 0, sizeof *r);
}

/* Text is kept once more; each value but the first of a list comes behind a comma. */
size_t request_cost(const char *line, size_t n)
{
	size_t values = 1;

	for (size_t i = 0; i < n; i++)
		values += line[i] == ',' || line[i] == '[' || line[i] == '{';
	if (values > REQUEST_NODES)
		values = REQUEST_NODES;
	return n + values * (sizeof(cJSON) + sizeof(struct field));
}
