/* What data_call.c (any request), data_ops.c (those with one answer) and data_query.c (rows as they
 * are read) share. Included by nothing else. */
#ifndef DB_DATA_CALL_INT_H
#define DB_DATA_CALL_INT_H

#include "svc-db/data_call.h"
#include "svc-db/request.h"

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

/* Sets the sentence that data_call_why() tells, with a name behind it. */
enum store_code data_refuse(struct data_call *c, const char *why);
enum store_code data_refuse_name(struct data_call *c, const char *what, const char *name);
/* Takes over what the store said, unless the code is STORE_OK. */
enum store_code data_from_store(struct data_call *c, struct store *st, enum store_code code);

/* The table named, when the caller may do this to it; *rows are those that he may touch. */
enum store_code data_find_table(struct data_call *c, struct store *st, enum access_op op,
    const struct table **t, enum access_rows *rows);

/* Appends the answer's data. Anything but STORE_OK: what it appended does not count. */
typedef enum store_code data_op(struct data_call *c, struct store *st, struct buf *out);

data_op data_op_tables, data_op_describe, data_op_lua_call, data_op_lua_list;
data_op data_op_insert, data_op_update, data_op_delete;
data_op data_op_create_table, data_op_add_column, data_op_drop_column, data_op_rename_table,
    data_op_delete_table, data_op_set_policy;

/* The next part of a query's answer, as data_call_run(). */
enum data_state data_query_run(struct data_call *c, struct store *st, struct buf *out);

#endif
