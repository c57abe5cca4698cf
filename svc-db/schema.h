/* Names, column definitions and the SQL that makes tables. Knows the language, not the database.
 * Source: docs/CONTRACT.md, "Stream protocols" (tables, names, system columns). */
#ifndef DB_SCHEMA_H
#define DB_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "svc-db/access.h"

#define SCHEMA_NAME_MAX    64
#define SCHEMA_COLUMNS_MAX 500 /* a table may be created with */
#define SCHEMA_WHY         192 /* room for a sentence with a name in it */

/* The columns that every table of a site has before its own. */
#define SCHEMA_ID          "_id"
#define SCHEMA_OWNER       "_owner"
#define SCHEMA_OWNER_EMAIL "_owner_email"
#define SCHEMA_CREATED     "_created_at"
#define SCHEMA_UPDATED     "_updated_at"

/* [A-Za-z_][A-Za-z0-9_]{0,63} */
bool schema_name_ok(const char *name);
/* Names that start with "_" are the system's. */
bool schema_name_is_system(const char *name);

/* A column as a request defines it; the strings are lent, "" when absent. */
struct column_def {
	const char *name;
	const char *type;     /* "INTEGER", "VARCHAR(20)", "TEXT UNIQUE"... */
	const char *default_; /* SQL literal, bare word, or expression in parentheses */
	bool not_null;
};

/* Appends the SQL of CREATE TABLE with the system columns in front. Returns 0; or -1 with `why`
 * filled when a name, type or default is not acceptable or a name appears twice. */
int schema_create(struct buf *sql, const char *table, const struct column_def *columns,
    size_t count, char why[SCHEMA_WHY]);

/* Appends the SQL of ALTER TABLE ADD COLUMN; the same errors. A column that may not be null gets a
 * default for the rows already there: what the definition says, or 0 or '' after its type. */
int schema_add_column(
    struct buf *sql, const char *table, const struct column_def *column, char why[SCHEMA_WHY]);

/* Appends the name in double quotes. Any name: quotes inside are doubled. */
int schema_put_name(struct buf *sql, const char *name);

/* A column as it stands in the database. */
struct column {
	char *name;
	char *type;
	char *default_; /* SQL text, or NULL */
	bool not_null;
	bool pk;
};

/* A table as it stands in the database. */
struct table {
	char *name;       /* as it was created; lookups ignore the case of ASCII letters */
	bool registered;  /* has a row in _tables: made by this program or a deployed peer */
	char *policy;     /* insert policy as text, "owner" when unregistered */
	char *created_at; /* "" when unregistered */
	struct access_rules rules;
	struct column *columns;
	size_t count;
};

/* Index of the column with that name (case of ASCII letters ignored), or -1. */
long table_column(const struct table *t, const char *name);

/* Releases the table and all it owns; NULL is fine. */
void table_free(struct table *t);

#endif
