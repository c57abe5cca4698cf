/* A data request as it came in: one JSON object, checked and taken apart.
 * Source: docs/CONTRACT.md, "Stream protocols" (data request fields).
 *
 * Values for rows and for ? are null, booleans (stored as 0 and 1), text and numbers. A number
 * whose value is whole and fits 64 bits is stored as an integer, others as a real. Whole numbers
 * with more digits than JSON numbers can keep (beyond 2^53, unless they happen to be exact) are
 * refused instead of rounded: sent as text, an INTEGER column stores them exactly. Objects and
 * arrays cannot be stored. */
#ifndef DB_REQUEST_H
#define DB_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "svc-db/schema.h"
#include "svc-db/value.h"

#define REQUEST_MAX   (1024 * 1024) /* bytes of the line */
#define REQUEST_NODES 16384         /* JSON values in it */
#define REQUEST_LIMIT 1000000000    /* largest limit and offset */
#define REQUEST_WHY   256

/* O(NAME, "name"): everything that can be asked. set-policy is the viewer's /tables/set-policy. */
#define REQUEST_OPS(O)                                                                             \
	O(TABLES, "tables")                                                                        \
	O(DESCRIBE, "describe")                                                                    \
	O(QUERY, "query")                                                                          \
	O(INSERT, "insert")                                                                        \
	O(UPDATE, "update")                                                                        \
	O(DELETE, "delete")                                                                        \
	O(CREATE_TABLE, "create-table")                                                            \
	O(ADD_COLUMN, "add-column")                                                                \
	O(DROP_COLUMN, "drop-column")                                                              \
	O(RENAME_TABLE, "rename-table")                                                            \
	O(DELETE_TABLE, "delete-table")                                                            \
	O(SET_POLICY, "set-policy")                                                                \
	O(LUA_CALL, "lua-call")                                                                    \
	O(LUA_LIST, "lua-list")

enum request_op {
#define O(NAME, name) REQUEST_##NAME,
	REQUEST_OPS(O)
#undef O
};

/* Strings are lent by the request, "" when absent. */
struct request {
	enum request_op op;
	const char *table;
	const char *name;
	const char *where;
	const char *old_name, *new_name;
	const char *policy;
	int64_t id; /* 0 when absent */
	int64_t limit, offset;
	struct field *fields; /* "data" */
	size_t field_count;
	struct value *args;
	size_t arg_count;
	const char **columns;
	size_t column_count;
	/* "column_defs" (a create-table may call them "columns"), or "column" alone. */
	struct column_def *defs;
	size_t def_count;
	void *tree; /* what lends all this */
};

/* Parses a line (with or without its newline). Returns 0; or -1 with `why` filled and nothing to
 * clear. */
int request_parse(struct request *r, const char *line, size_t n, char why[REQUEST_WHY]);
void request_clear(struct request *r);

/* About how much memory the line takes once it is parsed, in bytes; at most a few megabytes. */
size_t request_cost(const char *line, size_t n);

/* As it is written in a request: "query". */
const char *request_op_name(enum request_op op);

#endif
