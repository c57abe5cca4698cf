/* Whatever text a remote caller sends, it reads nothing but the rows that the policy allows in the
 * table named. Two tables: "notes" (open: each caller sees his own rows) and "diary" beside it. The
 * word that must never come out stands in bob's row, in the diary, in a system table and in the
 * registry.
 *
 * Included by two tests: test_hostile_where goes through the lexical check at the door as callers
 * do, test_engine_walls replaces that check by one that lets everything through, so that what the
 * engine is told must hold by itself. */
#ifndef TESTS_UNIT_DB_HOSTILE_H
#define TESTS_UNIT_DB_HOSTILE_H

#include "tests/unit/db/call_testing.h"

#define SECRET "xyzzy"

static const char *const hostile[] = {
    /* out of the parentheses */
    "1=1) OR (1=1", "1=1) --", "1) UNION SELECT title FROM diary WHERE (1",
    "1) UNION ALL SELECT * FROM notes --", "1=1)) OR ((1=1", "') OR ('1'='1", "1=1) OR 1=1 OR (1",
    "1) LIMIT 100 OFFSET (0", "1) GROUP BY (title", "1) ORDER BY (SELECT title FROM diary",
    "1) WINDOW w AS (ORDER BY title", "1) AND (1", "\") OR (\"", "`) OR (`", "[) OR (]",
    /* second statements */
    "1; SELECT * FROM diary", "1; DROP TABLE notes", "1);DELETE FROM notes;SELECT (1", "1;", ";",
    "1; ATTACH 'x.db' AS x", "1; PRAGMA writable_schema=1",
    /* sub-selects */
    "(SELECT title FROM diary)", "EXISTS (SELECT 1 FROM diary)", "1 IN (SELECT 1 FROM diary)",
    "title = (SELECT title FROM notes WHERE _owner <> 'alice-peer')",
    "(SELECT count(*) FROM main.notes) > 1", "_id IN (SELECT _id FROM main.notes)",
    "2 IN (SELECT _id FROM notes)", "2 IN (SELECT rowid FROM main.notes)",
    "'bob-peer' IN (SELECT _owner FROM main.notes)", "title IN (SELECT max(title) FROM main.notes)",
    "CASE WHEN (SELECT 1 FROM diary) THEN 1 END", "(VALUES (1))", "1 = (VALUES (1), (2))",
    "(WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n)",
    "(WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)",
    "(WITH notes AS (SELECT * FROM main.notes) SELECT group_concat(title) FROM notes)",
    "(SELECT group_concat(title) FROM main.notes)", "NOT EXISTS (SELECT * FROM main.notes)",
    "(SELECT title FROM notes AS m WHERE m._id = 2)", "(TABLE notes)",
    /* tables without a select */
    "1 IN notes", "'x' IN main.diary", "_id IN diary", "1 IN sqlite_master", "1 IN \"diary\"",
    "1 IN pragma_table_info('diary')", "1 IN json_each('[1]')", "_id IN main.notes",
    "2 NOT IN notes", "(1, 2) IN diary", "'bob-peer' IN owners", "1 IN generate_series(1, 9)",
    /* the system's tables, other names of the table */
    "sqlite_master.name = 'x'", "_tables.name = 'x'", "main.notes.title = 'x'", "diary.title = 'x'",
    "d.title = 'x'", "notes.nothing = 1", "sqlite_schema.sql LIKE '%'", "temp.notes.title = 1",
    "(SELECT sql FROM sqlite_master)", "(SELECT schema FROM _tables)", "(SELECT value FROM _meta)",
    "(SELECT title FROM pragma_table_info('diary'))", "(SELECT * FROM dbstat)",
    /* pragma, attach */
    "PRAGMA table_info(diary)", "(PRAGMA user_version)", "ATTACH DATABASE 'x' AS y",
    "pragma_table_info('diary')", "DETACH main", "VACUUM INTO 'x.db'",
    /* comments and quotes that swallow the rest */
    "1=1 --", "1=1 /*", "1=1 /* */ OR 1=1", "--", "/*", "1 --\n", "'", "\"", "`", "[", "x'", "'a",
    "1 OR '", "1 OR \"a", "1 OR 'a''", "\\", "\\'", "1 OR 1=1 --\r\n",
    /* parameters */
    "?1 = 'alice-peer'", "?2", ":a", "@a", "$a", "$a::b(1)", "#1", "? = ?", "?", "?999999",
    /* functions with power or without end */
    "load_extension('x.so')", "randomblob(1000000000)", "zeroblob(1000000000)", "random()",
    "readfile('/etc/passwd')", "writefile('x', 'y')", "edit('x')", "fts3_tokenizer('x')",
    "printf('%1000000000d', 1)", "format('%.*c', 1000000000, 'x')", "sqlite_version()",
    "sqlite_compileoption_get(1)", "last_insert_rowid()", "changes()", "total_changes()",
    "sqlite_source_id()", "json_group_array(title)", "json_extract('{}', '$')", "glob('*', title)",
    "title GLOB '*'", "title MATCH 'x'", "title REGEXP 'x'", "soundex(title)", "quote(title)",
    "likelihood(1, 0.5)", "rtreecheck('x')", "sqlite_log(1, 'x')", "sqlite_offset(title)",
    "sqlite_rename_column(1,2,3,4,5,6,7,8,9)", "match('x', 'y')", "RAISE(ABORT, 'x')",
    "row_number() OVER ()", "sum(n) OVER (ORDER BY n)", "lag(title) OVER ()", "trim(title, 'x')",
    "nofunction()", "count(*) FILTER (WHERE (SELECT 1))", "unknown(1) OR 1",
    /* bad grammar */
    "", " ", "1 2", "1,2", "(1,2)", "*", "notes.*", "AND", "1 AND", "= 1", "SELECT", "FROM diary",
    "1 FROM diary", "title FROM diary WHERE (1", "1 AS x", "DISTINCT title", "ALL", "CASE", "END",
    "CASE WHEN 1 THEN", "IN", "1 IN", "1 IN (", "BETWEEN", "1 BETWEEN 1", "COLLATE",
    "title COLLATE", "title COLLATE nothing", "NOT", "()", "(((((", ")))))",
    "1 IS DISTINCT FROM diary", "1 IS NOT DISTINCT FROM diary.title", "CAST(1 AS", "\xff\xfe",
    "1 \xef\xbb\xbf OR 1", "\xc2\xa0", "nocase", "rowid", "oid = 2", "_rowid_ IN (2)", "notes",
    "diary", "main"};

