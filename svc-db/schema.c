#include "svc-db/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "svc-db/expression.h"

#define TYPE_MAX    64
#define DEFAULT_MAX 1024

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool schema_name_ok(const char *name)
{
	size_t n = 0;

	if (!is_letter(*name))
		return false;
	while (is_letter(name[n]) || is_digit(name[n]))
		n++;
	return n <= SCHEMA_NAME_MAX && name[n] == '\0';
}

bool schema_name_is_system(const char *name)
{
	return *name == '_';
}

int schema_put_name(struct buf *sql, const char *name)
{
	int bad = buf_put(sql, "\"", 1);

	for (size_t n; *name != '\0'; name += n) {
		if (*name == '"')
			bad |= buf_put(sql, "\"", 1);
		n = 1 + strcspn(name + 1, "\"");
		bad |= buf_put(sql, name, n);
	}
	return bad | buf_put(sql, "\"", 1);
}

/* Words, and lists of words in parentheses: "TEXT", "VARCHAR(20)", "INTEGER REFERENCES posts(_id)".
 * They reach SQLite unquoted, so that constraints of one column keep working; without quotes,
 * operators and nesting they cannot leave their column. */
static bool type_ok(const char *type)
{
	bool inside = false;

	if (strlen(type) > TYPE_MAX)
		return false;
	for (const char *p = type; *p != '\0'; p++) {
		if (is_letter(*p) || is_digit(*p) || *p == ' ')
			continue;
		if (*p == (inside ? ')' : '('))
			inside = !inside;
		else if (*p != ',' || !inside)
			return false;
	}
	return !inside;
}

static bool is_number(const char *text)
{
	char *end;

	if (!is_digit(*text) && *text != '-' && *text != '+' && *text != '.')
		return false;
	if (strpbrk(text, "xXnN") != NULL)
		return false; /* strtod's hex, inf and nan are not SQL */
	strtod(text, &end);
	return end != text && *end == '\0';
}

/* One string literal and nothing after it. */
static bool is_string(const char *text)
{
	const char *p = text + 1;

	if (*text != '\'')
		return false;
	while (*p != '\0') {
		if (*p != '\'')
			p++;
		else if (p[1] == '\'')
			p += 2;
		else
			return p[1] == '\0';
	}
	return false;
}

static bool is_keyword(const char *text)
{
	static const char *const words[] = {
	    "NULL", "TRUE", "FALSE", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool is_in_parentheses(const char *text)
{
	struct expression e;
	size_t n = strlen(text);
	char inner[DEFAULT_MAX];

	if (n < 3 || text[0] != '(' || text[n - 1] != ')')
		return false;
	memcpy(inner, text + 1, n - 2);
	inner[n - 2] = '\0';
	return expression_check(inner, EXPRESSION_PLAIN, &e) == NULL;
}

/* A bare word is a string, as SQLite reads it. Returns -1 when it is none of what is allowed. */
static int put_default(struct buf *sql, const char *text)
{
	if (strlen(text) >= DEFAULT_MAX)
		return -1;
	if (is_number(text) || is_string(text) || is_keyword(text) || is_in_parentheses(text))
		return buf_putf(sql, " DEFAULT %s", text);
	if (schema_name_ok(text))
		return buf_putf(sql, " DEFAULT '%s'", text);
	return -1;
}

static int refuse(char why[SCHEMA_WHY], const char *what, const char *name)
{
	snprintf(why, SCHEMA_WHY, "%s: %.*s", what, SCHEMA_NAME_MAX, name);
	return -1;
}

static int put_column(
    struct buf *sql, const struct column_def *c, const char *fallback, char why[SCHEMA_WHY])
{
	if (!schema_name_ok(c->name) || schema_name_is_system(c->name))
		return refuse(why, "invalid column name", c->name);
	if (!type_ok(c->type))
		return refuse(why, "invalid type of column", c->name);
	if (*c->default_ != '\0')
		fallback = c->default_;
	schema_put_name(sql, c->name);
	if (*c->type != '\0')
		buf_putf(sql, " %s", c->type);
	if (c->not_null)
		buf_puts(sql, " NOT NULL");
	if (*fallback != '\0' && put_default(sql, fallback) != 0)
		return refuse(why, "invalid default of column", c->name);
	return 0;
}

static bool appears_before(const struct column_def *columns, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcasecmp(columns[k].name, columns[i].name) == 0)
			return true;
	return false;
}

int schema_create(struct buf *sql, const char *table, const struct column_def *columns,
    size_t count, char why[SCHEMA_WHY])
{
	if (!schema_name_ok(table) || schema_name_is_system(table))
		return refuse(why, "invalid table name", table);
	if (count > SCHEMA_COLUMNS_MAX)
		return refuse(why, "too many columns", table);
	buf_puts(sql, "CREATE TABLE ");
	schema_put_name(sql, table);
	buf_puts(sql,
	    " (\n\t_id INTEGER PRIMARY KEY AUTOINCREMENT,\n\t_owner TEXT NOT NULL,\n"
	    "\t_owner_email TEXT DEFAULT '',\n\t_created_at DATETIME DEFAULT CURRENT_TIMESTAMP,\n"
	    "\t_updated_at DATETIME DEFAULT CURRENT_TIMESTAMP");
	for (size_t i = 0; i < count; i++) {
		buf_puts(sql, ",\n\t");
		if (appears_before(columns, i))
			return refuse(why, "column given twice", columns[i].name);
		if (put_column(sql, &columns[i], "", why) != 0)
			return -1;
	}
	return buf_puts(sql, "\n)") == 0 ? 0 : refuse(why, "definition too long", table);
}

/* Numeric by SQLite's rules of affinity (https://sqlite.org/datatype3.html, 3.1), roughly. */
static bool type_is_number(const char *type)
{
	static const char *const parts[] = {"INT", "REAL", "FLOA", "DOUB", "NUM", "DEC", "BOOL"};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strcasestr(type, parts[i]) != NULL)
			return true;
	return false;
}

int schema_add_column(
    struct buf *sql, const char *table, const struct column_def *column, char why[SCHEMA_WHY])
{
	const char *fallback = "";

	if (column->not_null)
		fallback = type_is_number(column->type) ? "0" : "''";
	buf_puts(sql, "ALTER TABLE ");
	schema_put_name(sql, table);
	buf_puts(sql, " ADD COLUMN ");
	return put_column(sql, column, fallback, why);
}

long table_column(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcasecmp(t->columns[i].name, name) == 0)
			return (long)i;
	return -1;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++) {
		free(t->columns[i].name);
		free(t->columns[i].type);
		free(t->columns[i].default_);
	}
	free(t->columns);
	free(t->name);
	free(t->policy);
	free(t->created_at);
	free(t);
}
