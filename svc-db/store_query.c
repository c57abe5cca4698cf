/* Queries: each on a reading connection of its own, so that it sees one state of the database from
 * its first row to its last and that writes go on meanwhile.
 *
 * The caller's expressions never stand next to the filter on rows. What is sent to the engine is
 *
 *	WITH r93f…(made up) AS (SELECT * FROM main."notes" WHERE main."notes"._owner = ?1)
 *	SELECT (columns) FROM r93f… AS "notes" WHERE (expression) LIMIT 10
 *
 * so that an expression, whatever it turned out to mean, is asked about the filtered rows only. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "svc-db/expression.h"
#include "svc-db/store_int.h"

#define SQL_MAX (512 * 1024)

/* Time in the engine: for one row, and for a whole query. */
#define STEP_TRUSTED_US    (2 * 1000 * 1000)
#define STEP_UNTRUSTED_US  (250 * 1000)
#define TOTAL_TRUSTED_US   (60 * 1000 * 1000)
#define TOTAL_UNTRUSTED_US (2 * 1000 * 1000)

struct query {
	struct store *st;
	struct reader *reader;
	sqlite3_stmt *stmt;
	uint64_t left; /* microseconds */
	char *table;   /* whose rows, for the guard */
	char why[STORE_WHY];
};

/* --- readers --- */

static struct reader *reader_new(struct store *st, enum store_code *code)
{
	struct reader *r = xcalloc(1, sizeof *r);
	int rc;

	r->db = store_connect(st);
	if (r->db == NULL) {
		*code = STORE_FAILED;
		free(r);
		return NULL;
	}
	/* The look at the schema loads it, which then counts for no query. */
	rc = sqlite3_exec(r->db,
	    "PRAGMA query_only=ON; PRAGMA cache_size=-512; SELECT 1 FROM sqlite_schema LIMIT 0",
	    NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = guard_attach(&r->guard, r->db);
	*code = store_judge(st, r->db, rc);
	if (*code == STORE_OK)
		return r;
	sqlite3_close(r->db);
	free(r);
	return NULL;
}

static struct reader *take_reader(struct store *st, bool trusted, enum store_code *code)
{
	size_t max = trusted ? STORE_READERS : STORE_READERS - STORE_READERS_OWNER;
	size_t taken = 0;
	struct reader **free_slot = NULL;

	for (size_t i = 0; i < STORE_READERS; i++) {
		if (st->readers[i] != NULL && st->readers[i]->taken)
			taken++;
		else if (free_slot == NULL || *free_slot == NULL)
			free_slot = &st->readers[i];
	}
	if (free_slot == NULL || taken >= max) {
		*code = store_say(st, STORE_BUSY, "too many queries under way");
		return NULL;
	}
	if (*free_slot == NULL)
		*free_slot = reader_new(st, code);
	if (*free_slot != NULL)
		(*free_slot)->taken = true;
	return *free_slot;
}

/* --- SQL --- */

struct build {
	struct store *st;
	struct buf sql;
	const struct query_spec *spec;
	const char *token;
};

static enum store_code put_expression(struct build *b, const char *text, unsigned flags)
{
	const char *why;
	struct expression e;

	if (!b->spec->trusted)
		flags |= EXPRESSION_PLAIN;
	why = expression_check(text, flags, &e);
	if (why != NULL)
		return store_say(b->st, STORE_REFUSED, "%s: %.64s", why, text);
	buf_puts(&b->sql, "(");
	buf_put(&b->sql, e.text, e.len);
	buf_puts(&b->sql, ")");
	if (flags & EXPRESSION_ALIAS) {
		char *name =
		    e.alias != NULL ? xstrndup(e.alias, e.alias_len) : xstrndup(e.text, e.len);
		buf_puts(&b->sql, " AS ");
		schema_put_name(&b->sql, name);
		free(name);
	}
	return STORE_OK;
}

static enum store_code put_column(struct build *b, const char *text)
{
	const struct table *t = b->spec->table;
	long k = table_column(t, text);

	if (k < 0 && strcmp(text, "*") != 0)
		return put_expression(b, text, EXPRESSION_ALIAS);
	/* Given with its table: a name in quotes alone that is no column would be a string. */
	schema_put_name(&b->sql, t->name);
	buf_puts(&b->sql, ".");
	if (k < 0)
		buf_puts(&b->sql, "*");
	else
		schema_put_name(&b->sql, t->columns[k].name);
	return STORE_OK;
}

static enum store_code put_columns(struct build *b)
{
	enum store_code code = STORE_OK;

	if (b->spec->column_count == 0)
		return put_column(b, "*");
	for (size_t i = 0; code == STORE_OK && i < b->spec->column_count; i++) {
		if (i > 0)
			buf_puts(&b->sql, ", ");
		code = put_column(b, b->spec->columns[i]);
	}
	return code;
}

static void put_source(struct build *b)
{
	const char *table = b->spec->table->name;

	buf_putf(&b->sql, "WITH %s AS (SELECT * FROM main.", b->token);
	schema_put_name(&b->sql, table);
	if (b->spec->only_owner != NULL) {
		buf_puts(&b->sql, " WHERE main.");
		schema_put_name(&b->sql, table);
		buf_puts(&b->sql, "." SCHEMA_OWNER " = ?1");
	}
	buf_puts(&b->sql, ") SELECT ");
}

static enum store_code build(struct build *b)
{
	const struct query_spec *spec = b->spec;
	enum store_code code;