static const char setup[] =
    "CREATE TABLE _meta (key TEXT, value TEXT); INSERT INTO _meta VALUES ('k', '" SECRET "');"
    "CREATE TABLE diary (_id INTEGER PRIMARY KEY, _owner TEXT, title TEXT, n INTEGER);"
    "INSERT INTO diary VALUES (1, 'alice-peer', '" SECRET "', 1);"
    "INSERT INTO _tables (name, schema) VALUES ('diary', '" SECRET "');"
    "CREATE VIEW owners AS SELECT _owner FROM notes;"
    "INSERT INTO notes (_owner, title, n) VALUES ('alice-peer', 'a', 1);"
    "INSERT INTO notes (_owner, title, n) VALUES ('bob-peer', '" SECRET "', 2);"
    "INSERT INTO notes (_owner, title, n) VALUES ('alice-peer', 'third', 3);";

static int hostile_setup(void **state)
{
	struct place *p;

	place_setup(state);
	p = *state;
	notes_with(p->st, "open");
	outside(p, setup);
	store_refresh(p->st);
	return 0;
}

static char *request(const char *where, const char *column, size_t args)
{
	cJSON *r = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(r, "args");
	char *line;

	cJSON_AddStringToObject(r, "op", "query");
	cJSON_AddStringToObject(r, "table", "notes");
	if (where != NULL)
		cJSON_AddStringToObject(r, "where", where);
	if (column != NULL)
		cJSON_AddItemToArray(
		    cJSON_AddArrayToObject(r, "columns"), cJSON_CreateString(column));
	for (size_t i = 0; i < args; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString("x"));
	line = json_print(r);
	cJSON_Delete(r);
	return line;
}

/* No secret, and no more rows than alice has. */
static void is_tame(const char *line, const char *answer)
{
	cJSON *tree = json_parse(answer, strlen(answer), 1 << 20, NULL);

	if (tree == NULL)
		fail_msg("%s\nanswers what is no JSON: %s", line, answer);
	if (strstr(answer, SECRET) != NULL)
		fail_msg("%s\nanswers %s", line, answer);
	if (cJSON_GetArraySize(cJSON_GetObjectItem(tree, "data")) > 2)
		fail_msg("%s\nanswers %s", line, answer);
	cJSON_Delete(tree);
}

static void try(struct store *st, const char *where, const char *column)
{
	for (size_t args = 0; args < 3; args++) {
		char *line = request(where, column, args);
		char *answer = answer_to(st, &alice, line);
		is_tame(line, answer);
		free(answer);
		free(line);
	}
}

