#include "codec/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "codec/json_scan.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53: beyond, a double skips integers */

/* What the grammar alone does not show. Values are numbered from 1 in the order of the text. */
struct check {
	size_t nodes;
	size_t bad; /* number of the value to complain about, 0 for none */
	char what[128];
};

struct member {
	const char *name;
	size_t node;
};

static int by_name_then_place(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order != 0)
		return order;
	return (x->node > y->node) - (x->node < y->node);
}

static void complain(struct check *c, size_t node, const char *what, const char *name)
{
	char shown[80];

	if (c->bad != 0 && c->bad <= node)
		return;
	str_escape(name, strlen(name), shown, sizeof(shown));
	c->bad = node;
	snprintf(c->what, sizeof(c->what), "%s%s", what, shown);
}

static void check_value(struct check *c, const cJSON *value);

static void check_object(struct check *c, const cJSON *object)
{
	size_t count = (size_t)cJSON_GetArraySize(object), n = 0;
	struct member *members = xcalloc(count, sizeof(*members));
	const cJSON *child;

	cJSON_ArrayForEach (child, object) {
		members[n++] = (struct member){child->string, c->nodes + 1};
		check_value(c, child);
	}
	qsort(members, n, sizeof(*members), by_name_then_place);
	for (size_t i = 1; i < n; i++)
		if (strcmp(members[i - 1].name, members[i].name) == 0)
			complain(c, members[i].node, "member occurs twice: ", members[i].name);
	free(members);
}

/* Goes as deep as the text, which the scan has bounded. */
static void check_value(struct check *c, const cJSON *value)
{
	const cJSON *child;

	c->nodes++;
	if (cJSON_IsNumber(value) && !isfinite(value->valuedouble))
		complain(c, c->nodes, "number out of range", "");
	if (cJSON_IsObject(value))
		check_object(c, value);
	else
		cJSON_ArrayForEach (child, value)
			check_value(c, child);
}

static void set_error(struct json_error *error, const char *text, const char *at, const char *what)
{
	if (error == NULL)
		return;
	error->line = 1;
	error->column = 1;
	for (const char *p = text; p < at; p++) {
		if (*p == '\n') {
			error->line++;
			error->column = 1;
		} else if (((unsigned char)*p & 0xc0) != 0x80) {
			error->column++;
		}
	}
	str_copy(error->what, sizeof(error->what), what);
}

cJSON *json_parse(const char *text, size_t n, size_t max_nodes, struct json_error *error)
{
	struct json_scan scan = {.max_nodes = max_nodes};
	struct check check = {0};
	cJSON *tree;

	if (!json_scan_text(&scan, text, n)) {
		set_error(error, text, scan.at, scan.what);
		return NULL;
	}
	tree = cJSON_ParseWithLength(text, n);
	if (tree == NULL) {
		set_error(error, text, text, "expected JSON");
		return NULL;
	}
	check_value(&check, tree);
	if (check.bad == 0)
		return tree;
	cJSON_Delete(tree);
	scan.stop = check.bad;
	json_scan_text(&scan, text, n);
	set_error(error, text, scan.at, check.what);
	return NULL;
}

bool json_where(const char *text, size_t n, size_t value, struct json_error *where)
{
	struct json_scan scan = {.max_nodes = value, .stop = value};

	if (json_scan_text(&scan, text, n) || scan.what != NULL)
		return false;
	set_error(where, text, scan.at, "");
	return true;
}

const char *json_str(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool json_int(const cJSON *object, const char *name, int64_t min, int64_t max, int64_t *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	double v;

	if (!cJSON_IsNumber(item))
		return false;
	v = item->valuedouble;
	if (!(fabs(v) <= EXACT_MAX) || v != floor(v) || (int64_t)v < min || (int64_t)v > max)
		return false;
	*out = (int64_t)v;
	return true;
}