	put_source(b);
	code = put_columns(b);
	if (code != STORE_OK)
		return code;
	buf_putf(&b->sql, " FROM %s AS ", b->token);
	schema_put_name(&b->sql, spec->table->name);
	if (*spec->where != '\0') {
		buf_puts(&b->sql, " WHERE ");
		code = put_expression(b, spec->where, 0);
	}
	if (spec->limit > 0 || spec->offset > 0)
		buf_putf(&b->sql, " LIMIT %lld OFFSET %lld",
		    spec->limit > 0 ? (long long)spec->limit : -1LL, (long long)spec->offset);
	if (code == STORE_OK && buf_put(&b->sql, "", 1) != 0)
		code = store_say(b->st, STORE_REFUSED, "query too long");
	return code;
}

/* --- statement --- */

static enum store_code bind_all(struct query *q, const struct query_spec *spec)
{
	size_t first = spec->only_owner != NULL ? 1 : 0;
	size_t wanted = (size_t)sqlite3_bind_parameter_count(q->stmt) - first;
	int rc = SQLITE_OK;

	if (wanted != spec->arg_count)
		return store_say(q->st, STORE_REFUSED, "expected %zu args for the ? given, got %zu",
		    wanted, spec->arg_count);
	/* The request may be gone before the last row: SQLite keeps copies. */
	if (first != 0)
		rc = sqlite3_bind_text(q->stmt, 1, spec->only_owner, -1, SQLITE_TRANSIENT);
	for (size_t i = 0; rc == SQLITE_OK && i < spec->arg_count; i++)
		rc = store_bind(q->stmt, (int)(first + i) + 1, &spec->args[i], true);
	return store_judge(q->st, q->reader->db, rc);
}

static enum store_code prepare(struct query *q, const struct query_spec *spec)
{
	struct build b = {.st = q->st, .spec = spec, .token = q->reader->guard.token};
	struct guard *g = &q->reader->guard;
	enum store_code code;
	const char *tail = "";
	int rc;

	buf_init(&b.sql, SQL_MAX);
	code = build(&b);
	if (code == STORE_OK) {
		guard_start(g, STEP_UNTRUSTED_US);
		rc = sqlite3_prepare_v3(q->reader->db, (const char *)buf_data(&b.sql), -1,
		    spec->trusted ? 0 : SQLITE_PREPARE_NO_VTAB, &q->stmt, &tail);
		code = store_judge(q->st, q->reader->db, rc);
		if (code == STORE_OK &&
		    (q->stmt == NULL || *tail != '\0' || !sqlite3_stmt_readonly(q->stmt)))
			code = store_say(q->st, STORE_REFUSED, "not one query");
		if (code == STORE_OK)
			code = bind_all(q, spec);
		guard_stop(g);
	}
	buf_clear(&b.sql);
	return code;
}

struct query *query_open(struct store *st, const struct query_spec *spec, enum store_code *code)
{
	struct reader *r = take_reader(st, spec->trusted, code);
	struct query *q;

	if (r == NULL)
		return NULL;
	q = xcalloc(1, sizeof *q);
	q->st = st;
	q->reader = r;
	q->left = spec->trusted ? TOTAL_TRUSTED_US : TOTAL_UNTRUSTED_US;
	q->table = xstrdup(spec->table->name);
	guard_begin(&r->guard, r->db, spec->trusted, q->table, spec->only_owner == NULL);
	*code = prepare(q, spec);
	if (*code == STORE_OK)
		return q;
	query_free(q);
	return NULL;
}

void query_free(struct query *q)
{
	if (q == NULL)
		return;
	sqlite3_finalize(q->stmt);
	q->reader->guard.table = NULL;
	q->reader->taken = false;
	free(q->table);
	free(q);
}

size_t query_columns(const struct query *q)
{
	return (size_t)sqlite3_column_count(q->stmt);
}

const char *query_column(const struct query *q, size_t i)
{
	return sqlite3_column_name(q->stmt, (int)i);
}

static enum query_step failed(struct query *q, int rc)
{
	store_judge(q->st, q->reader->db, rc);
	str_copy(q->why, sizeof q->why, q->st->why);
	return QUERY_FAILED;
}

enum query_step query_next(struct query *q)
{
	struct guard *g = &q->reader->guard;
	uint64_t step = g->trusted ? STEP_TRUSTED_US : STEP_UNTRUSTED_US;
	uint64_t began = clock_mono_us(), took;
	int rc;

	if (q->left == 0)
		return failed(q, SQLITE_INTERRUPT);
	guard_start(g, step < q->left ? step : q->left);
	rc = sqlite3_step(q->stmt);
	guard_stop(g);
	took = clock_mono_us() - began;
	q->left -= took < q->left ? took : q->left;
	if (rc == SQLITE_ROW)
		return QUERY_ROW;
	return rc == SQLITE_DONE ? QUERY_END : failed(q, rc);
}

const char *query_why(const struct query *q)
{
	return q->why;
}

struct value query_value(const struct query *q, size_t i)
{
	struct value v = {VALUE_NULL, 0, 0, {NULL, 0}};
	int at = (int)i;

	switch (sqlite3_column_type(q->stmt, at)) {
	case SQLITE_INTEGER:
		v.type = VALUE_INTEGER;
		v.integer = sqlite3_column_int64(q->stmt, at);
		break;
	case SQLITE_FLOAT:
		v.type = VALUE_REAL;
		v.real = sqlite3_column_double(q->stmt, at);
		break;
	case SQLITE_TEXT:
		v.type = VALUE_TEXT;
		v.bytes.data = sqlite3_column_text(q->stmt, at);
		v.bytes.len = (size_t)sqlite3_column_bytes(q->stmt, at);
		break;
	case SQLITE_BLOB:
		v.type = VALUE_BLOB;
		v.bytes.data = sqlite3_column_blob(q->stmt, at);
		v.bytes.len = (size_t)sqlite3_column_bytes(q->stmt, at);
		break;
	default: break;
	}
	return v;
}