static int64_t fingerprint(const struct place *p)
{
	return outside_number(p, "SELECT (SELECT count(*) FROM notes) * 1000 + (SELECT count(*)"
				 " FROM diary) * 100 + (SELECT count(*) FROM sqlite_schema) * 10"
				 " + (SELECT count(*) FROM _tables)");
}

static void test_texts_of_strangers(void **state)
{
	struct place *p = *state;
	int64_t before = fingerprint(p);

	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		try(p->st, hostile[i], NULL);
		try(p->st, NULL, hostile[i]);
		try(p->st, hostile[i], hostile[i]);
		try(p->st, "1=1", hostile[i]);
	}
	assert_int_equal(fingerprint(p), before);
}

/* Around: what can be learned from whether an answer has rows. Each where, put beside a condition
 * that is true or false, must not tell whether bob's row exists. */
static void test_no_oracle(void **state)
{
	struct place *p = *state;
	struct store *st = p->st;
	char *with[sizeof hostile / sizeof *hostile];
	const size_t n = sizeof hostile / sizeof *hostile;

	for (size_t i = 0; i < n; i++) {
		char *line = request(hostile[i], "_id", 0);
		with[i] = answer_to(st, &alice, line);
		free(line);
	}
	outside(p, "DELETE FROM notes WHERE _owner = 'bob-peer'; DELETE FROM diary;"
		   "DELETE FROM _meta;");
	for (size_t i = 0; i < n; i++) {
		char *line = request(hostile[i], "_id", 0);
		char *without = answer_to(st, &alice, line);
		if (strcmp(with[i], without) != 0)
			fail_msg("%s\nwith    %s\nwithout %s", line, with[i], without);
		free(without);
		free(line);
		free(with[i]);
	}
}

/* The answer is an error, whether as a where or as a column. */
static inline void errs_anywhere(struct store *st, const char *text)
{
	for (size_t i = 0; i < 2; i++) {
		char *line = request(i == 0 ? text : NULL, i == 0 ? NULL : text, 0);
		errs(st, &alice, line, "");
		free(line);
	}
}

static void test_functions_with_power(void **state)
{
	struct store *st = ((struct place *)*state)->st;

	for (const char **f = (const char *[]){"load_extension('x')", "randomblob(1)",
		 "zeroblob(1)", "random()", "printf('%9d', 1)", "format('%9d', 1)",
		 "sqlite_version()", "last_insert_rowid()", "total_changes()",
		 "fts3_tokenizer('x')", "quote(title)", "json_extract('{}', '$')", "title GLOB 'x'",
		 "sqlite_log(1, 'x')", "row_number() OVER ()", "likely(1)", NULL};
	     *f != NULL; f++)
		errs_anywhere(st, *f);
}

static void test_sub_selects(void **state)
{
	struct store *st = ((struct place *)*state)->st;

	for (const char **f = (const char *[]){"(SELECT 1)", "EXISTS (SELECT 1)", "1 IN (SELECT 1)",
		 "(VALUES (1), (2))", "(SELECT 1 UNION SELECT 2)", "1 IN notes", "1 IN diary",
		 "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT i FROM n)",
		 NULL};
	     *f != NULL; f++)
		errs_anywhere(st, *f);
}

/* In pairs of columns, one text could open what the other closes. */
static void test_columns_together(void **state)
{
	struct store *st = ((struct place *)*state)->st;
	static const char *const pairs[][2] = {{"(title", "n)"}, {"'", "'"}, {"\"", "\""},
	    {"/*", "*/"}, {"[", "]"}, {"title FROM diary ORDER BY (1", "1)"},
	    {"(SELECT title", "1 FROM diary)"}, {"1 UNION SELECT title", "1"},
	    {"CASE WHEN 1 THEN title", "1 END"}, {"1 AS notes", "notes.title"}, {"1 AS \"x", "y\""},
	    {"1 AS x FROM diary", "1"}};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		cJSON *r = cJSON_Parse("{\"op\":\"query\",\"table\":\"notes\",\"columns\":[]}");
		cJSON *columns = cJSON_GetObjectItem(r, "columns");
		char *line, *answer;
		cJSON_AddItemToArray(columns, cJSON_CreateString(pairs[i][0]));
		cJSON_AddItemToArray(columns, cJSON_CreateString(pairs[i][1]));
		line = json_print(r);
		answer = answer_to(st, &alice, line);
		is_tame(line, answer);
		free(answer);
		free(line);
		cJSON_Delete(r);
	}
}

#endif
