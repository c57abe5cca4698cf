#include "svc-viewer/data_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/json.h"

#define BODY_NODES  16384
#define WHOLE_NODES 65536

/* The answer of svc-db between its start and the transport's first word: it asks to be tried again.
 */
#define DATA_NOT_YET "own peer id is not known yet"

/* How every answer of success begins that this program or a deployed one writes. */
#define VALUE "{\"ok\":true,\"data\":"

const struct data_line_route *data_line_route(const char *path)
{
	static const struct data_line_route routes[] = {
	    {"tables", "GET", "tables", false},
	    {"tables/create", "POST", "create-table", false},
	    {"tables/describe", "POST", "describe", false},
	    {"tables/delete", "POST", "delete-table", false},
	    {"tables/add-column", "POST", "add-column", false},
	    {"tables/drop-column", "POST", "drop-column", false},
	    {"tables/rename", "POST", "rename-table", false},
	    {"tables/set-policy", "POST", "set-policy", true},
	    {"insert", "POST", "insert", false},
	    {"query", "POST", "query", false},
	    {"update", "POST", "update", false},
	    {"delete", "POST", "delete", false},
	    {"lua/call", "POST", "lua-call", false},
	    {"lua/list", "GET", "lua-list", false},
	};

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(routes[i].path, path) == 0)
			return &routes[i];
	return NULL;
}

/* Pages give the columns of a new table as "columns", which in a request are names. */
static void rename_columns(cJSON *request)
{
	cJSON *columns = cJSON_DetachItemFromObjectCaseSensitive(request, "columns");

	if (columns == NULL)
		return;
	cJSON_DeleteItemFromObjectCaseSensitive(request, "column_defs");
	cJSON_AddItemToObject(request, "column_defs", columns);
}

/* The body as a tree; NULL with *why. A number that the tree does not keep would name another row.
 */
static cJSON *read_body(struct bytes body, const char **why)
{
	const char *text = (const char *)body.data;
	cJSON *request = json_parse(text, body.len, BODY_NODES, NULL);

	if (request == NULL)
		*why = "the body is not JSON";
	else if (!cJSON_IsObject(request))
		*why = "the body is not a JSON object";
	else if (!json_is_exact(text, body.len))
		*why = "a whole number has more digits than a JSON number keeps: send it as text";
	else
		return request;
	cJSON_Delete(request);
	return NULL;
}

char *data_line_ask(
    const struct data_line_route *route, struct bytes body, size_t *n, const char **why)
{
	bool read_only = strcmp(route->method, "GET") == 0;
	cJSON *request = read_only ? cJSON_CreateObject() : read_body(body, why);
	char *text, *line;

	if (request == NULL)
		return NULL;
	cJSON_DeleteItemFromObjectCaseSensitive(request, "op");
	cJSON_AddStringToObject(request, "op", route->op);
	if (strcmp(route->op, "create-table") == 0)
		rename_columns(request);
	text = json_print(request);
	line = xasprintf("%s\n", text);
	*n = strlen(line);
	free(text);
	cJSON_Delete(request);
	return line;
}

enum data_line data_line_begin(struct bytes b, size_t *used)
{
	size_t n = b.len < strlen(VALUE) ? b.len : strlen(VALUE);

	*used = strlen(VALUE);
	if (n > 0 && memcmp(b.data, VALUE, n) != 0)
		return DATA_LINE_WHOLE;
	return n < strlen(VALUE) ? DATA_LINE_MORE : DATA_LINE_VALUE;
}

long data_line_value_end(struct bytes b)
{
	size_t n = b.len;

	while (n > 0 && (b.data[n - 1] == ' ' || b.data[n - 1] == '\r' || b.data[n - 1] == '\t'))
		n--;
	if (n == 0 || b.data[n - 1] != '}')
		return -1;
	return (long)(n - 1);
}

unsigned data_line_status(const char *error)
{
	return strcmp(error, DATA_NOT_YET) == 0 ? 503 : 400;
}

char *data_line_whole(struct bytes b, bool *ok)
{
	cJSON *answer = json_parse((const char *)b.data, b.len, WHOLE_NODES, NULL);
	const cJSON *data;
	const char *error;
	char *text = NULL;

	*ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok"));
	data = cJSON_GetObjectItemCaseSensitive(answer, "data");
	error = json_str(answer, "error");
	if (*ok)
		text = data == NULL ? xstrdup("null") : json_print(data);
	else if (error != NULL)
		text = xstrdup(error);
	cJSON_Delete(answer);
	return text;
}
